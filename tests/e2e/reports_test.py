#!/usr/bin/env python3
"""`quotactl report` against a real server on its embedded default: what was replayed is what the
reports say, to the nano, by any grouping; exports hold what they should; bad input is named.

Usage: reports_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC [UNITTEST…]
"""

import argparse
import csv
import io
import json
import re
import sys
import tempfile
import time
import unittest
from decimal import Decimal
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import focus_check  # noqa: E402
from cli_case import DENIED, OPTIONS, PRICES, UNLIMITED_POLICY, WRONG_USE  # noqa: E402
from cli_case import ServerCase, run, test_data, write_trace  # noqa: E402
from python_client import CallError, Client, Protos, Server  # noqa: E402

NANO = 1_000_000_000
DIMENSIONS = ("team", "project", "user", "model", "meter", "cost_center", "api_key", "labels.none")
ROWS = [(100 + 7 * i, 3 + i) for i in range(300)]


def nano(usd: str) -> int:
    return int(Decimal(usd) * NANO)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


class Case(ServerCase):
    POLICY = UNLIMITED_POLICY

    def report(self, *arguments: object) -> dict:
        return self.json("report", *arguments)

    def replay(self, path: Path) -> dict[str, int]:
        """Charges a trace, and waits until the ledger has all of it."""
        totals = self.json("replay", path, "--concurrency", 32)
        deadline = time.monotonic() + 60
        while int(self.report("usage")["total"]["requests"]) < totals["committed"]:
            self.assertLess(time.monotonic(), deadline, self.server.log())
            time.sleep(0.05)
        return totals

    def replay_rows(self) -> dict[str, int]:
        path = self.folder / "trace.csv"
        write_trace(path, ROWS)
        return self.replay(path)

    def assert_measures(self, measures: dict, totals: dict[str, int]) -> None:
        self.assertEqual(int(measures["cost_nano_usd"]), totals["cost_nano_usd"])
        self.assertEqual(int(measures["requests"]), totals["committed"])
        self.assertEqual(int(measures["quantities"]["input"]), totals["input_tokens"])
        self.assertEqual(int(measures["quantities"]["output"]), totals["output_tokens"])

    def assert_adds_up(self, totals: dict[str, int], *arguments: object) -> dict:
        report = self.report("usage", *arguments)
        self.assert_measures(report["total"], totals)
        self.assertEqual(len(report["rows"]), report["total_rows"])
        for name in ("cost_nano_usd", "requests"):
            found = sum(int(row["measures"][name]) for row in report["rows"])
            self.assertEqual(found, int(report["total"][name]))
        for meter, quantity in report["total"]["quantities"].items():
            found = sum(int(r["measures"]["quantities"].get(meter, 0)) for r in report["rows"])
            self.assertEqual(found, int(quantity))
        return report

    def assert_every_grouping_adds_up(self, totals: dict[str, int]) -> None:
        for dimension in DIMENSIONS:
            for more in ([], ["--top", 2], ["--granularity", "hour", "--zone", "Asia/Kolkata"]):
                with self.subTest(dimension, more=more):
                    self.assert_adds_up(totals, "--group-by", dimension, *more)
        self.assert_adds_up(totals, "--group-by", "team,project,user,meter", "--granularity", "day")


class UsageTest(Case):
    def test_every_grouping_is_the_trace(self) -> None:
        totals = self.replay_rows()
        self.assertEqual(totals["cost_nano_usd"], sum(3000 * c + 15000 * g for c, g in ROWS))
        self.assert_every_grouping_adds_up(totals)

    def test_every_grouping_is_the_real_trace(self) -> None:
        data = test_data()
        if data is None:
            return
        path = data / "traces/azure_llm_code_2023.csv"
        totals = self.replay(path)
        with path.open(newline="") as file:
            lines = list(csv.DictReader(file))
        rows = [(int(line["ContextTokens"]), int(line["GeneratedTokens"])) for line in lines]
        self.assertEqual(totals["committed"], len(rows))
        self.assertEqual(totals["cost_nano_usd"], sum(3000 * c + 15000 * g for c, g in rows))
        self.assert_every_grouping_adds_up(totals)

    def test_tables_and_csv_say_the_same(self) -> None:
        totals = self.replay_rows()
        table = self.quotactl("report", "usage", "--group-by", "team").stdout
        self.assertRegex(table, r"^TEAM +COST +REQUESTS +INPUT +OUTPUT\n")
        self.assertRegex(table, rf"TOTAL +\$[\d.,]+ +{totals['committed']} ")
        rows = rows_of(self.quotactl("report", "usage", "--group-by", "team", "--csv").stdout)
        self.assertEqual(sum(nano(row["cost_usd"]) for row in rows), totals["cost_nano_usd"])
        self.assertEqual(sum(int(row["output"]) for row in rows), totals["output_tokens"])

    def test_filters(self) -> None:
        self.replay_rows()
        rows = self.report("usage", "--group-by", "team")["rows"]
        teams = {row["group"][0]: row["measures"] for row in rows}
        team = sorted(teams)[0]
        alone = self.report("usage", "--filter", f"team={team}")["total"]
        self.assertEqual(alone["cost_nano_usd"], teams[team]["cost_nano_usd"])
        glob = self.report("usage", "--filter", f"team={team[0]}*", "--group-by", "team")
        matched = {row["group"][0] for row in glob["rows"]}
        self.assertEqual(matched, {name for name in teams if name[0] == team[0]})
        self.assertEqual(self.report("usage", "--filter", "team=")["rows"], [])

    def test_top_spenders(self) -> None:
        totals = self.replay_rows()
        top = self.report("top", "--top", 3)
        self.assertEqual([s["others"] for s in top["spenders"]], [False, False, False, True])
        costs = [int(s["measures"]["cost_nano_usd"]) for s in top["spenders"]]
        self.assertEqual(costs[:3], sorted(costs[:3], reverse=True))
        self.assertEqual(sum(costs), totals["cost_nano_usd"])
        table = self.quotactl("report", "top", "--by", "team", "--top", 1).stdout
        self.assertIn("all others", table)

    def test_compare_with_nothing_before(self) -> None:
        totals = self.replay_rows()
        report = self.report("compare", "--group-by", "team")
        self.assertEqual(int(report["total"]["cost_change_nano_usd"]), totals["cost_nano_usd"])
        self.assertNotIn("cost_change_millionths", report["total"])
        self.assertIn("new", self.quotactl("report", "compare", "--group-by", "team").stdout)

    def test_an_org_without_usage(self) -> None:
        self.assertIn("Nothing was used", self.quotactl("report", "usage").stdout)


class ExportTest(Case):
    def export(self, *arguments: object) -> str:
        out = self.folder / f"{self.org}.out"
        done = self.quotactl("report", *arguments, "--out", out)
        self.assertRegex(done.stderr, r"[\d,]+ entries, \$[\d.,]+\n$")
        self.assertFalse(Path(f"{out}.part").exists())
        return out.read_bytes().decode()

    def test_csv_and_json_lines_hold_every_entry(self) -> None:
        totals = self.replay_rows()
        rows = rows_of(self.export("export"))
        self.assertEqual(len(rows), 2 * len(ROWS))
        self.assertEqual(sum(nano(row["cost_usd"]) for row in rows), totals["cost_nano_usd"])
        text = self.export("export", "--format", "jsonl")
        lines = [json.loads(line) for line in text.splitlines()]
        for row, line in zip(rows, lines, strict=True):
            self.assertEqual(list(row), list(line))
            self.assertEqual(row["cost_usd"], line["cost_usd"])
            self.assertEqual(json.loads(row["labels"]), line["labels"])
            self.assertEqual(row["late"] == "1", line["late"])

    def test_standard_output_is_the_file(self) -> None:
        self.replay_rows()
        text = self.export("export", "--filter", "meter=output")
        piped = self.quotactl("report", "export", "--filter", "meter=output").stdout
        self.assertEqual(piped, text.replace("\r\n", "\n"))

    def test_focus_is_as_the_specification_has_it(self) -> None:
        totals = self.replay_rows()
        text = self.export("focus", "--provider", "Anthropic", "--invoice-issuer", "Platform team")
        rows = rows_of(text)
        self.assertEqual(sum(nano(row["BilledCost"]) for row in rows), totals["cost_nano_usd"])
        self.assertEqual({row["ProviderName"] for row in rows}, {"Anthropic"})
        self.assertEqual({row["InvoiceIssuerName"] for row in rows}, {"Platform team"})
        data = test_data()
        if data is None:
            return
        columns = focus_check.read_columns(data / "facts/focus_1_2_columns.csv")
        self.assertEqual(sum(column.mandatory for column in columns.values()), 21)
        found = list(focus_check.check(io.StringIO(text, newline=""), columns))
        self.assertEqual([each for each in found if not isinstance(each, Decimal)], [])
        self.assertEqual(sum(found) * NANO, totals["cost_nano_usd"])

    def test_the_checker_finds_what_is_broken(self) -> None:
        data = test_data()
        if data is None:
            return
        self.replay_rows()
        columns = focus_check.read_columns(data / "facts/focus_1_2_columns.csv")
        rows = rows_of(self.export("focus"))[:3]

        def complaints(change) -> set[str]:
            copies = [dict(row) for row in rows]
            for copy in copies:
                change(copy)
            text = io.StringIO(newline="")
            writer = csv.DictWriter(text, copies[0])
            writer.writeheader()
            writer.writerows(copies)
            text.seek(0)
            found = focus_check.check(text, columns)
            return {each.column for each in found if not isinstance(each, Decimal)}

        self.assertEqual(complaints(lambda row: None), set())
        for name, value in {
            "BilledCost": "1,5",
            "ListCost": "7",
            "BillingCurrency": "usd",
            "ChargeCategory": "Use",
            "ChargeClass": "correction",
            "ChargePeriodStart": "2026-11-01 00:00:00",
            "BillingPeriodStart": "2026-11-02T00:00:00Z",
            "ServiceCategory": "AI",
            "ProviderName": "",
            "PricingUnit": "",
            "ConsumedUnit": "tokens",
            "Tags": "[]",
            "SkuPriceDetails": '{"a":1,"a":2}',
        }.items():
            with self.subTest(name):
                self.assertIn(name, complaints(lambda row: row.update({name: value})))
        self.assertEqual(complaints(lambda row: row.pop("ChargeClass")), {"ChargeClass"})
        self.assertEqual(complaints(lambda row: row.update(Own="1")), {"Own"})
        self.assertEqual(complaints(lambda row: row.update(x_Own="1")), set())

    def test_an_export_that_cannot_be_written_says_so(self) -> None:
        self.replay_rows()
        done = self.quotactl("report", "export", "--out", self.folder / "no/such/file", code=1)
        self.assertIn("cannot be written", done.stderr)


REFUSING_POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
models:
  - {id: interns-small-models, when: {team: interns}, allow: ["small*"]}
limits:
  - {id: user-ever, per: [user], unit: requests, amount: 1, window: lifetime}
"""


class RefusalTest(Case):
    POLICY = REFUSING_POLICY

    def refuse(self, count: int, **subject: str) -> None:
        flags = [part for name, value in subject.items() for part in (f"--{name}", value)]
        for i in range(count):
            more = ["--label", "agent=a", "--api-key", "k1", *flags]
            self.reserve(f"{subject['user']}-{i}", *more, code=DENIED)

    def wait_for(self, denied: int) -> dict:
        deadline = time.monotonic() + 60
        while True:
            report = self.report("usage")
            if int(report["total"]["denied"]) == denied:
                return report
            self.assertLess(time.monotonic(), deadline, self.server.log())
            time.sleep(0.05)

    def test_refused_calls_are_in_every_report(self) -> None:
        self.reserve("alice-first", "--user", "alice")
        self.refuse(4, user="alice", team="search", project="web")  # by the limit
        self.refuse(3, user="bob", team="interns")  # by a rule
        self.refuse(3, user="bob", team="interns")  # each again: each is a call
        self.quotactl("check", "--user", "alice", "--model", "large", code=DENIED)
        total = self.wait_for(10)["total"]
        self.assertEqual((total["cost_nano_usd"], total["requests"]), ("0", "0"))
        for dimension, expected in {
            "team": {"search": 4, "interns": 6},
            "project": {"web": 4, "": 6},
            "user": {"alice": 4, "bob": 6},
            "model": {"large": 10},
            "meter": {"": 10},
            "cost_center": {"": 10},
            "api_key": {"k1": 10},
            "labels.agent": {"a": 10},
            "labels.none": {"": 10},
        }.items():
            for more in ([], ["--granularity", "hour", "--zone", "Asia/Kolkata"]):
                with self.subTest(dimension, more=more):
                    rows = self.report("usage", "--group-by", dimension, *more)["rows"]
                    found = dict.fromkeys(expected, 0)
                    for row in rows:
                        found[row["group"][0]] += int(row["measures"]["denied"])
                    self.assertEqual(found, expected)
        rows = self.report("usage", "--group-by", "user", "--order-by", "denied desc")["rows"]
        self.assertEqual([row["group"][0] for row in rows], ["bob", "alice"])
        self.assertEqual(self.report("usage", "--filter", "meter=input")["rows"], [])
        compared = self.report("compare", "--group-by", "team")["total"]
        self.assertEqual(compared["denied_change"], "10")
        table = self.quotactl("report", "usage", "--group-by", "team").stdout
        self.assertRegex(table, r"(?m)^interns +\$0\.00 +0 +6$")
        rows = rows_of(self.quotactl("report", "top", "--by", "team", "--csv").stdout)
        denied = {row["team"]: row["denied"] for row in rows}
        self.assertEqual(denied, {"search": "4", "interns": "6"})


class ReconcileTest(Case):
    """The ledger of one day against what a provider would export for it."""

    def charge(self, **tokens: int) -> str:
        """The day on which it was charged."""
        flags = [p for name, n in tokens.items() for p in (f"--{name.replace('_', '-')}-tokens", n)]
        id = f"call-{next(self.orgs)}"
        self.quotactl("record", "--id", id, "--model", "claude-sonnet-4-5", *flags)
        deadline = time.monotonic() + 60
        while True:
            report = self.report("usage", "--granularity", "day")
            if report["rows"]:
                return report["rows"][0]["start_time"][:10]
            self.assertLess(time.monotonic(), deadline, self.server.log())
            time.sleep(0.05)

    def export(self, day: str, *results: dict) -> Path:
        bucket = {
            "starting_at": f"{day}T00:00:00Z",
            "ending_at": f"{day}T23:59:59Z",
            "results": [{"model": "claude-sonnet-4-5-20250929"} | result for result in results],
        }
        return self.write(f"export-{next(self.orgs)}.json", json.dumps({"data": [bucket]}))

    def reconcile(self, *arguments: object, code: int = 1) -> dict:
        provider = [] if "--provider" in arguments else ["--provider", "anthropic"]
        return self.json("report", "reconcile", *arguments, *provider, code=code)

    def test_what_agrees_says_so(self) -> None:
        day = self.charge(input=1000, output=200)
        usage = self.export(day, {"uncached_input_tokens": 1000, "output_tokens": 200})
        cost = self.export(day, {"amount": "0.6", "currency": "USD"})
        found = self.reconcile(usage, cost, code=0)
        self.assertEqual((found["compared"], found["differences"]), ("1", []))
        self.assertEqual(found["ledger_cost_nano_usd"], "6000000")
        self.assertEqual(found["provider_cost_nano_usd"], "6000000")
        self.assertEqual(found["renamings"][0]["ledger"], ["claude-sonnet-4-5"])
        text = self.quotactl("report", "reconcile", usage, "--provider", "anthropic").stdout
        self.assertIn("Named differently: claude-sonnet-4-5 in the ledger", text)
        self.assertIn("0 of 1 days and models differ", text)

    def test_causes(self) -> None:
        day = self.charge(input=1000, output=200)
        usage = {"uncached_input_tokens": 1000, "output_tokens": 200}
        cost = {"amount": "0.6", "currency": "USD"}
        for cause, results in {
            "missing_in_ledger": [usage | {"output_tokens": 201}],
            "missing_at_provider": [usage | {"output_tokens": 199}],
            "price": [usage, cost | {"amount": "6"}],
            "service_tier": [usage | {"service_tier": "batch"}, cost | {"amount": "0.3"}],
        }.items():
            with self.subTest(cause):
                files = [self.export(day, result) for result in results]
                found = self.reconcile(*files, "--tolerance", 0)["differences"]
                self.assertEqual([each["cause"] for each in found], [cause])
                self.assertEqual(found[0]["day"], day)
                rows = self.quotactl("report", "reconcile", *files, "--provider", "anthropic",
                                     "--tolerance", 0, "--csv", code=1).stdout  # fmt: skip
                self.assertEqual([row["cause"] for row in rows_of(rows)], [cause])
        past = self.export(day, usage, usage | {"model": "claude-opus-4-5"})
        table = self.quotactl("report", "reconcile", past, "--provider", "anthropic", code=1).stdout
        self.assertRegex(table, rf"{day} +claude-opus-4-5 +1,200 +0 +\+1,200 +missing in ledger")

    def test_any_csv(self) -> None:
        day = self.charge(input=1000, output=200)
        text = f"When,SKU,In,Out,USD\n{day},claude-sonnet-4-5,1000,200,0.006\n"
        bill = self.write(f"bill-{self.org}.csv", text)
        names = ("day=When", "model=SKU", "input=In", "output=Out", "cost=USD")
        maps = [part for name in names for part in ("--map", name)]
        self.reconcile(bill, "--provider", "csv", *maps, code=0)
        found = self.reconcile(bill, "--provider", "csv", *maps, "--month", "2025-01", code=0)
        self.assertEqual(found["compared"], "0")

    def test_bad_input_is_named(self) -> None:
        bad = self.write("bad.json", '{"data": [{"starting_at": 7}]}')
        for arguments, message in (
            ([bad, "--provider", "anthropic"], f"{bad}: data[0].starting_at must be a time"),
            ([bad, "--provider", "csv"], f"{bad}: line 1: "),
            ([bad, "--provider", "anthropic", "--map", "day=x"], "--map: only with"),
            ([bad, "--provider", "mistral"], "--provider"),
            ([bad], "--provider"),
        ):
            with self.subTest(message):
                done = self.quotactl("report", "reconcile", *arguments, code=WRONG_USE)
                self.assertIn(message, done.stderr)
        good = self.export("2026-10-01")
        for arguments, message in (
            (["--tolerance", "much"], "--tolerance: "),
            (["--month", "2026-09"], "none of the days"),
            (["--from", "2026-10-01T01:00", "--to", "2026-10-02"], "--from, --to: give whole UTC"),
        ):
            with self.subTest(message):
                done = self.quotactl(
                    "report", "reconcile", good, "--provider", "anthropic", *arguments,
                    code=WRONG_USE)  # fmt: skip
                self.assertIn(message, done.stderr)


class BadInputTest(Case):
    def test_the_server_names_the_field(self) -> None:
        for arguments, field in (
            (["--group-by", "planet"], "group_by[0]"),
            (["--group-by", "team,team"], "group_by[1]"),
            (["--from", "2026-11-02", "--to", "2026-11-01"], "to_time"),
            (["--from", "2001-01-01", "--to", "2026-11-01"], "to_time"),
            (["--from", "2024-01-01", "--granularity", "hour"], "granularity"),
            (["--filter", "planet=mars"], "filters[0].dimension"),
            (["--order-by", "beauty"], "order_by"),
            (["--top", 10_001], "top"),
        ):
            with self.subTest(field):
                done = self.quotactl("report", "usage", *arguments, code=WRONG_USE)
                self.assertRegex(done.stderr, rf"(?m)^  {re.escape(field)} ")

    def test_quotactl_names_the_flag(self) -> None:
        for arguments, flag in (
            (["--month", "2026"], "--month"),
            (["--month", "2026-11", "--from", "2026-11-01"], "--month, --from and --to"),
            (["--from", "soon"], "--from"),
            (["--zone", "Europe/Atlantis"], "--zone"),
            (["--filter", "team"], "--filter"),
            (["--csv", "--json"], "--csv and --json"),
        ):
            with self.subTest(flag):
                done = self.quotactl("report", "usage", *arguments, code=WRONG_USE)
                self.assertTrue(done.stderr.startswith(flag), done.stderr)


class ApiTest(Case):
    """What quotactl does not do: zones and page tokens by hand, clients that do not read."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.protos = Protos(OPTIONS.protoc, cls.folder)
        cls.r = cls.protos.reports

    def setUp(self) -> None:
        super().setUp()
        self.client = Client(self.server.address, self.protos)
        self.addCleanup(self.client.close)

    def request(self, **fields):
        request = self.r.QueryUsageRequest(**{"org": self.org} | fields)
        request.from_time.FromJsonString("2026-01-01T00:00:00Z")
        request.to_time.GetCurrentTime()
        request.to_time.nanos = 0
        request.to_time.seconds += 60
        return request

    def query(self, request):
        path = "/quotaplane.v1.ReportService/QueryUsage"
        return self.client.unary(path, self.r.QueryUsageResponse)(request, timeout=10)

    def refused(self, request) -> CallError:
        with self.assertRaises(grpc.RpcError) as raised:
            self.query(request)
        return CallError(raised.exception, self.protos)

    def test_pages_make_the_whole(self) -> None:
        totals = self.replay_rows()
        request = self.request(group_by=["user", "meter"], page_size=7)
        rows = []
        while True:
            page = self.query(request)
            self.assertLessEqual(len(page.rows), 7)
            self.assertEqual(page.total.cost_nano_usd, totals["cost_nano_usd"])
            rows += page.rows
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        self.assertEqual(len(rows), page.total_rows)
        self.assertEqual(len({tuple(row.group) for row in rows}), len(rows))
        self.assertEqual(sum(r.measures.cost_nano_usd for r in rows), totals["cost_nano_usd"])
        request.top = 1
        self.assertEqual(list(self.refused(request).violations), ["page_token"])

    def test_bad_zones_and_broken_messages(self) -> None:
        error = self.refused(self.request(time_zone="/etc/localtime"))
        self.assertEqual(error.code, grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(list(error.violations), ["time_zone"])
        self.assertEqual(list(self.refused(b"\xff\xff").violations), ["QueryUsageRequest"])
        self.assertEqual(list(self.refused(b"x" * 70_000).violations), ["QueryUsageRequest"])

    def test_many_at_once_are_answered_or_refused(self) -> None:
        self.replay_rows()
        path = "/quotaplane.v1.ReportService/QueryUsage"
        call = self.client.unary(path, self.r.QueryUsageResponse)
        request = self.request(group_by=["api_key", "labels.x"])
        futures = [call.future(request, timeout=30) for _ in range(300)]
        codes = [future.code() for future in futures]
        self.assertGreaterEqual(codes.count(grpc.StatusCode.OK), 64)
        self.assertLessEqual(set(codes), {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED})

    def export(self, client: Client):
        request = self.r.ExportUsageRequest(org=self.org, format=self.r.EXPORT_FORMAT_JSON_LINES)
        query = self.request()
        request.from_time.CopyFrom(query.from_time)
        request.to_time.CopyFrom(query.to_time)
        path = "/quotaplane.v1.ReportService/ExportUsage"
        return client.server_stream(path, self.r.ExportUsageResponse)(request)

    def test_clients_that_leave_hold_nobody_up(self) -> None:
        self.replay_rows()
        for _ in range(20):
            stream = self.export(self.client)
            next(stream)
            stream.cancel()
        chunks = list(self.export(self.client))
        self.assertTrue(chunks[-1].last)
        self.assertEqual(chunks[-1].entries, 2 * len(ROWS))
        text = b"".join(chunk.data for chunk in chunks)
        self.assertEqual(text.count(b"\n"), 2 * len(ROWS))

    def test_a_drain_does_not_wait_for_an_export(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="qp-reports-")))
        path = self.folder / "trace.csv"
        write_trace(path, ROWS * 10)
        server = Server(OPTIONS.program, folder, self.POLICY, PRICES)
        self.addCleanup(lambda: server.ended() is None and server.kill())
        env = {"QUOTAPLANE_SERVER": server.address, "QUOTAPLANE_ORG": self.org}
        self.assertEqual(run(OPTIONS.quotactl, "replay", path, env=env).returncode, 0)
        client = Client(server.address, self.protos)
        self.addCleanup(client.close)
        stream = self.export(client)
        next(stream)  # and read no more
        start = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - start, 5)
        with self.assertRaises(grpc.RpcError) as raised:
            list(stream)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)


class RolesTest(Case):
    def test_a_process_that_has_only_reports_needs_no_redis(self) -> None:
        totals = self.replay_rows()
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="qp-reports-")))
        more = ("--roles", "reports", "--ledger", f"sqlite:{self.folder}/data/ledger.db")
        server = Server(OPTIONS.program, folder, self.POLICY, PRICES, more)
        self.addCleanup(lambda: server.ended() is None and server.kill())
        env = {"QUOTAPLANE_SERVER": server.address, "QUOTAPLANE_ORG": self.org}
        done = run(OPTIONS.quotactl, "report", "usage", "--json", env=env)
        self.assert_measures(json.loads(done.stdout)["total"], totals)
        done = run(OPTIONS.quotactl, "usage", "--json", env=env)
        self.assertEqual(json.loads(done.stdout)["code"], grpc.StatusCode.UNIMPLEMENTED.value[0])
        self.assertFalse((folder / "data/redis").exists())
        self.assertEqual(server.stop(), 0)

    def test_a_ledger_that_is_away_is_said(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="qp-reports-")))
        more = ("--roles", "reports", "--ledger", "postgres://nobody@127.0.0.1:1/none")
        server = Server(OPTIONS.program, folder, self.POLICY, PRICES, more)
        self.addCleanup(lambda: server.ended() is None and server.kill())
        env = {"QUOTAPLANE_SERVER": server.address}
        for command in ("usage", "top", "compare", "export", "statement"):
            done = run(OPTIONS.quotactl, "report", command, env=env)
            self.assertEqual(done.returncode, 1)
            self.assertIn("UNAVAILABLE LEDGER_UNAVAILABLE", done.stderr)
            self.assertIn("its ledger's database is away", done.stderr)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    for name in ("program", "quotactl", "protoc"):
        parser.add_argument(f"--{name}", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(argv=[sys.argv[0], *rest])
