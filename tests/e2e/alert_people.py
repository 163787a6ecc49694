"""The base of the tests that ask who may do what with alerts: a server with people of its own, a
webhook that is told, and short ways to call AlertService beside AdminService."""

import http.server
import itertools
import json
import threading
import uuid
from datetime import datetime, timedelta, timezone

from admin_case import AdminCase, poll
from python_client import CALL_TIMEOUT_S

POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
unpriced_models: flag
limits:
  - {id: user-month, per: [user], unit: usd, amount: 10, window: month, alert_at: [50%]}
alerts:
  - {id: budgets, on: threshold, limits: [user-month], receivers: [hook]}
"""
ROLES = ("gateway", "viewer", "finance", "admin", "approver", "auditor")
ALERT_STREAMS = {"WatchAlerts"}
TOKENS_PER_USD = 4_000_000  # of the small model's input


class Hook(http.server.BaseHTTPRequestHandler):
    """A webhook. While `held` is not set, whoever sends to /held waits for its answer; /refuses
    takes nothing."""

    protocol_version = "HTTP/1.1"
    bodies: list[dict] = []
    waiting = threading.Semaphore(0)  # released by each that has come to /held
    held = threading.Event()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.bodies.append(body | {"path": self.path})
        if self.path == "/held":
            self.waiting.release()
            self.held.wait(30)
        self.send_response(400 if self.path == "/refuses" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def ahead(**time: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


class AlertPeople(AdminCase):
    POLICY = POLICY
    ids = itertools.count()

    @classmethod
    def people(cls) -> dict[str, tuple[str, tuple[str, ...]]]:
        raise NotImplementedError

    @classmethod
    def more(cls) -> tuple[object, ...]:
        Hook.bodies.clear()
        Hook.held.set()
        hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        thread = threading.Thread(target=hook.serve_forever)
        thread.start()
        cls.addClassCleanup(thread.join)
        cls.addClassCleanup(hook.server_close)
        cls.addClassCleanup(hook.shutdown)
        (cls.path / "hook.secret").write_text("0123456789abcdef0123456789abcdef\n")
        (cls.path / "hook.secret").chmod(0o600)
        to = "{{kind: webhook, url: \"http://127.0.0.1:{}/{}\", secret_file: hook.secret}}"
        lines = [
            f"  {name}: " + to.format(hook.server_port, path)
            for name, path in (("hook", ""), ("held", "held"), ("refuses", "refuses"))
        ]
        receivers = cls.path / "receivers.yaml"
        receivers.write_text("receivers:\n" + "\n".join(lines) + "\ndefault: [hook]\n")
        return (*cls.auth(cls.people()), "--receivers", receivers)

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.alerts = cls.protos.alerts
        service = cls.alerts.DESCRIPTOR.services_by_name["AlertService"]
        cls.of_alerts = {method.name: method for method in service.methods}
        cls.methods = cls.methods | cls.of_alerts

    def send(self, method: str, request, token: str | None = None):
        """The answer; of a stream the messages, until it ends."""
        if method not in self.of_alerts:
            return super().send(method, request, token)
        path = f"/quotaplane.v1.AlertService/{method}"
        response = self.methods[method].output_type._concrete_class
        metadata = [("authorization", f"Bearer {token}")] if token else []
        if method in ALERT_STREAMS:
            call = self.client.server_stream(path, response)
            return list(call(request, timeout=CALL_TIMEOUT_S, metadata=metadata))
        return self.client.unary(path, response)(request, timeout=CALL_TIMEOUT_S, metadata=metadata)

    def by(self, name: str, method: str, /, **fields):
        return self.admin(method, self.token(name), **fields)

    def spend(self, name: str, org: str, user: str, usd: int = 6) -> None:
        record = self.q.RecordRequest(
            record_id=f"spent-{next(self.ids)}",
            subject=self.q.Subject(org=org, model="small", user=user),
        )
        record.attempts.add().usage.meters["input"] = usd * TOKENS_PER_USD
        call = self.client.unary("/quotaplane.v1.QuotaService/Record", self.q.RecordResponse)
        bearer = [("authorization", f"Bearer {self.token(name)}")]
        call(record, timeout=CALL_TIMEOUT_S, metadata=bearer)

    def raised(self, name: str, org: str, user: str, told: bool = True):
        """The alert of a budget of this user; told to the hook, which may take ten seconds where the
        org's last message was just now."""
        self.spend(name, org, user)

        def found():
            alerts = self.by(name, "ListAlerts", org=org).alerts
            return next((a for a in alerts if a.dimensions["user"] == user), None)

        alert = poll(found)
        if not told:
            return alert
        delivered = self.alerts.DELIVERY_STATE_DELIVERED

        def has_been() -> bool:
            deliveries = self.by(name, "ListDeliveries", org=org, page_size=900).deliveries
            of_it = [d for d in deliveries if alert.alert_id in d.alert_ids]
            return bool(of_it) and all(d.state == delivered for d in of_it)

        poll(has_been)
        return alert

    @staticmethod
    def silence_fields(user: str) -> dict:
        return {
            "matchers": [{"name": "user", "glob": user}],
            "end_time": ahead(hours=2),
            "reason": "secret plan",
        }

    def sent_tests(self) -> int:
        return sum(bool(body.get("test")) for body in Hook.bodies)

    @staticmethod
    def fresh() -> str:
        return str(uuid.uuid4())
