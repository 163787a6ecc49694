#!/usr/bin/env python3
"""When budgets are used up, from charges of the past days in the ledger to what is scraped.

Usage: budget_metrics_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import contextlib
import datetime
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import poll
from client_case import OPTIONS, main
from ledger_history import HOUR_US, add_use, last_hour_us
from metrics_case import MetricsCase

# What lasts for ever ends in no test.
POLICY = """\
defaults: {on_outage: deny}
limits:
  - {id: team-ever, per: [team], unit: usd, amount: 20, window: lifetime}
  - {id: user-ever, per: [user], unit: usd, amount: 20, window: lifetime}
"""
HISTORY_HOURS = 80
ORG = "acme"
STEADY, FAST, IDLE = "search", "assistant", "idle"
# Forecasts are made as a server starts; limits are looked up every 15 seconds, on a busy machine later.
WAIT_S = 60


class BudgetMetricsTest(MetricsCase):
    POLICY = POLICY

    @classmethod
    def before_start(cls, folder: Path) -> None:
        """A dollar in each hour of the last days, by two teams: their budgets last for 20 hours."""
        path = folder / "data/ledger.db"
        path.parent.mkdir()
        migrate = [OPTIONS.program, "migrate", "--ledger", f"sqlite:{path}"]
        subprocess.run(migrate, check=True, capture_output=True, timeout=60)
        hour = last_hour_us(datetime.datetime.now(datetime.timezone.utc))
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as ledger, ledger:
            for i in range(1, HISTORY_HOURS + 1):
                add_use(ledger, ORG, STEADY, hour - i * HOUR_US, 1)
                add_use(ledger, ORG, FAST, hour - i * HOUR_US, 1)

    def setUp(self) -> None:
        super().setUp()
        self.org = ORG

    def hours_left(self) -> dict[str, float]:
        """From now on, by limit and team."""
        found = re.findall(
            rf'(?m)^quotaplane_budget_exhaustion_timestamp_seconds\{{org="{ORG}",limit="([^"]+)",'
            r'scope="[^"]+",team="([^"]*)",project="",model=""\} (\S+)$',
            self.scrape(),
        )
        return {f"{limit} of {team}": (float(at) - time.time()) / 3600 for limit, team, at in found}

    def test_budgets_end_at_their_pace(self) -> None:
        for team in (STEADY, FAST, IDLE):
            self.reserve(team, team=team, user="alice")
        # Ten dollars more than its pace.
        self.commit(FAST, self.attempt(input=10_000_000 // 3), team=FAST, user="alice")
        steady, fast = f"team-ever of {STEADY}", f"team-ever of {FAST}"
        left = poll(lambda: {steady, fast} <= (now := self.hours_left()).keys() and now, WAIT_S)
        # Two cents are held or spent. What lasts is left out; so is a user's, of which there is a forecast, too.
        self.assertTrue(19 < left[steady] < 20, left)
        self.assertTrue(8 < left[fast] < 10.1, left)
        self.assertEqual(set(left), {steady, fast})
        self.assertIn(f'limit="team-ever",scope="{{org={ORG}, team={IDLE}}}"', self.scrape())
        self.assertTrue(self.limits(user="alice")["user-ever"].HasField("forecast"))


if __name__ == "__main__":
    main(__doc__)
