#!/usr/bin/env python3
"""tools/bench sizing over real servers, with few requests: every figure is there, and they agree with
each other.

Usage: sizing_test.py --programs FOLDER [unittest's arguments]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
OPTIONS = argparse.Namespace()
REQUESTS = 1_000
ROLES = {"quota", "ledger", "reports", "admin", "alerts", "redis", "postgres"}


class SizingTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-sizing-")
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name, "sizing.json")

    def bench(self, *arguments: object) -> str:
        done = subprocess.run(
            ["/usr/bin/python3", "-B", "-m", "sizing", *map(str, arguments)],
            capture_output=True, text=True, timeout=280,
            env=os.environ | {"PYTHONPATH": str(ROOT / "tools/python")},
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_every_figure_is_there_and_plausible(self) -> None:
        text = self.bench("--programs", OPTIONS.programs, "--requests", REQUESTS, "--json", self.file)
        seen = json.loads(self.file.read_text())
        self.check_costs(seen["costs"], seen["idle_cores"])
        self.check_redis(seen["redis"])
        self.check_databases(seen)
        self.assertEqual(set(seen["memory_mib"]), ROLES)
        for role, memory in seen["memory_mib"].items():
            self.assertGreater(memory["loaded"], 2, role)
        self.assertGreater(seen["people"]["keys"]["redis_bytes_each"], 50)
        self.assertGreater(seen["slow"]["cores"]["quota"], 0)
        self.assertTrue(0.9 < seen["charges_per_request"] <= 1, seen["charges_per_request"])
        # Planned by the file, it is the same plan.
        planned = self.bench("--from", self.file)
        self.assertIn(planned, text)

    def check_costs(self, costs: list[dict], idle_cores: dict[str, float]) -> None:
        kinds = {(row["limits"], row["tls"], row["database"]) for row in costs}
        expected = {(limits, tls, "postgres") for limits in (2, 6, 12) for tls in (True, False)}
        self.assertEqual(kinds, expected | {(6, True, "sqlite")})
        for row in costs:
            self.assertAlmostEqual(row["us_total"], sum(row["us"].values()))
            self.assertLessEqual({"quota", "redis", "ledger"}, set(row["us"]))
            self.assertEqual("postgres" in row["us"], row["database"] == "postgres")
            for role, us in row["us"].items():
                # So few requests may vanish beside what a process does all the time.
                idle_s = idle_cores[role] * row["elapsed_s"] if role in idle_cores else 0
                own_s = max(0, row["cpu_s"][role] - idle_s)
                self.assertAlmostEqual(us, own_s / row["requests"] * 1e6, msg=role)
                self.assertAlmostEqual(us * row["per_s_and_core"][role], 1e6 if us else 0, delta=1)
            for role in ("quota", "redis"):
                # A microsecond is too little, and a tenth of a second too much.
                used_us = row["cpu_s"][role] / row["requests"] * 1e6
                self.assertTrue(1 < used_us < 1e5, (role, row))
            if row["database"] == "postgres":
                self.assertTrue(300 < row["gateway_bytes"]["in"] < 5_000, row)
                self.assertTrue(100 < row["gateway_bytes"]["out"] < 5_000, row)

    def check_redis(self, redis: dict) -> None:
        each = redis["bytes"]
        self.assertTrue(80 < each["calendar_counter"] < 400, each)
        self.assertTrue(488 < each["sliding_counter"] - each["calendar_counter"] < 700, each)
        self.assertTrue(200 < each["open_reservation"] < 1_500, each)
        self.assertTrue(50 < each["ended_reservation"] < 300, each)
        self.assertTrue(200 < each["waiting_charge"] < 1_500, each)
        # Its keys are most of what Redis has grown by.
        self.assertTrue(-0.2 < redis["unexplained"] < 1, redis["unexplained"])
        # The same people spend again: counters are no more than before.
        first, both = redis["staying_bytes"]
        self.assertLess(both, first * 1.5)
        self.assertGreater(redis["aof_bytes_per_million"], 1e6 * each["waiting_charge"])

    def check_databases(self, seen: dict) -> None:
        for name in ("postgres", "sqlite"):
            grown = seen[name]
            rows = {what: grown[what]["rows"] / 1e6 for what in ("entries", "keys")}
            self.assertAlmostEqual(rows["keys"], seen["charges_per_request"], delta=0.05, msg=name)
            self.assertTrue(2 < rows["entries"] / rows["keys"] < 4, rows)
            parts = sum(grown[what][part] for what in ("entries", "keys") for part in ("table", "index"))
            self.assertAlmostEqual(parts, grown["bytes_per_million"], delta=1)
            self.assertGreater(grown["bytes_per_million"], 1e6 * 300)
            for what in ("hours", "days"):
                self.assertGreater(grown[what]["rows_per_person"], 2)
        self.assertGreater(seen["postgres"]["log_bytes_per_million"], seen["postgres"]["entries"]["table"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    parser.add_argument("--programs", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(argv=[sys.argv[0], *rest])
