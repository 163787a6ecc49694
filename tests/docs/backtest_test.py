#!/usr/bin/env python3
"""The commands of docs/backtest.md.

Usage: backtest_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import sys

sys.dont_write_bytecode = True
import document

POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
limits:
  - {id: user-month, per: [user], unit: usd, amount: 500, window: month}
"""


class BacktestTest(document.Case):
    DOCUMENT = "docs/backtest.md"

    def follow(self) -> None:
        self.serve("--policy", self.write("policy.yaml", POLICY))
        spend = "quotactl record --org acme --user alice --model claude-sonnet-4-5"
        for id in ("r-1", "r-2"):
            self.aside(f"{spend} --input-tokens 5000000 --id {id}")
        self.wait_for_charges("acme", 2)
        self.assert_says(
            self.paste(), r"Version 1 (.|\n)*?state +draft", r"\n1 over at once",
            r"\n1 refused \(50\.0%\)", r"\n0 refused",
        )  # fmt: skip


if __name__ == "__main__":
    document.main(__doc__)
