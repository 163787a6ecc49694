#!/usr/bin/env python3
"""`quotactl anomaly score` and `quotactl anomaly simulate`: the detectors on files and on made-up
companies, without a server.

Usage: anomaly_cli_test.py --quotactl QUOTACTL [--sanitize SANITIZERS] [UNITTEST…]
"""

import argparse
import csv
import functools
import json
import math
import random
import resource
import subprocess
import sys
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

DONE, FAILED, WRONG_USE = 0, 1, 2
ALARM = 0.5
QUIET_ROWS = 99  # at the beginning
OPTIONS = argparse.Namespace()


def quotactl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPTIONS.quotactl, "anomaly", *arguments], capture_output=True, text=True, timeout=280
    )


def day_and_night(rows: int, step_s: int, anomalies: dict[int, float]) -> list[tuple[str, str]]:
    """A daily wave with noise, multiplied where an anomaly says so."""
    noise = random.Random(5)
    begin = datetime(2026, 1, 5, tzinfo=timezone.utc)
    series = []
    for row in range(rows):
        at = begin + timedelta(seconds=row * step_s)
        wave = 50 + 20 * math.sin(2 * math.pi * row * step_s / 86400)
        value = (wave + noise.gauss(0, 2)) * anomalies.get(row, 1)
        series.append((at.strftime("%Y-%m-%d %H:%M:%S"), f"{value:.3f}"))
    return series


class FileCase(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.input = Path(directory.name) / "series.csv"
        self.output = Path(directory.name) / "scores.csv"

    def write(self, series: list[tuple[str, str]]) -> None:
        lines = ["timestamp,value", *(",".join(row) for row in series)]
        self.input.write_text("\n".join(lines) + "\n")

    def score(self) -> subprocess.CompletedProcess[str]:
        return quotactl("score", "--input", str(self.input), "--output", str(self.output))

    def scores(self, series: list[tuple[str, str]]) -> list[float]:
        """Of each row, in the file's order, which goes back as it came."""
        self.write(series)
        done = self.score()
        self.assertEqual((done.returncode, done.stdout, done.stderr), (DONE, "", ""))
        with self.output.open(newline="") as file:
            header, *rows = csv.reader(file)
        self.assertEqual(header, ["timestamp", "value", "anomaly_score"])
        self.assertEqual([(row[0], row[1]) for row in rows], series)
        return [float(row[2]) for row in rows]


class ScoreTest(FileCase):
    def test_scores_are_shares_and_one_event_is_one_alarm(self) -> None:
        spike = {row: 4.0 for row in range(1500, 1510)}
        scores = self.scores(day_and_night(2500, 300, spike))
        self.assertTrue(all(0 <= score <= 1 for score in scores))
        self.assertEqual(scores[:QUIET_ROWS], [0] * QUIET_ROWS)
        alarms = [row for row, score in enumerate(scores) if score >= ALARM]
        self.assertTrue(alarms, "the spike is told")
        self.assertTrue(1500 <= alarms[0] <= 1501, alarms)
        # What is rarer still may be told on top of it, what is like it is not.
        self.assertLessEqual(len(alarms), 3)
        self.assertLess(alarms[-1], 1510)

    def test_a_row_is_scored_by_those_up_to_it(self) -> None:
        series = day_and_night(1600, 300, {1200: 5.0, 1500: 0.1})
        scores = self.scores(series)
        self.assertGreaterEqual(scores[1200], ALARM)
        for rows in (1, 150, 1200, 1201, 1599):
            with self.subTest(rows):
                self.assertEqual(self.scores(series[:rows]), scores[:rows])
        # Whatever comes later.
        other = series[:1300] + [(at, "99999") for at, _ in series[1300:]]
        self.assertEqual(self.scores(other)[:1300], scores[:1300])

    def test_a_hundred_thousand_rows(self) -> None:
        series = day_and_night(100_000, 60, {70_000: 6.0})
        self.write(series)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertEqual(self.score().returncode, DONE)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        with self.output.open() as file:
            self.assertEqual(sum(1 for _ in file), 100_001)
        if not OPTIONS.sanitize:
            # The processor's time: what else this machine does is not at issue.
            took_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            self.assertLess(took_s, 2)

    def test_output_without_a_file_is_stdout(self) -> None:
        self.write(day_and_night(3, 60, {}))
        done = quotactl("score", "--input", str(self.input))
        self.assertEqual(done.returncode, DONE)
        self.assertEqual(len(done.stdout.splitlines()), 4)

    def test_what_is_missing_has_no_score(self) -> None:
        series = day_and_night(400, 300, {})
        series[300] = (series[300][0], "")
        series[301] = (series[301][0], "NaN")
        scores = self.scores(series)
        self.assertEqual(scores[300:302], [0, 0])


class BadInputTest(FileCase):
    def refused(self, text: str) -> str:
        self.input.write_bytes(text.encode())
        done = self.score()
        self.assertEqual((done.returncode, done.stdout), (WRONG_USE, ""), text)
        self.assertFalse(self.output.exists(), "a file that is refused is refused whole")
        return done.stderr.removeprefix(str(self.input))

    def test_names_the_row_and_the_rule(self) -> None:
        good = "timestamp,value\n2026-01-05 00:00:00,1\n"
        for text, told in (
            ("time,value\n", ":1: the first line must name the columns timestamp and value"),
            ("timestamp\n", ":1: the first line must name the columns timestamp and value"),
            (good + "2026-02-30 00:00:00,1\n", ':3: timestamp: "2026-02-30 00:00:00"'),
            (good + "yesterday,1\n", ':3: timestamp: "yesterday"'),
            (good + "2026-01-03 00:00:00,1\n", ":3: timestamp: "),
            (good + "2026-01-05 00:01:00,ten\n", ':3: value: "ten"'),
            (good + "2026-01-05 00:01:00,inf\n", ':3: value: "inf" is no finite number'),
            (good + "2026-01-05 00:01:00,1e999\n", ":3: value: "),
            (good + "\n\n2026-01-05 00:01:00\n", ":5: fewer fields"),
        ):
            with self.subTest(told):
                self.assertTrue(self.refused(text).startswith(told), self.refused(text))

    def test_as_json(self) -> None:
        self.input.write_text("timestamp,value\n1,abc\n")
        done = quotactl("score", "--input", str(self.input), "--json")
        self.assertEqual(done.returncode, WRONG_USE)
        error = json.loads(done.stdout)
        self.assertEqual(error["code"], 3)
        self.assertIn(':2: value: "abc"', error["message"])

    def test_files_that_cannot_be_used(self) -> None:
        done = quotactl("score", "--input", str(self.input))
        self.assertEqual(done.returncode, FAILED)
        self.assertIn(str(self.input), done.stderr)
        self.write(day_and_night(3, 60, {}))
        self.output = self.output / "nowhere.csv"
        done = self.score()
        self.assertEqual(done.returncode, FAILED)
        self.assertIn(str(self.output), done.stderr)
        self.assertEqual(quotactl("score").returncode, WRONG_USE)


class SimulateTest(unittest.TestCase):
    KINDS = {"spike", "shift", "leak", "stolen-key", "runaway"}

    @functools.cache  # a company takes some seconds
    def simulate(self, *arguments: str) -> str:
        done = quotactl("simulate", "--weeks", "1", *arguments)
        self.assertEqual((done.returncode, done.stderr), (DONE, ""))
        return done.stdout

    def test_the_same_seed_is_the_same_company(self) -> None:
        first = self.simulate("--seed", "7", "--json")
        self.assertEqual(self.simulate("--json", "--seed", "7"), first)
        self.assertNotEqual(self.simulate("--seed", "8", "--json"), first)

    def test_companies_add_up(self) -> None:
        one, other, both = (
            json.loads(self.simulate(*arguments, "--json"))
            for arguments in (("--seed", "7"), ("--seed", "8"), ("--seed", "7", "--companies", "2"))
        )
        self.assertEqual(set(both["events"]), self.KINDS)
        for kind in self.KINDS:
            for count in ("events", "found", "in_time"):
                parts = [card["events"][kind][count] for card in (one, other)]
                self.assertEqual(both["events"][kind][count], sum(parts), kind)
            event = both["events"][kind]
            self.assertLessEqual(event["in_time"], event["found"])
            self.assertLessEqual(event["found"], event["events"])
        self.assertGreater(both["events"]["spike"]["events"], 0)
        self.assertEqual(both["findings"], one["findings"] + other["findings"])
        self.assertTrue(0 <= both["precision"] <= 1)

    def test_the_table_for_people(self) -> None:
        table = self.simulate("--seed", "7")
        self.assertRegex(table, r"(?m)^EVENT +HAPPENED +FOUND +IN TIME +RECALL +MEDIAN DELAY +P90$")
        self.assertRegex(table, r"(?m)^spike +2 ")
        self.assertRegex(table, r"false findings per scope and month +\d+\.\d{3}")

    def test_wrong_use(self) -> None:
        for arguments in (("--weeks", "0"), ("--companies", "0"), ("--seed", "x")):
            self.assertEqual(quotactl("simulate", *arguments).returncode, WRONG_USE, arguments)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quotactl", required=True)
    parser.add_argument("--sanitize", default="")
    rest = parser.parse_known_args(namespace=OPTIONS)[1]
    unittest.main(argv=[sys.argv[0], *rest])
