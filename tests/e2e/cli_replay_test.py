#!/usr/bin/env python3
"""Replays of traces and generated load: totals that are exact, limits that hold.

Usage: cli_replay_test.py --program QUOTAPLANE --quotactl QUOTACTL --loadgen LOADGEN --protoc PROTOC
       [unittest's arguments]
"""

import csv
import json

from cli_case import (
    FAILED,
    OPTIONS,
    UNLIMITED_POLICY,
    USD,
    ServerCase,
    main,
    run,
    test_data,
    write_trace,
)

# Every team has a budget of one cent, but one.
TIGHT_POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
limits:
  - {id: org-month, per: [org], unit: usd, amount: 100, window: month}
  - id: team-month
    per: [team]
    unit: usd
    amount: 0.01
    window: month
    overrides: [{team: search, amount: 50}]
"""


class ReplayTest(ServerCase):
    POLICY = UNLIMITED_POLICY
    ROWS = [(100 + 7 * i, 3 * i) for i in range(200)]
    TOTALS = {
        "requests": 200,
        "committed": 200,
        "denied": 0,
        "input_tokens": sum(c for c, _ in ROWS),
        "output_tokens": sum(g for _, g in ROWS),
        "cost_nano_usd": sum(3000 * c + 15000 * g for c, g in ROWS),
    }

    def setUp(self) -> None:
        super().setUp()
        self.trace = self.folder / "trace.csv"
        write_trace(self.trace, self.ROWS)

    def test_totals_are_exact(self) -> None:
        for concurrency in (1, 32):
            totals = self.json("replay", self.trace, "--concurrency", concurrency)
            self.assertEqual(totals, self.TOTALS)

    def test_a_run_taken_up_again_gives_the_same_totals(self) -> None:
        arguments = ["replay", self.trace, "--run-id", f"run-{self.org}"]
        self.assertEqual(self.json(*arguments), self.TOTALS)
        self.assertEqual(self.json(*arguments), self.TOTALS)

    def test_people_get_a_table(self) -> None:
        done = self.quotactl("replay", self.trace, "--model", "small")
        self.assertRegex(done.stdout, r"committed +200\n")
        self.assertRegex(done.stdout, r"input tokens committed +159,300\n")
        self.assertRegex(done.stdout, r"run [0-9a-f]{16}\n$")

    def test_a_broken_trace_is_named_and_nothing_is_sent(self) -> None:
        path = self.write("broken.csv", self.trace.read_text() + "\nsoon,1,2\n")
        done = self.quotactl("replay", path, code=FAILED)
        self.assertIn(f"{path}:202: TIMESTAMP", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_model_without_a_price_is_denied(self) -> None:
        totals = self.json("replay", self.trace, "--model", "unheard-of")
        self.assertEqual((totals["committed"], totals["denied"]), (0, 200))

    def test_the_real_trace(self) -> None:
        data = test_data()
        if data is None:
            return
        totals = self.json("replay", data / "traces/azure_llm_code_2023.csv")
        expected = {
            "requests": 8819,
            "committed": 8819,
            "denied": 0,
            "input_tokens": 18_059_974,
            "output_tokens": 245_896,
            "cost_nano_usd": 57_868_362_000,
        }
        self.assertEqual(totals, expected)


class TightTest(ServerCase):
    POLICY = TIGHT_POLICY

    def spent(self, *subject: str) -> dict[str, int]:
        limits = self.json("usage", *subject)["limits"]
        return {limit["limit_id"]: int(limit["used"]) for limit in limits}

    def test_a_replay_never_goes_over(self) -> None:
        data = test_data()
        if data is None:
            path = self.folder / "trace.csv"
            write_trace(path, [(2000, 30)] * 2000)
        else:
            path = data / "traces/azure_llm_code_2023.csv"
        with path.open(newline="") as file:
            rows = sum(1 for _ in csv.DictReader(file))
        totals = self.json("replay", path, "--concurrency", 64)
        self.assertEqual(totals["committed"] + totals["denied"], rows)
        self.assertGreater(totals["denied"], 0)
        self.assertEqual(self.spent()["org-month"], totals["cost_nano_usd"])
        for team in ("assistant", "platform", "data-science", "support", "growth"):
            self.assertLessEqual(self.spent("--team", team)["team-month"], USD // 100)
        table = self.quotactl("replay", path).stdout
        self.assertRegex(table, r"DENIED BY +REQUESTS\nteam-month +[\d,]+\n")

    def test_loadgen_adds_up(self) -> None:
        arguments = ["--server", self.server.address, "--org", self.org, "--requests", 600]
        done = run(OPTIONS.loadgen, *arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["requests"], 600)
        self.assertEqual(result["allowed"] + result["refused"], 600)
        self.assertEqual(result["committed"] + result["released"], result["allowed"])
        self.assertGreater(result["refused"], 0)
        self.assertGreater(result["retries"], 0)
        self.assertEqual(result["limits"][0]["limit_id"], "team-month")
        self.assertEqual(sum(t["spent_nano_usd"] for t in result["teams"]), result["spent_nano_usd"])
        # What the clients were told they spent is what the server counts.
        self.assertEqual(result["org"]["budgets"][0]["used_nano_usd"], result["spent_nano_usd"])
        self.assertEqual(self.spent()["org-month"], result["spent_nano_usd"])
        for call in ("reserve", "commit"):
            self.assertGreaterEqual(result[call]["p99_us"], result[call]["p50_us"])
            self.assertGreater(result[call]["p50_us"], 0)

    def test_loadgen_prints_tables(self) -> None:
        arguments = ["--server", self.server.address, "--org", self.org, "--requests", 300]
        text = run(OPTIONS.loadgen, *arguments).stdout
        self.assertRegex(text, r"(?m)^sent +300 +100\.0%$")
        self.assertRegex(text, r"(?m)^team-month +usd +refused +\d+$")
        self.assertRegex(text, r"(?m)^search +\d+ +\d+ +\$[\d.,]+ +team-month \(month UTC\) ")
        self.assertRegex(text, r"(?m)^Reserve +300 +[\d.]+ ms +[\d.]+ ms$")

    def test_loadgen_without_a_server(self) -> None:
        done = run(OPTIONS.loadgen, "--server", "127.0.0.1:1", "--requests", 1)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("No server answers", done.stderr)


if __name__ == "__main__":
    main(__doc__)
