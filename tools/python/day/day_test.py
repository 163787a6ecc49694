#!/usr/bin/env python3
"""How a day is judged and shown, without a cluster."""

import json
import os
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cluster.layout import ClusterError
from day import chart, checks, folder, limits, picture, progress, report, shape, timeline, verdict

USD = 10**9


def seen(
    excess: int, limit: str = "team-ever", scope: str = "{org=acme, team=growth}", **more
) -> dict:
    row = {"limit_id": limit, "scope": scope, "unit": "usd", "refuses": True, "looks": 3}
    return row | {"worst_excess": excess} | more


def result(*limits_seen: dict, unheld: int = 0, growth: int = 0, search: int = 0) -> dict:
    teams = [
        {"team": "growth", "excusable_nano_usd": growth},
        {"team": "search", "excusable_nano_usd": search},
    ]
    return {"teams": teams, "unheld": unheld, "limits_seen": list(limits_seen), "limits": []}


class VerdictTest(unittest.TestCase):
    def over(self, *results: dict) -> list[str]:
        return [each.limit for each in verdict.over_admissions(verdict.excesses(list(results)))]

    def test_below_the_amount_is_well(self) -> None:
        self.assertEqual(self.over(result(seen(0), seen(-5, "org-ever", "{org=acme}"))), [])

    def test_past_it_by_what_was_told_is_well_and_a_nano_more_is_not(self) -> None:
        self.assertEqual(self.over(result(seen(7), growth=7)), [])
        self.assertEqual(self.over(result(seen(8), growth=7)), ["team-ever"])

    def test_what_another_team_was_told_excuses_nothing(self) -> None:
        self.assertEqual(self.over(result(seen(7), search=7)), ["team-ever"])

    def test_of_the_org_all_teams_count(self) -> None:
        org = seen(10, "org-ever", "{org=acme}")
        self.assertEqual(self.over(result(org, growth=7, search=3)), [])
        self.assertEqual(self.over(result(org, growth=7, search=2)), ["org-ever"])

    def test_runs_add_up(self) -> None:
        self.assertEqual(self.over(result(seen(2), growth=4), result(seen(6), growth=3)), [])
        self.assertEqual(
            self.over(result(seen(8), growth=4), result(seen(1), growth=3)), ["team-ever"]
        )

    def test_counts_have_no_excuse_but_charges_without_a_hold(self) -> None:
        rpm = seen(1, "user-requests", "{org=acme, user=u}", unit="requests")
        self.assertEqual(self.over(result(rpm, growth=100)), ["user-requests"])
        self.assertEqual(self.over(result(rpm, unheld=1)), [])
        calls = seen(1, "user-open-calls", "{org=acme, user=u}", unit="concurrency")
        self.assertEqual(self.over(result(calls, unheld=9)), ["user-open-calls"])

    def test_limits_that_refuse_nothing_are_no_promise(self) -> None:
        self.assertEqual(self.over(result(seen(5, refuses=False))), [])


class HeldTest(unittest.TestCase):
    """What decides on the exit code."""

    def test_an_over_admission_or_books_that_differ_are_a_failure(self) -> None:
        excess = vars(verdict.Excess("team-ever", "{org=acme}", "usd", 8, 7))
        self.assertTrue(checks.held({"over_admissions": [], "books_balance": True}))
        self.assertFalse(checks.held({"over_admissions": [excess], "books_balance": True}))
        self.assertFalse(checks.held({"over_admissions": [], "books_balance": False}))


class ProgressTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.errors = Path(temporary.name, "load.err")
        self.errors.write_text("")
        self.now = 1000.0
        self.said: list[str] = []
        self.progress = progress.Progress(
            2_000, 100, self.errors, self.said.append, lambda: self.now
        )

    def after(self, seconds: float, done: str) -> None:
        self.now += seconds
        with self.errors.open("a") as file:
            file.write(f"  … requests  {done} of 2,000  0%  refused 7\n")
        self.progress.look()

    def test_it_says_how_much_is_left(self) -> None:
        self.after(1, "10")
        self.assertEqual(self.said, [])
        self.after(29, "600")
        self.assertRegex(self.said[0], r"30 %: 600 of 2,000, 20/s; 1:10 min left; .* free")
        # Behind: the rest at the rate of now.
        self.after(75, "1,350")
        self.assertRegex(self.said[1], r"67 %: 1,350 of 2,000, 10/s; 1:05 min left")

    def test_who_stands_still_is_told_so(self) -> None:
        self.after(10, "600")
        self.after(progress.STANDSTILL_S, "600")
        with self.assertRaisesRegex(ClusterError, "not one request"):
            self.after(1, "600")


class FolderTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.parent = Path(temporary.name)
        patch = unittest.mock.patch.object(folder, "PARENT", self.parent)
        patch.start()
        self.addCleanup(patch.stop)

    def day(self) -> folder.Folder:
        day = folder.Folder(None)
        (day.path / "cluster").mkdir()
        return day

    def test_it_goes_with_the_day_unless_that_went_wrong(self) -> None:
        good, bad = self.day(), self.day()
        good.leave()
        bad.keep()
        bad.leave()
        self.assertEqual([good.path.exists(), bad.path.exists()], [False, True])
        self.day().leave()
        self.assertTrue(bad.path.exists())

    def test_the_next_day_removes_what_a_killed_one_left_and_no_other(self) -> None:
        alive, killed = self.day(), self.day()
        os.close(killed._lock)  # as the kernel does
        theirs = self.parent / "something else"
        theirs.mkdir()
        self.day().leave()
        exist = [path.exists() for path in (alive.path, killed.path, theirs)]
        self.assertEqual(exist, [True, False, True])
        alive.leave()


class TimelineTest(unittest.TestCase):
    SLICES = [
        {"start_ms": 0, "reserve": {"allowed": 98, "refused": 1, "us": [[400, 99]]}},
        {"start_ms": 250, "reserve": {"outage": 1, "us": [[9000, 1]]}},
        {"start_ms": 500, "commit": {"charged": 5, "spooled": 2, "us": [[100, 7]]}},
    ]

    def test_sums_and_percentiles(self) -> None:
        whole = timeline.summary(self.SLICES)
        self.assertEqual((whole.reserves, whole.decided, whole.outage), (100, 99, 1))
        self.assertEqual((whole.p50_us, whole.p99_us, whole.most_us), (400, 400, 9000))
        self.assertEqual(whole.availability, 0.99)
        self.assertEqual((whole.commits, whole.spooled), (7, 2))

    def test_spans_take_the_slices_that_they_touch(self) -> None:
        self.assertEqual(timeline.between(self.SLICES, 100, 260), self.SLICES[:2])
        self.assertEqual(timeline.between(self.SLICES, 250, 251), self.SLICES[1:2])
        self.assertEqual(timeline.summary([]).availability, 1.0)


class ChartTest(unittest.TestCase):
    def test_every_call_is_in_one_point_of_whole_slices(self) -> None:
        slices = [
            {"start_ms": i * 250, "reserve": {"allowed": i, "outage": 1, "us": [[400, i + 1]]}}
            for i in range(10)
        ]
        for most in (1, 3, 4, 10, 99):
            parts = chart.points(slices, 0, 2_500, most)
            self.assertLessEqual(len(parts), most)
            self.assertEqual(parts[-1].end_ms, 2_500)
            calls = [
                sum(part.rates[outcome] * (part.end_ms - part.begin_ms) / 1e3 for part in parts)
                for outcome in ("allowed", "outage")
            ]
            self.assertAlmostEqual(calls[0], 45)
            self.assertAlmostEqual(calls[1], 10)
            self.assertEqual(sum(part.us.total() for part in parts), 55)

    def test_the_seconds_around_alone(self) -> None:
        slices = [{"start_ms": i * 250, "reserve": {"allowed": 1}} for i in range(100)]
        parts = chart.points(slices, 5_000, 6_000, 99)
        self.assertEqual([part.begin_ms for part in parts], [5_000, 5_250, 5_500, 5_750])
        self.assertTrue(all(part.rates["allowed"] == 4 for part in parts))


class ShapeTest(unittest.TestCase):
    def test_a_trace_becomes_a_day(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "traces/a.csv")
            path.parent.mkdir()
            lines = ["TIMESTAMP,ContextTokens,GeneratedTokens"]
            for second in (0, 1, 1, 59):
                lines.append(f"2023-11-16 18:17:{second:02}.5000000,1,1")
            path.write_text("\r\n".join(lines))
            kind, weights = shape.find(folder)
        self.assertEqual(kind, "trace a.csv")
        self.assertEqual((len(weights), sum(weights)), (shape.PARTS, 4))
        self.assertEqual((weights[0], weights[1], weights[-1]), (3, 0, 1))

    def test_without_one_noon_is_busier_than_night(self) -> None:
        _, weights = shape.find(None)
        self.assertEqual(len(weights), shape.PARTS)
        self.assertGreater(weights[10], 3 * weights[2])

    def test_moments_are_busy_ones_in_order(self) -> None:
        weights = [1, 5, 2, 9, 0, 3, 7, 7]
        moments = shape.busy_moments(weights, 4)
        self.assertEqual([int(moment * 8) for moment in moments], [1, 3, 5, 6])
        many = shape.busy_moments(weights, 11)
        self.assertEqual(many, sorted(many))
        self.assertTrue(all(0 <= moment < 1 for moment in many))


class LimitsTest(unittest.TestCase):
    def test_noon_gives_one_team_more_and_the_company_the_same(self) -> None:
        expected = limits.Expected({"growth": 10.0, "platform": 100.0}, 500, 192)
        before, after = (json.loads(limits.document(expected, noon)) for noon in (False, True))
        teams = [
            {t["team"]: t["amount"] for t in p["limits"][1]["overrides"]} for p in (before, after)
        ]
        self.assertEqual(
            teams, [{"growth": 3.0, "platform": 200.0}, {"growth": 7.0, "platform": 200.0}]
        )
        self.assertEqual(before["limits"][0], after["limits"][0])


class ReportTest(unittest.TestCase):
    def test_page_and_table_have_the_events_and_what_did_not_hold(self) -> None:
        over = vars(verdict.Excess("team-ever", "{org=acme, team=growth}", "usd", 8, 7))
        day = {
            "run": {
                "requests": 100, "elapsed_s": 1, "peak_per_s": 100, "shape": "made up",
                "redis": "cluster", "disk_bytes": 1, "repeated_calls": 0, "cores": 2, "commit": "abc",
                "date": "2026-11-27",
            },
            "checks": {
                "over_admissions": [over], "hard_limits": 1, "looks": 3, "met": [],
                "books_balance": True, "counters": 4, "charges_agree": True,
            },
            "ledger": {"charges": 7, "nano_usd": USD}, "clients": {"charges": 7, "nano_usd": USD},
            "first_failure": "", "slices": TimelineTest.SLICES,
            "events": [{"name": "Redis failover", "took_s": 0.1, "start_ms": 200, "end_ms": 400}],
        }  # fmt: skip
        day["rows"] = report.rows(day)
        text, page = report.text(day), picture.page(day)
        self.assertIn("NO   not one over-admission", text)
        self.assertIn("team-ever {org=acme, team=growth}: 8 usd, of which 7 told", text)
        self.assertRegex(text, r"Redis failover +0\.1 s +100 +99\.000 %")
        # Over the day, from close by, in numbers.
        self.assertEqual(page.count("Redis failover"), 3)
        self.assertIn("NO   not one over-admission", page)

    def test_almost_all_is_not_shown_as_all(self) -> None:
        self.assertEqual(report.share(0.9999999), "99.999 %")
        self.assertEqual(report.share(1), "100.000 %")


if __name__ == "__main__":
    unittest.main()
