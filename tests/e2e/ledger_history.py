"""Use of the past in a ledger's sums, where reports and forecasts read it: no server could be called then."""

import datetime
import sqlite3

NANO = 1_000_000_000
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US

ADD = (
    "INSERT INTO {} (org, bucket_us, cost_center, team, project, user_name, model, meter,"
    " quantity, cost_nano_usd, requests, overrun_nano_usd) VALUES"
    " (?, ?, 'R-100', ?, 'p', 'alice', 'claude-sonnet-4-5', 'input', 333333, ?, 9, 0)"
    " ON CONFLICT DO UPDATE SET cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd"
)


def last_hour_us(now: datetime.datetime) -> int:
    """The begin of the hour under way."""
    return int(now.timestamp()) // 3600 * HOUR_US


def add_use(ledger: sqlite3.Connection, org: str, team: str, at_us: int, usd: int) -> None:
    """Alice spent so much in the hour that begins at `at_us`."""
    for table, width in (("rollup_hour", HOUR_US), ("rollup_day", DAY_US)):
        ledger.execute(ADD.format(table), (org, at_us - at_us % width, team, usd * NANO))
