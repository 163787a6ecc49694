#!/usr/bin/env python3
"""The commands of docs/ledger.md.

Usage: ledger_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import sys

sys.dont_write_bytecode = True
import document


POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
limits:
  - {id: org-month, per: [org], unit: usd, amount: 1000, window: month}
"""


class LedgerTest(document.Case):
    DOCUMENT = "docs/ledger.md"

    def follow(self) -> None:
        self.serve("--policy", self.write("policy.yaml", POLICY))
        self.write("new-policy.yaml", POLICY.replace("month", "year"))
        for id in ("req-1", "req-2"):
            self.aside(
                f"quotactl record --org acme --id {id} --user alice@example.com "
                "--model claude-sonnet-4-5 --input-tokens 100000"
            )
        self.wait_for_charges("acme", 2)
        self.paste()


if __name__ == "__main__":
    document.main(__doc__)
