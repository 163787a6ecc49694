#!/usr/bin/env python3
"""The figures of docs/operating.md are those of docs/sizing.json, its worked example is what its command
prints. No server.

Usage: operating_figures_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import json
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
import document
from blocks import ROOT

sys.path.append(str(ROOT / "tools/python"))
from sizing import report

DOC = (ROOT / "docs/operating.md").read_text()
SEEN = json.loads((ROOT / "docs/sizing.json").read_text())
BLOCK = re.compile(r"(?s)```bash\n(.*?)```")


def line(*cells: object) -> str:
    """Of a table."""
    return f"| {' | '.join(map(str, cells))} |\n"


def costs() -> str:
    """µs, and requests a second of a core."""

    def cell(row: dict, role: str) -> str:
        if role not in row["us"]:
            return ""
        return f"{row['us'][role]:.0f} ({row['per_s_and_core'][role]:,.0f})"

    return "".join(
        line(
            row["limits"], "yes" if row["tls"] else "no", report.NAMES[row["database"]],
            *(cell(row, role) for role in ("quota", "redis", "ledger", "postgres")),
        )
        for row in report.costs(SEEN)
    )  # fmt: skip


def processes() -> str:
    return "".join(
        line(
            f"`{role}`" if role not in ("redis", "postgres") else {"redis": "Redis"}.get(role, "PostgreSQL"),
            f"{SEEN['idle_cores'][role] * 100:.1f} %", f"{SEEN['slow']['cores'][role] * 100:.1f} %",
            f"{memory['idle']:.0f} MiB", f"{memory['loaded']:.0f} MiB",
        )
        for role, memory in SEEN["memory_mib"].items()
    )  # fmt: skip


def store() -> str:
    each, people = SEEN["redis"]["bytes"], SEEN["people"]
    rows = {
        "a counter of a calendar window or a lifetime": each["calendar_counter"],
        "a counter of a sliding window": each["sliding_counter"],
        "a reservation while it is open": each["open_reservation"],
        "its outcome, for ten minutes after that": each["ended_reservation"],
        "a charge while it waits for the ledger": each["waiting_charge"],
        "an amount of somebody's own, an `overrides` entry": people["overrides"]["redis_bytes_each"],
        "a virtual key": people["keys"]["redis_bytes_each"],
    }
    return "".join(line(what, f"{bytes_:.0f}") for what, bytes_ in rows.items())


def databases() -> str:
    both = [SEEN[name] for name in ("postgres", "sqlite")]
    rows = [
        (f"{what}, {part}", *(report.size(grown[key][bytes_]) for grown in both))
        for what, key in (("entries", "entries"), ("keys of charges", "keys"))
        for part, bytes_ in (("table", "table"), ("indexes", "index"))
    ]
    rows.append(("together", *(f"**{report.size(grown['bytes_per_million'])}**" for grown in both)))
    rows.append(
        ("the same, of the first half", *(report.size(grown["first_bytes_per_million"]) for grown in both))
    )
    rows.append(("write-ahead log, written", report.size(both[0]["log_bytes_per_million"]), ""))
    return "".join(line(*row) for row in rows)


class FiguresTest(unittest.TestCase):
    def test_the_tables_are_what_was_measured(self) -> None:
        for table in (costs(), processes(), store(), databases()):
            self.assertIn(table, DOC)

    def test_what_the_text_says_is_what_was_measured(self) -> None:
        redis, people, run = SEEN["redis"], SEEN["people"], SEEN["run"]
        stays = [report.size(each) for each in redis["staying_bytes"]]
        facts = (
            f"{run['requests']:,} requests in each of the two long runs",
            f"commit `{run['commit']}`",
            f"{SEEN['charges_per_request'] * 100:.0f} of 100",
            f"{SEEN['postgres']['entries']['rows'] / 1e6:.1f} ledger entries",
            f"{redis['unexplained'] * 100:.0f} %",
            f"{stays[0]} after the first half, {stays[1]} after both",
            f"{report.size(redis['aof_bytes_per_million'])} per million requests",
            f"{people['overrides']['quota_bytes_each']:.0f} bytes in each replica",
            f"{people['keys']['quota_bytes_each']:.0f} of a key",
            f"{SEEN['postgres']['hours']['rows_per_person']:.0f} rows an hour",
            f"{SEEN['postgres']['hours']['bytes_per_row']:.0f} bytes each",
        )
        text = " ".join(DOC.split())
        for fact in facts:
            self.assertIn(fact, text)

    def test_the_plan_is_what_its_command_prints(self) -> None:
        (command,) = (block for block in BLOCK.findall(DOC) if "tools/bench" in block)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"```text\n{done.stdout}```", DOC)


if __name__ == "__main__":
    document.main(__doc__)
