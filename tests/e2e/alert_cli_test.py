#!/usr/bin/env python3
"""`quotactl alert` on a real server: money is spent until budgets say so, and people see it as it
comes, agree to it, keep it quiet, and let go what it froze.

Usage: alert_cli_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC [UNITTEST…]
"""

import http.server
import itertools
import json
import re
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import poll
from control_case import FAILED, ControlCase, main

DENIED = 3
WAIT_S = 30
TOKENS_PER_USD = 4_000_000  # of the small model's input
POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
unpriced_models: flag
limits:
  - {id: user-month, per: [user], unit: usd, amount: 10, window: month, alert_at: [50%, 80%, 100%]}
  - {id: project-month, per: [project], unit: usd, amount: 10, window: month, alert_at: [50%]}
alerts:
  - id: stop
    on: threshold
    limits: [project-month]
    severity: critical
    receivers: [hook]
    action: {freeze: true, for: 1h}
  - {id: budgets, on: threshold, limits: [user-month], receivers: [hook]}
"""


class Hook(http.server.BaseHTTPRequestHandler):
    """A webhook that takes everything."""

    bodies: list[str] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Watch:
    """`quotactl alert watch --json`, read as it speaks."""

    def __init__(self, command: dict) -> None:
        self._process = subprocess.Popen(**command, stdout=subprocess.PIPE, text=True)
        self._alerts: list[dict] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            with self._changed:
                self._alerts.append(json.loads(line))
                self._changed.notify_all()

    def until(self, fits) -> dict:
        """The last alert as it is once `fits(alert)`."""

        def found():
            return next((alert for alert in reversed(self._alerts) if fits(alert)), None)

        with self._changed:
            if not self._changed.wait_for(found, WAIT_S):
                raise AssertionError(f"it did not come to that: {self._alerts}")
            return found()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()


def about(**dimensions: str):
    def fits(alert: dict) -> bool:
        return dimensions.items() <= alert["dimensions"].items()

    return fits


def action(alert: dict) -> dict:
    return alert.get("action") or {}


class AlertCliTest(ControlCase):
    POLICY = POLICY
    ids = itertools.count()

    @classmethod
    def more(cls) -> tuple[object, ...]:
        hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        thread = threading.Thread(target=hook.serve_forever)
        thread.start()
        cls.addClassCleanup(thread.join)
        cls.addClassCleanup(hook.server_close)
        cls.addClassCleanup(hook.shutdown)
        (cls.path / "hook.secret").write_text("0123456789abcdef0123456789abcdef\n")
        (cls.path / "hook.secret").chmod(0o600)
        receivers = cls.path / "receivers.yaml"
        receivers.write_text(
            "receivers:\n"
            f'  hook: {{kind: webhook, url: "http://127.0.0.1:{hook.server_port}/", '
            "secret_file: hook.secret}\n"
            # Nobody listens there.
            '  nobody: {kind: webhook, url: "http://127.0.0.1:1/", secret_file: hook.secret}\n'
            "default: [hook]\n"
        )
        return (*super().more(), "--receivers", receivers)

    def watch(self, who: str = "val") -> Watch:
        watch = Watch(self.command(who, ("alert", "watch", "--json")))
        self.addCleanup(watch.stop)
        return watch

    def alert(self, who: str, *arguments: object) -> str:
        return self.says(who, "alert", *arguments)

    def spend(self, usd: int, *subject: object) -> None:
        self.says(
            "gil", "record", "--id", f"spent-{next(self.ids)}", "--model", "small",
            "--input-tokens", usd * TOKENS_PER_USD, *subject,
        )  # fmt: skip

    def reserve(self, code: int, *subject: object) -> str:
        return self.run_by(
            "gil", "reserve", "--id", f"asked-{next(self.ids)}", "--model", "small",
            "--input-tokens", 1, *subject, code=code,
        ).stdout  # fmt: skip

    def told(self, id: str) -> bool:
        return any(f'"{id}"' in body for body in Hook.bodies)

    def test_before_there_is_any(self) -> None:
        text = self.alert("val", "list")
        self.assertTrue(text.startswith("No alerts.\n"), text)
        self.assertIn(f"quotactl alert watch --org {self.org}", text)
        self.assertIn("No silences hold.", self.alert("val", "silences"))
        self.assertIn("Nothing was sent.", self.alert("val", "deliveries"))
        self.assertIn("NOT_FOUND", self.wrong("val", "alert", "show", "A-999999", code=FAILED))

    def test_a_budget_from_its_first_line_to_its_last(self) -> None:
        watch = self.watch()
        self.spend(6, "--user", "alice")
        alert = watch.until(about(user="alice", limit="user-month"))
        id = alert["alert_id"]
        self.assertEqual(alert["kind"], "ALERT_KIND_THRESHOLD")
        self.assertEqual(alert["rule_id"], "budgets")
        self.assertEqual(alert["state"], "ALERT_STATE_FIRING")
        self.assertEqual(int(alert["amount"]), 10_000_000_000)
        self.assertGreaterEqual(int(alert["actual"]), 5_000_000_000)
        poll(lambda: self.told(id))

        text = self.alert("val", "list", "--state", "firing", "--kind", "threshold")
        self.assertRegex(text, rf"\n{id} +firing +warning +threshold +20.*user=alice\}}  ")
        self.assertEqual(
            [a.alert_id for a in self.message("ListAlertsResponse", "val", "alert", "list").alerts],
            [id],
        )
        text = self.alert("val", "show", id)
        self.assertRegex(text, r"\n +came +\$6\.00, 60\.0% of the limit\n +limit +\$10\.00\n")
        self.assertIn(f"\n  quotactl alert ack {id} --org {self.org} ", text)

        self.assertIn("ROLE_MISSING", self.wrong("val", "alert", "ack", id, code=FAILED))
        text = self.alert("bob", "ack", id, "--comment", "the load test")
        self.assertRegex(text, r"\n +state +acknowledged\n(.|\n)*\n +acknowledged +token:bob, ")
        self.assertRegex(text, r"\n +comment +the load test\n")
        watch.until(lambda a: a["alert_id"] == id and a["state"] == "ALERT_STATE_ACKNOWLEDGED")
        text = self.alert("bob", "feedback", id, "expected")
        self.assertRegex(text, r"\n +feedback +expected, by token:bob\n")
        resolve = ("resolve", id, "--request-id", "ticket-7")
        text = self.alert("bob", *resolve)
        self.assertRegex(text, r"\n +state +resolved\n")
        # The same call again is answered as it was.
        self.assertRegex(self.alert("bob", *resolve), r"\n +state +resolved\n")
        watch.until(lambda a: a["alert_id"] == id and a["state"] == "ALERT_STATE_RESOLVED")
        self.assertIn("WRONG_STATE", self.wrong("bob", "alert", "ack", id, code=FAILED))
        rows = self.json("eve", "audit", "list")["rows"]
        actions = [row["action"] for row in rows if row["outcome"] == "OK"]
        self.assertEqual(actions, ["AcknowledgeAlert", "GiveFeedback", "ResolveAlert"])

    def test_a_silence(self) -> None:
        text = self.alert(
            "bob", "silence", "--match", "user=carol", "--match", "kind=threshold", "--for", "2h",
            "--reason", "load test",
        )  # fmt: skip
        silence = json.loads(self.says("val", "alert", "silences", "--json"))["silences"][0]
        id = silence["silence_id"]
        self.assertRegex(text, rf"Silence {id} of {self.org}\n +state +holds\n")
        self.assertRegex(text, r"\n +by +token:bob, ")
        watch = self.watch()
        self.spend(6, "--user", "carol")
        alert = watch.until(about(user="carol"))["alert_id"]
        watch.until(lambda a: a["alert_id"] == alert and a["state"] == "ALERT_STATE_SILENCED")
        # What is told after it came after it.
        self.spend(6, "--user", "dora")
        other = watch.until(about(user="dora"))["alert_id"]
        poll(lambda: self.told(other))
        self.assertFalse(self.told(alert))
        self.assertRegex(self.alert("bob", "unsilence", id), r"\n +ended by +token:bob\n")
        watch.until(lambda a: a["alert_id"] == alert and a["state"] == "ALERT_STATE_FIRING")
        self.assertIn("No silences hold.", self.alert("val", "silences"))
        self.assertRegex(self.alert("val", "silences", "--ended"), rf"\n{id} +ended ")

    def test_a_freeze_ends_with_its_acknowledgement(self) -> None:
        watch = self.watch()
        self.reserve(0, "--project", "p1")
        self.spend(6, "--project", "p1")
        alert = watch.until(lambda a: about(project="p1")(a) and action(a).get("start_time"))
        id = alert["alert_id"]
        self.assertEqual(alert["severity"], "ALERT_SEVERITY_CRITICAL")
        text = poll(lambda: "frozen" in (t := self.reserve_any("--project", "p1")) and t)
        self.assertIn(f"frozen by alert {id} until ", text)
        self.reserve(DENIED, "--project", "p1")
        self.reserve(0, "--project", "p2")
        self.assertRegex(self.alert("val", "list"), rf"\n{id} .* frozen until 20")
        self.assertRegex(self.alert("val", "show", id), r"\n +action +frozen until .* in force for ")
        text = self.alert("bob", "ack", id)
        self.assertRegex(text, r"\n +state +acknowledged\n")
        watch.until(lambda a: a["alert_id"] == id and action(a).get("ended"))
        poll(lambda: "frozen" not in self.reserve_any("--project", "p1"))
        self.reserve(0, "--project", "p1")

    def test_an_erased_person_is_in_no_alert(self) -> None:
        watch = self.watch()
        self.alert(
            "bob", "silence", "--match", "user=zed", "--for", "2h", "--reason", "zed tests",
        )  # fmt: skip
        self.spend(6, "--user", "zed")
        id = watch.until(about(user="zed"))["alert_id"]
        self.assertIn("user=zed", self.alert("val", "show", id))
        # The charge may still be on its way to the ledger; its alert is there.
        said = self.says("ann", "erase-user", "--user", "zed", "--yes", "--actor", "desk")
        pseudonym = re.search(r"erased-[0-9a-f]{16}", said).group(0)
        for text in (
            self.alert("val", "show", id),
            self.alert("val", "list"),
            self.alert("val", "silences"),
        ):
            self.assertNotIn("zed", text)
            self.assertIn(pseudonym, text)

    def reserve_any(self, *subject: object) -> str:
        """Whether or not it is allowed."""
        arguments = ("reserve", "--id", f"asked-{next(self.ids)}", "--model", "small")
        command = self.command("gil", (*arguments, "--input-tokens", 1, *subject))
        return subprocess.run(**command, capture_output=True, text=True, timeout=60).stdout

    def test_deliveries(self) -> None:
        self.assertIn("delivered: hook has taken", self.alert("ann", "test", "hook"))
        refused = self.run_by("ann", "alert", "test", "nobody", code=FAILED).stdout
        self.assertRegex(refused, r"^not delivered: nobody, after .*: \S")
        self.assertIn("NOT_FOUND", self.wrong("ann", "alert", "test", "unknown", code=FAILED))
        self.assertIn("ROLE_MISSING", self.wrong("bob", "alert", "test", "hook", code=FAILED))
        watch = self.watch()
        self.spend(6, "--user", "erin")
        id = watch.until(about(user="erin"))["alert_id"]
        text = poll(lambda: "delivered" in (t := self.alert("val", "deliveries")) and t)
        self.assertRegex(text, rf"\n +\d+  delivered  hook +1 .*{id}\n")
        self.assertIn("No such deliveries.", self.alert("val", "deliveries", "--state", "dead"))
        self.assertIn("NOT_FOUND", self.wrong("ann", "alert", "send-again", 999999, code=FAILED))

    def test_metrics_are_those_of_the_golden_file(self) -> None:
        """Those that have something to say; none that the file does not name."""
        address = re.search(r"metrics on (http://[^/]+/metrics)", self.server.log()).group(1)

        def metrics() -> str:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return answer.read().decode()

        self.spend(6, "--user", "mona")
        here = ("alerts_leading 1", 'alerts_open{state="firing",kind="threshold"}', "anomaly_scopes")
        text = poll(lambda: all(one in (t := metrics()) for one in here) and t)
        golden = (Path(__file__).resolve().parent / "metrics.golden").read_text()
        golden = golden.replace(" ?", "").splitlines()
        types = dict(re.findall(r"(?m)^# TYPE (quotaplane_(?:alert|anomaly|budget)\S+) (\S+)$", text))
        self.assertGreater(len(types), 8)
        for name, kind in types.items():
            sample = re.search(rf"(?m)^{name}(?:\{{(.*)\}})? ", text)
            labels = re.findall(r'(\w+)="', sample.group(1) or "")
            self.assertIn(" ".join([name, kind, *labels]), golden)
        self.assertRegex(text, r"(?m)^quotaplane_alerts_up 1$")


if __name__ == "__main__":
    main(__doc__)
