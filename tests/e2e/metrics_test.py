#!/usr/bin/env python3
"""What a process tells over HTTP: its metrics, by the golden file and by docs/metrics.md, and whether
it lives and is ready.

Usage: metrics_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
E2E = Path(__file__).resolve().parent
ROOT = E2E.parents[1]
sys.path.insert(0, str(E2E))
from admin_case import poll
from client_case import OPTIONS, PRICES, main
from metrics_case import MetricsCase
from python_client import Server

POLICY = """\
defaults: {on_outage: deny}
limits:
  - {id: org-month, per: [org], unit: usd, amount: 1000, window: month}
  - {id: team-day, per: [team], unit: requests, amount: 2, window: day}
  - {id: user-day, per: [user], unit: requests, amount: 50, window: day}
"""
def golden() -> dict[str, dict[str, tuple[str, bool]]]:
    """By section and name: "type label label", and whether it is there in any case."""
    sections: dict[str, dict[str, tuple[str, bool]]] = {}
    for line in (E2E / "metrics.golden").read_text().splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
            continue
        name, rest = line.split(" ", 1)
        section[name] = (rest.removesuffix(" ?"), not rest.endswith(" ?"))
    return sections


def documented() -> dict[str, dict[str, tuple[str, bool]]]:
    """The same from the tables of docs/metrics.md."""
    names = {
        "Every process": "process",
        "Processes with a counter store": "store",
        "Role `quota`": "quota",
        "Role `ledger`": "ledger",
        "Role `alerts`": "alerts",
    }
    sections: dict[str, dict[str, tuple[str, bool]]] = {}
    for line in (ROOT / "docs/metrics.md").read_text().splitlines():
        if line.startswith("## "):
            section = sections.setdefault(names[line[3:]], {})
        elif row := re.match(r"\| `(\w+)`( \?)? \| (\w+) \|(.*?)\| .+ \|$", line):
            labels = re.findall(r"`(\w+)`", row[4])
            section[row[1]] = (" ".join([row[3], *labels]), row[2] is None)
    return sections


def told(text: str) -> dict[str, str]:
    """By name, what a scrape has: "type label label"."""
    types = dict(re.findall(r"(?m)^# TYPE (\S+) (\S+)$", text))
    labels: dict[str, str] = {}
    for name, found in re.findall(r"(?m)^(\w+)(?:\{(.*)\})? \S+$", text):
        if name not in types:
            name = re.sub(r"_(bucket|sum|count)$", "", name)
        of = [label for label in re.findall(r'(\w+)="', found) if label != "le"]
        labels.setdefault(name, " ".join(of))
    return {name: f"{kind} {labels[name]}".strip() for name, kind in types.items()}


class GoldenCase(MetricsCase):
    POLICY = POLICY

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self.url(self.server, path), timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def assert_golden(self, text: str, sections: list[str]) -> None:
        """What a scrape has is what the file says of these sections."""
        expected = {n: w for section in sections for n, w in golden()[section].items()}
        for name, what in told(text).items():
            self.assertIn(name, expected)
            self.assertEqual(what, expected[name][0], name)

    def complete(self, server: Server, sections: list[str]) -> str:
        """A scrape, once all is there that the file says is there in any case."""
        always = {n for s in sections for n, (_, there) in golden()[s].items() if there}

        def missing() -> set[str]:
            return always - set(told(self.scrape(server)))

        try:
            poll(lambda: not missing(), 30)
        except AssertionError as error:
            raise AssertionError(f"not there: {sorted(missing())}") from error
        return self.scrape(server)


class GoldenTest(GoldenCase):
    def test_the_document_has_what_the_golden_file_has(self) -> None:
        self.assertEqual(documented(), golden())

    def test_a_server_with_all_roles_tells_what_the_golden_file_says(self) -> None:
        self.reserve("r-1", team="core", user="alice")
        self.commit("r-1", team="core", user="alice")
        self.reserve("r-2", team="core", user="bob")
        self.reserve("r-3", team="core", user="bob")
        self.record("c-1", team="edge")
        self.assert_error(grpc.StatusCode.INVALID_ARGUMENT, "", self.reserve, "")
        of = f'{{org="{self.org}",team="core",project="",model="large"'
        # Looked up now and then: perhaps also between two of these calls.
        used_up = (
            f'quotaplane_limit_utilization_ratio{{org="{self.org}",limit="team-day",'
            f'scope="{{org={self.org}, team=core}}",team="core",project="",model=""}} 1'
        )
        poll(lambda: f"\n{used_up}\n" in self.scrape(), 40)
        sections = ["process", "store", "quota", "ledger", "alerts"]
        text = self.complete(self.server, sections)
        self.assert_golden(text, sections)
        for line in (
            f'quotaplane_requests_total{of},decision="allow"}} 2',
            f'quotaplane_requests_total{of},decision="deny"}} 1',
            f'quotaplane_tokens_total{of},meter="output"}} 500',
            f"quotaplane_cost_usd_total{of}}} 0.0105",
            'quotaplane_rpc_requests_total{method="QuotaService/Commit",decision="none",code="OK"} 1',
            'quotaplane_rpc_requests_total{method="QuotaService/Reserve",decision="error",'
            'code="INVALID_ARGUMENT"} 1',
            used_up,
            'quotaplane_price_book_info{version="test"} 1',
            'quotaplane_redis_available{client="counters"} 1',
            'quotaplane_role{role="quota"} 1',
        ):
            self.assertIn("\n" + line + "\n", text)
        for private in ("alice", "bob", "user="):
            self.assertNotIn(private, text)
        spend = f'quotaplane_cost_center_spend_usd{{org="{self.org}",cost_center="",month="open"}}'
        poll(lambda: f"\n{spend} 0.021\n" in self.scrape(), 60)

    def test_a_method_is_told_before_its_first_call(self) -> None:
        """By a server that nobody has called."""
        with tempfile.TemporaryDirectory(prefix="qp-e2e-") as name:
            server = Server(OPTIONS.program, Path(name), POLICY, PRICES)
            try:
                text = self.scrape(server)
            finally:
                server.stop()
        found = re.findall(
            r'(?m)^quotaplane_rpc_requests_total\{method="(.+)",decision="(\w+)",code="(\w+)"\} (\d+)$',
            text,
        )
        self.assertEqual({value for *_, value in found}, {"0"})
        told = {(method, decision, code) for method, decision, code, _ in found}
        public = {
            f"{service}/{method}": response
            for path in (ROOT / "proto/quotaplane/v1").glob("*.proto")
            for service, body in re.findall(r"(?ms)^service (\w+) \{(.*?)^\}", path.read_text())
            for method, response in re.findall(r"rpc (\w+)\([^)]*\)\s+returns \((?:stream )?(\w+)\)", body)
        }
        self.assertGreater(len(public), 50)
        rules = (ROOT / "helm/quotaplane/files/rules/reserve.yaml").read_text()
        (failures,) = {codes for codes in re.findall(r'code=~"([A-Z_|]+)"', rules)}
        for method, response in public.items():
            decides = hasattr(getattr(self.q, response, None), "decision")
            for decision in ("allow", "allow_soft", "deny") if decides else ("none",):
                self.assertIn((method, decision, "OK"), told)
            # What the objective of Reserve counts as a failure.
            for code in failures.split("|") if method.startswith("QuotaService/") else ():
                self.assertIn((method, "error", code), told)
        self.assertIn(("unknown", "error", "UNIMPLEMENTED"), told)
        # As many as that, and a few of health checks and the like: no method by every code.
        self.assertLess(len(told), len(public) + 80)
        durations = set(re.findall(r'quotaplane_rpc_duration_seconds_count\{method="(\w+)/', text))
        self.assertEqual(durations, {"QuotaService", "PingService"})

    def test_promtool_has_nothing_to_say_against_it(self) -> None:
        self.reserve("r-1", team="core", user="alice")
        text = self.scrape()
        done = subprocess.run(
            ["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))


class ProbesTest(GoldenCase):
    def test_a_server_that_drains_is_alive_and_not_ready(self) -> None:
        self.assertEqual(self.status("/healthz"), 200)
        self.assertEqual(self.status("/readyz"), 200)
        self.assertEqual(self.status("/else"), 404)
        # A call whose request does not come: the drain waits for it as long as it may.
        never = threading.Event()
        self.addCleanup(never.set)
        method = "/quotaplane.v1.ReportService/QueryUsage"
        call = self.client.stream(method, self.protos.reports.QueryUsageResponse)(
            iter(never.wait, True)
        )
        self.addCleanup(call.cancel)
        self.reserve("r-1", team="core")  # behind it, on the same connection: the server has it
        os.kill(self.server.pid, signal.SIGTERM)
        poll(lambda: self.status("/readyz") == 503, 10)
        self.assertEqual(self.status("/healthz"), 200)


class RolesTest(GoldenCase):
    """One role at a time: what it tells, and nothing of the others."""

    def alone(self, roles: str, sections: list[str]) -> None:
        with tempfile.TemporaryDirectory(prefix="qp-e2e-") as name:
            folder = Path(name)
            server = Server(OPTIONS.program, folder, POLICY, PRICES, ("--roles", roles))
            try:
                text = self.complete(server, ["process", *sections])
                self.assert_golden(text, ["process", *sections])
            finally:
                server.stop()

    def test_quota(self) -> None:
        self.alone("quota", ["store", "quota"])

    def test_ledger(self) -> None:
        self.alone("ledger", ["store", "ledger"])

    def test_reports(self) -> None:
        self.alone("reports", [])

    def test_alerts(self) -> None:
        self.alone("alerts", ["store", "alerts"])


if __name__ == "__main__":
    main(__doc__)
