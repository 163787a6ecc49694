#!/usr/bin/env python3
"""The commands of docs/control.md.

Usage: control_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import sys

sys.dont_write_bytecode = True
import document
from waiting import poll

POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
unpriced_models: flag
limits:
  - {id: user-month, per: [user], unit: usd, amount: 500, window: month}
"""
PRICES = """
version: "test"
models:
  - {model: large, from: 2020-01-01, usd_per_million: {input: 3, output: 15}}
"""


class ControlTest(document.Case):
    DOCUMENT = "docs/control.md"

    def follow(self) -> None:
        # Which the document takes for granted; what the reader starts has none of it.
        policy, prices = self.write("file.yaml", POLICY), self.write("prices.yaml", PRICES)
        self.replace["serve --auth"] = f"serve --policy {policy} --prices {prices} --auth"
        self.paste()
        self.assert_says(self.paste(), r"accepts the token")
        self.assert_says(
            self.paste(), r"in force: .*, version 1\n", r"team-search-month-usd .* \$5,000\.00 ",
            r"user-month .* \$500\.00 ",
        )  # fmt: skip
        self.assert_says(
            self.paste(), r"valid: 2 limits", r"Version 2 (.|\n)*?state +draft",
            r"~  .* 5000 -> 4000", r"0 over at once", r"0 refused", r"token:bob",
            r"Version 2 (.|\n)*?state +active", r"Version 3 (.|\n)*?state +active",
            r"\n +3  active",
        )  # fmt: skip
        self.assert_says(self.paste(), r"Version 4 ", r"amount: 700\}", r"state +discarded")
        self.assert_says(
            self.paste(), r"\n  1 .* token:ann +SetLimit +policy/1 +OK",
            r"\{(.|\n)*?ActivatePolicy", r"intact: [\d,]+ rows", r"\n\d+:[0-9a-f]{64}\n$",
        )  # fmt: skip
        self.follow_the_log()
        self.assert_says(
            self.paste(), r"state +requested(.|\n)*?user-month to \$900\.00", r"state +active",
            r"approved +token:bob", r"user-month .* usd ", r"state +revoked",
        )  # fmt: skip
        self.assert_says(
            self.paste(), r"\nqpk_\w+_\S+\n", r"user=carol", r"\nqpk_\w+_\S+\n",
            r"old secret until", r"revoked +token:ann",
        )  # fmt: skip
        self.assert_says(
            self.paste(), r"Price book 1 (.*): draft", r": scheduled from", r"\n +1  .*scheduled"
        )
        self.promote(policy, prices)

    def follow_the_log(self) -> None:
        tail = self.start()
        file = self.here / "audit.jsonl"
        poll(lambda: file.exists() and '"action":"RollbackPolicy"' in file.read_text())
        self.assertIsNone(tail.poll())

    def promote(self, *files: object) -> None:
        """From this server to another, where one logs in first."""
        staging = self.replace["127.0.0.1:7411"]
        data = self.here / "production"
        flags = ("--policy", files[0], "--prices", files[1], "--auth", self.here / "auth.yaml")
        production = self.serve(*flags, "--data-dir", data)
        self.aside("quotactl login --token-file ann.token")
        self.export(QUOTAPLANE_SERVER=staging)
        self.replace["production.example:7411"] = production
        self.assert_says(
            self.paste(), r"No changes\.", r"\+  policy(.|\n)*?a dry run\.",
            r"applied: policy version 1",
        )  # fmt: skip


if __name__ == "__main__":
    document.main(__doc__)
