#!/usr/bin/env python3
"""Chargeback against a real server: cost centers by the policy, previews, closes, statements as
files, and what is refused. Usage of past months is put into the ledger's database by hand, since
the server's clock cannot be.

Usage: statements_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC [UNITTEST…]
"""

import argparse
import csv
import io
import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
import time
import unittest
from decimal import Decimal
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]

from cli_case import OPTIONS, UNLIMITED_POLICY, WRONG_USE  # noqa: E402
from cli_case import ServerCase  # noqa: E402
from python_client import CallError, Client, Protos  # noqa: E402

NANO = 1_000_000_000
# Early in September and October 2026, UTC.
SEPTEMBER, OCTOBER = 1_788_400_000_000_000, 1_790_900_000_000_000
DAY, HOUR = 86_400_000_000, 3_600_000_000

POLICY = UNLIMITED_POLICY + """
cost_centers:
  - {from: labels.cost_center}
  - {cost_center: R-100, when: {team: [search, ads]}}
"""

RULES = """
seat_fees:
  - {name: Seat, usd_per_seat: 10, seats: {R-100: 2}}
shared_costs:
  - {name: Ops, usd: 100, allocate: by_usage}
markup_percent: 10
currency: {code: EUR, per_usd: 0.5}
"""

ENTRY = """INSERT INTO ledger_entries (charge_key, line, org, kind, reservation_id, occurred_at_us, recorded_at_us,
    attempt, model, subject_model, priced_as, service_tier, meter, quantity, unit_price_nano_per_million, cost_nano_usd,
    price_version, team, project, user_name, api_key, labels, cost_center, held_nano_usd, overrun_nano_usd, late,
    unreserved, recorded, unpriced, spooled) VALUES (:key, 0, :org, 'usage', :id, :at, :at, 0, 'big', 'big',
    '', 'standard', 'input', :quantity, 1000000000, :cost, 'v', :team, 'p', 'alice', '', '{}',
    :center, 0, 0, 0, 0, 0, 0, 0)"""
ROLLUP = """INSERT INTO {0} VALUES (:org, :bucket, :center, :team, 'p', 'alice', 'big', 'input',
    :quantity, :cost, 1, 0, 0) ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity,
    cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd, requests = requests + 1"""


class Case(ServerCase):
    POLICY = POLICY

    def use(self, at: int, center: str, cost: int, team: str = "search") -> None:
        """One charge of the past."""
        row = dict(org=self.org, id=os.urandom(8).hex(), key=os.urandom(16), at=at, center=center)
        row |= dict(cost=cost, quantity=cost, team=team)
        with sqlite3.connect(self.folder / "data/ledger.db", timeout=30) as ledger:
            key = {"key": row["key"], "at": at}
            ledger.execute("INSERT INTO ledger_keys VALUES (:key, :at)", key)
            ledger.execute(ENTRY, row)
            for table, width in (("rollup_day", DAY), ("rollup_hour", HOUR)):
                ledger.execute(ROLLUP.format(table), row | {"bucket": at - at % width})

    def rules(self) -> Path:
        return self.write("chargeback.yaml", RULES)

    def close(self, month: str, *more: object, code: int = 0):
        return self.quotactl("report", "close", "--month", month, "--yes", *more, code=code)

    def statements(self, *arguments: object) -> list[dict]:
        return self.json("report", "statement", *arguments)["statements"]


class CostCenterTest(Case):
    def test_the_policy_says_whose_cost_it_is(self) -> None:
        record = ["record", "--model", "large", "--input-tokens", 10]
        self.json(*record, "--id", "a", "--team", "ads")
        self.json(*record, "--id", "b", "--team", "ads", "--label", "cost_center=R-7")
        self.json(*record, "--id", "c", "--team", "sales")
        deadline = time.monotonic() + 30
        while True:
            rows = self.json("report", "usage", "--group-by", "cost_center")["rows"]
            centers = {row["group"][0]: int(row["measures"]["requests"]) for row in rows}
            if sum(centers.values()) == 3:
                break
            self.assertLess(time.monotonic(), deadline, self.server.log())
            time.sleep(0.05)
        self.assertEqual(centers, {"R-100": 1, "R-7": 1, "": 1})
        preview = self.statements("--preview")
        self.assertEqual([each["cost_center"] for each in preview], ["", "R-100", "R-7"])
        self.assertEqual({each["number"] for each in preview}, {"0"})


class CloseTest(Case):
    def test_a_month_from_preview_to_the_next_ones_late_usage(self) -> None:
        self.use(SEPTEMBER, "R-100", 3 * NANO)
        self.use(SEPTEMBER + DAY, "", NANO, team="")
        rules = self.rules()
        preview = self.statements("--preview", "--month", "2026-09", "--rules", rules)
        self.assertEqual(self.statements(), [])
        closed = json.loads(self.close("2026-09", "--rules", rules, "--json").stdout)
        self.assertEqual([each | {"number": "0"} for each in closed["statements"]], preview)
        unassigned, center = closed["statements"]
        self.assertEqual(center["usage_nano_usd"], str(3 * NANO))
        self.assertEqual(center["markup_nano_usd"], str(3 * NANO // 10))
        self.assertEqual(center["seat_fees_nano_usd"], str(20 * NANO))
        self.assertEqual(center["shared_costs_nano_usd"], str(75 * NANO))
        self.assertEqual(center["due_nano"], str(98_300_000_000 // 2))
        self.assertEqual(unassigned["total_nano_usd"], str(26_100_000_000))
        self.assertEqual(self.statements("--month", "2026-09"), closed["statements"])

        self.use(SEPTEMBER + 2 * DAY, "R-100", 7)
        self.use(OCTOBER, "R-100", 5)
        self.close("2026-10")
        (october,) = self.statements("--month", "2026-10")
        self.assertEqual(october["number"], "3")
        self.assertEqual((october["usage_nano_usd"], october["late_nano_usd"]), ("5", "7"))
        self.assertEqual(self.statements("--unassigned"), [unassigned])

    def test_a_statement_is_a_file_in_four_forms(self) -> None:
        hostile = '<script>alert("1")</script>'
        self.use(OCTOBER, hostile, 3 * NANO, team="<b>\"&'")
        self.close("2026-10", "--rules", self.rules())
        one = ["report", "statement", "--month", "2026-10", "--cost-center", hostile]
        out = self.folder / f"{self.org}.html"
        self.assertEqual(self.quotactl(*one, "--format", "html", "--out", out).stdout, "")
        page = out.read_text()
        self.assertTrue(page.startswith("<!DOCTYPE html>"))
        self.assertNotIn("<script", page)
        self.assertNotIn("<b>", page)
        self.assertIn("&lt;script&gt;", page)
        self.assertFalse(re.search(r"""(src|href)=|url\(|@import|https?:""", page))
        document = json.loads(self.quotactl(*one, "--json").stdout)
        self.assertEqual(document["cost_center"], hostile)
        number = int(document["number"])
        by_number = self.quotactl("report", "statement", "--number", number, "--format", "json")
        text = by_number.stdout.rstrip("\n")
        canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        self.assertEqual(text, canonical)
        rows = list(csv.DictReader(io.StringIO(self.quotactl(*one, "--format", "csv").stdout)))
        total = sum(Decimal(row["amount_usd"]) for row in rows)
        self.assertEqual(total * NANO, int(document["totals"]["total_nano_usd"]))
        table = self.quotactl(*one).stdout
        self.assertIn(f"statement 2026-10-{number:04}", table)
        self.assertRegex(table, r"AMOUNT DUE +EUR ")

    def test_a_preview_is_a_file_too(self) -> None:
        self.use(OCTOBER, "R-100", 3 * NANO)
        preview = ["report", "statement", "--preview", "--month", "2026-10"]
        one = [*preview, "--cost-center", "R-100"]
        self.assertIn("Preview.", self.quotactl(*one, "--format", "html").stdout)
        self.assertIn("which may change", self.quotactl(*one).stdout)
        missing = self.quotactl(*preview, "--unassigned", "--format", "csv", code=1)
        self.assertIn("STATEMENT_UNKNOWN", missing.stderr)
        csv_list = self.quotactl(*preview, "--format", "csv").stdout
        self.assertTrue(csv_list.startswith("number,month,cost_center"), csv_list)

    def test_somebody_is_asked_first(self) -> None:
        self.use(OCTOBER, "R-100", 3 * NANO)
        done = self.quotactl("report", "close", "--month", "2026-10", code=WRONG_USE)
        self.assertIn("--yes", done.stderr)
        for answer, code in (("n", 1), ("y", 0)):
            ours, theirs = pty.openpty()
            env = os.environ | {"QUOTAPLANE_SERVER": self.server.address, "QUOTAPLANE_ORG": self.org}
            process = subprocess.Popen(
                [OPTIONS.quotactl, "report", "close", "--month", "2026-10"],
                stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True,
            )  # fmt: skip
            os.write(ours, f"{answer}\n".encode())
            stdout, stderr = process.communicate(timeout=30)
            os.close(ours)
            os.close(theirs)
            self.assertEqual(process.returncode, code, stderr)
            self.assertIn("Close 2026-10", stderr)
            self.assertRegex(stdout, r"preview +R-100")
            self.assertEqual(len(self.statements()), 1 - code)


class BadInputTest(Case):
    def test_what_cannot_be_closed(self) -> None:
        def refused(month: str, *more: object) -> str:
            return self.close(month, *more, code=1).stderr

        self.assertIn("FAILED_PRECONDITION MONTH_OPEN", refused("2199-12"))
        self.close("2026-09", "--zone", "Europe/Berlin")
        self.assertIn("MONTH_CLOSED", refused("2026-09", "--zone", "Europe/Berlin"))
        self.assertIn("LATER_MONTH_CLOSED", refused("2026-08", "--zone", "Europe/Berlin"))
        self.assertIn("TIME_ZONE_FIXED", refused("2026-10"))
        done = self.quotactl("report", "statement", "--number", 9, code=1)
        self.assertIn("NOT_FOUND STATEMENT_UNKNOWN", done.stderr)

    def test_an_earlier_month_comes_first(self) -> None:
        self.close("2026-08")
        self.use(SEPTEMBER, "R-100", 1)
        done = self.close("2026-10", code=1)
        self.assertIn("EARLIER_MONTH_OPEN", done.stderr)
        self.assertIn("2026-09", done.stderr)

    def test_what_retention_has_dropped_comes_into_no_statement(self) -> None:
        with sqlite3.connect(self.folder / "data/ledger.db", timeout=30) as ledger:
            # 2026-01-01, for all orgs.
            ledger.execute("INSERT INTO ledger_kept VALUES ('entries', 1767225600000000)")
        for done in (
            self.close("2025-12", code=1),
            self.quotactl("report", "statement", "--preview", "--month", "2025-12", code=1),
        ):
            self.assertIn("OUT_OF_RANGE DATA_DROPPED", done.stderr)
            self.assertIn("2026-01-01T00:00:00Z", done.stderr)
        self.close("2026-01")

    def test_quotactl_names_the_flag(self) -> None:
        rules = self.write("bad.yaml", "seat_fees:\n  - {name: A, usd_per_seat: x, seats: {}}\n")
        for arguments, message in (
            (["close", "--month", "October"], "--month"),
            (["close", "--zone", "Europe/Atlantis"], "--zone"),
            (["close", "--rules", rules], f"{rules}:2: seat_fees[0].usd_per_seat: must be"),
            (["close", "--json"], "--yes"),
            (["statement", "--cost-center", "a", "--unassigned"], "--cost-center and --unassigned"),
            (["statement", "--number", 1, "--month", "2026-10"], "--number"),
            (["statement", "--rules", rules], "--rules"),
            (["statement", "--format", "html"], "--format html"),
        ):
            with self.subTest(arguments):
                done = self.quotactl("report", *arguments, code=WRONG_USE)
                self.assertTrue(done.stderr.startswith(message), done.stderr)
        done = self.quotactl("report", "close", "--rules", self.folder / "none.yaml", code=1)
        self.assertIn("No such file", done.stderr)


class ApiTest(Case):
    """What quotactl does not do: the same close again, broken requests, pages, clients that leave."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.protos = Protos(OPTIONS.protoc, cls.folder)
        cls.s = cls.protos.statements

    def setUp(self) -> None:
        super().setUp()
        self.client = Client(self.server.address, self.protos)
        self.addCleanup(self.client.close)

    def call(self, method: str, request, response):
        path = f"/quotaplane.v1.ReportService/{method}"
        return self.client.unary(path, response)(request, timeout=10)

    def close_month(self, **fields):
        request = self.s.CloseMonthRequest(**{"org": self.org, "month": "2026-10"} | fields)
        return self.call("CloseMonth", request, self.s.CloseMonthResponse)

    def refused(self, **fields) -> CallError:
        with self.assertRaises(grpc.RpcError) as raised:
            self.close_month(**fields)
        return CallError(raised.exception, self.protos)

    def test_the_same_close_again(self) -> None:
        self.use(OCTOBER, "R-100", 3)
        first = self.close_month(request_id="a")
        self.use(OCTOBER, "R-100", 4)
        self.assertEqual(self.close_month(request_id="a"), first)
        other = self.refused(request_id="a", month="2026-09")
        self.assertEqual(other.code, grpc.StatusCode.ALREADY_EXISTS)
        self.assertEqual(other.reason, "REQUEST_MISMATCH")
        self.assertEqual(self.refused(request_id="b").reason, "MONTH_CLOSED")

    def test_broken_requests_change_nothing(self) -> None:
        fee = self.s.SeatFee(name="A", nano_usd_per_seat=-1, per_active_user=True)
        rules = self.s.ChargebackRules(seat_fees=[fee], markup_millionths=-2_000_000)
        error = self.refused(rules=rules, time_zone="Mars/Base", month="10/2026")
        self.assertEqual(error.code, grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(
            list(error.violations),
            ["month", "time_zone", "rules.seat_fees[0].nano_usd_per_seat",
             "rules.markup_millionths", "request_id"],
        )  # fmt: skip
        self.assertEqual(self.statements(), [])

    def test_pages(self) -> None:
        for i in range(7):
            self.use(OCTOBER, f"R-{i}", 1 + i)
        self.close_month(request_id="a")
        request = self.s.ListStatementsRequest(org=self.org, page_size=3)
        numbers = []
        while True:
            page = self.call("ListStatements", request, self.s.ListStatementsResponse)
            numbers += [each.number for each in page.statements]
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        self.assertEqual(numbers, list(range(1, 8)))

    def test_a_large_statement_comes_in_chunks(self) -> None:
        for i in range(600):
            self.use(OCTOBER, "R-100", 1 + i, team=f"team-{i}-{'x' * 60}")
        self.close_month(request_id="a")
        request = self.s.GetStatementRequest(org=self.org, number=1, format=1)
        path = "/quotaplane.v1.ReportService/GetStatement"
        chunks = list(self.client.server_stream(path, self.s.StatementChunk)(request))
        self.assertGreater(len(chunks), 2)
        self.assertLessEqual(max(len(chunk.data) for chunk in chunks), 65_536)
        self.assertEqual([chunk.last for chunk in chunks[:-1]], [False] * (len(chunks) - 1))
        self.assertTrue(chunks[-1].last)
        document = json.loads(b"".join(chunk.data for chunk in chunks))
        self.assertEqual(len(document["lines"]), 600)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    for name in ("program", "quotactl", "protoc"):
        parser.add_argument(f"--{name}", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(argv=[sys.argv[0], *rest])
