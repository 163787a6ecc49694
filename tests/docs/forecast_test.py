#!/usr/bin/env python3
"""The command of docs/forecast.md, over two weeks that are put into the ledger's database, since no
test has them.

Usage: forecast_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import sqlite3
import sys
import time

sys.dont_write_bytecode = True
import document
from blocks import blocks_in

NANO = 1_000_000_000
HOUR_US = 3_600_000_000
HOURS = 14 * 24
# A dollar an hour: of the one some 10 are left, of the other nearly all.
POLICY = f"""
defaults: {{on_outage: deny, time_zone: UTC}}
limits:
  - {{id: team-ever, per: [team], unit: usd, amount: {HOURS + 10}, window: lifetime}}
  - {{id: org-month, per: [], unit: usd, amount: 100000, window: month}}
"""
DAY_US = 24 * HOUR_US
SUM = """INSERT INTO {} VALUES
    ('acme', ?, '', 'search', '', 'alice', 'claude-sonnet-4-5', 'input', 1, ?, 1, 0, 0)
    ON CONFLICT DO UPDATE SET cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd"""


class ForecastTest(document.Case):
    DOCUMENT = "docs/forecast.md"

    def follow(self) -> None:
        ledger = self.here / "ledger.db"
        self.aside(f"quotaplane migrate --ledger sqlite:{ledger}")
        this_hour = int(time.time() * 1e6) // HOUR_US * HOUR_US
        with sqlite3.connect(ledger) as database:
            for ago in range(1, HOURS + 1):
                at = this_hour - ago * HOUR_US
                database.execute(SUM.format("rollup_hour"), (at, NANO))
                database.execute(SUM.format("rollup_day"), (at - at % DAY_US, NANO))
        flags = ("--policy", self.write("policy.yaml", POLICY), "--ledger", f"sqlite:{ledger}")
        self.serve(*flags)
        text = self.paste_until(r"ends \d")
        (example,) = [block for block in blocks_in(self.DOCUMENT) if block.language == "text"]
        columns = example.text.splitlines()[0].partition("…")[2].split()
        self.assertEqual(text.splitlines()[0].split()[-len(columns) :], columns)
        self.assert_says(text, r"team-ever .* ends \d+ \w+ \d\d:\d\d\n", r"org-month .* lasts\n")


if __name__ == "__main__":
    document.main(__doc__)
