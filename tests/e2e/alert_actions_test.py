#!/usr/bin/env python3
"""What an alert does, from the crossing to its end, on two replicas and a process that tells
people: a throttle that somebody ends, actions that end by themselves while nobody is there to end
them, and alerts that end since the policy was changed.

Usage: alert_actions_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import itertools
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import poll
from alert_deployment import AlertDeployment
from client_case import PRICES, main

POLICY = """
defaults: {on_outage: deny}
unpriced_models: flag
limits:
  - {id: user-month, per: [user], unit: usd, amount: 10, window: month, alert_at: [50%, 80%]}
  - {id: project-month, per: [project], unit: usd, amount: 10, window: month, alert_at: [50%]}
  - {id: team-month, per: [team], unit: usd, amount: 10, window: month, alert_at: [50%, 80%]}
alerts:
  - {id: slow, on: threshold, limits: [user-month], at: 80%, action: {throttle: 85%, for: 1m}}
  - {id: stop, on: threshold, limits: [project-month], action: {freeze: true, for: 1m}}
  - {id: others, on: threshold}
"""
TOKENS_PER_USD = 4_000_000  # of the small model's input
# A replica sees a change within a fraction of this; the rest is for a busy machine.
SOON_S = 5


class AlertActionsTest(AlertDeployment):
    POLICY = POLICY
    PRICES = PRICES
    REPLICAS = 2

    def setUp(self) -> None:
        super().setUp()
        self.ids = itertools.count()

    def spend(self, usd: float, **subject: str) -> None:
        request = self.quota.RecordRequest(
            record_id=f"spent-{next(self.ids)}",
            subject=self.quota.Subject(org="acme", model="small", **subject),
        )
        request.attempts.add().usage.meters["input"] = round(usd * TOKENS_PER_USD)
        self.clients[0].call("Record", request)

    def reserve(self, client, usd: float, **subject: str):
        """What it says; what it holds is given back."""
        id = f"asked-{next(self.ids)}"
        request = self.quota.ReserveRequest(
            reservation_id=id, subject=self.quota.Subject(org="acme", model="small", **subject)
        )
        request.estimate.meters["input"] = round(usd * TOKENS_PER_USD)
        response = client.call("Reserve", request)
        if response.decision != self.quota.DECISION_DENY:
            client.call("Release", self.quota.ReleaseRequest(org="acme", reservation_id=id))
        return response

    def refused(self, client, usd: float, **subject: str):
        """The one reason, once it is refused."""

        def denied():
            response = self.reserve(client, usd, **subject)
            return response if response.decision == self.quota.DECISION_DENY else None

        response = poll(denied)
        self.assertEqual(len(response.exceeded), 1)
        return response.exceeded[0]

    def allowed(self, client, usd: float, **subject: str) -> bool:
        return self.reserve(client, usd, **subject).decision == self.quota.DECISION_ALLOW

    def alert(self, id: str):
        return next(alert for alert in self.kept() if alert.alert_id == id)

    def say(self, method: str, id: str):
        call = self.client(self.teller).unary(
            f"/quotaplane.v1.AlertService/{method}", self.alerts.Alert
        )
        request = self.alerts.ChangeAlertRequest(
            org="acme", alert_id=id, request_id=f"{method}/{id}", comment="seen"
        )
        return call(request, timeout=20)

    def test_a_throttle_from_its_crossing_to_its_end(self) -> None:
        # Half of it is told, and throttles nothing.
        self.spend(6, user="alice")
        poll(lambda: self.kept())
        self.assertTrue(self.allowed(self.clients[0], 1, user="alice"))
        self.spend(2.2, user="alice")
        for client in self.clients:
            # 85 % of ten: 8.20 and 1 do not fit it, 8.20 and 0.10 do.
            reason = self.refused(client, 1, user="alice")
            self.assertEqual(reason.cause, self.quota.CAUSE_LIMIT_EXCEEDED)
            self.assertEqual(reason.limit_id, "user-month")
            self.assertEqual(reason.amount, 8_500_000_000)
            self.assertEqual(reason.used, 8_200_000_000)
            self.assertEqual(reason.fits_at, reason.alert_until)
            self.assertTrue(self.allowed(client, 0.1, user="alice"))
            self.assertTrue(self.allowed(client, 1, user="bob"))
        alert = self.alert(reason.alert_id)
        self.assertEqual(alert.rule_id, "slow")
        self.assertEqual(alert.action.kind, self.alerts.AlertAction.KIND_THROTTLE)
        self.assertEqual(alert.action.share_permille, 850)
        self.assertEqual(alert.action.end_time, reason.alert_until)
        self.assertEqual(alert.action.end_time.seconds - alert.action.start_time.seconds, 60)
        self.assertRegex(
            reason.detail, rf"^throttled to 85 % by alert {alert.alert_id} until 20\d\d-.* UTC$"
        )
        # To acknowledge it leaves the throttle; to resolve it does not.
        self.assertFalse(self.say("AcknowledgeAlert", alert.alert_id).action.ended)
        self.assertFalse(self.allowed(self.clients[0], 1, user="alice"))
        self.assertTrue(self.say("ResolveAlert", alert.alert_id).action.ended)
        for client in self.clients:
            poll(lambda: self.allowed(client, 1, user="alice"), SOON_S)
        self.assertLess(time.time(), reason.alert_until.seconds, "it would have ended by itself")

    def test_actions_end_when_they_say_though_nobody_is_left_to_end_them(self) -> None:
        self.spend(8.2, user="carol")
        self.spend(6, project="p1")
        ends = {}
        for client in self.clients:
            throttle = self.refused(client, 1, user="carol")
            freeze = self.refused(client, 1, project="p1")
            self.assertEqual(freeze.cause, self.quota.CAUSE_FROZEN)
            self.assertEqual(freeze.limit_id, f"alert/{freeze.alert_id}")
            self.assertRegex(freeze.detail, rf"^frozen by alert {freeze.alert_id} until ")
            ends[client, "user"] = throttle.alert_until.ToMicroseconds() / 1e6
            ends[client, "project"] = freeze.alert_until.ToMicroseconds() / 1e6
        self.teller.kill()  # SIGKILL: no process has the role `alerts` any more

        subjects = {"user": {"user": "carol"}, "project": {"project": "p1"}}
        last_refused = {}

        def over(client, of: str) -> bool:
            asked = time.time()
            if self.allowed(client, 1, **subjects[of]):
                return True
            last_refused[client, of] = asked
            return False

        waiting = list(ends)
        while waiting:
            for client, of in list(waiting):
                if not over(client, of):
                    continue
                now, end = time.time(), ends[client, of]
                self.assertGreaterEqual(now, end)
                self.assertLess(now, end + SOON_S)
                self.assertLess(last_refused[client, of], end)
                waiting.remove((client, of))
            self.assertLess(time.time(), max(ends.values()) + SOON_S)
            time.sleep(0.02)

        # Whoever has the role next finds them over, and writes that down.
        self.teller = self.serve("teller", "alerts")
        poll(lambda: all(a.action.ended for a in self.kept() if a.HasField("action")))
        self.assertEqual(sum(a.HasField("action") for a in self.kept()), 2)

    def test_an_alert_ends_with_the_amount_that_it_was_about(self) -> None:
        self.spend(8.2, team="search")
        poll(lambda: len(self.kept()) == 2)
        limit = "id: team-month, per: [team], unit: usd, amount: "
        raised = POLICY.replace(limit + "10", limit + "15")
        self.assertNotEqual(raised, POLICY)
        for server in ("replica-0", "replica-1", "teller"):
            (self.path / server / "policy.yaml").write_text(raised)
        # Half of 15 is spent still, and 80 % of it are not.
        because = r"over: its amount is 15.00 USD now"
        resolved = self.alerts.ALERT_STATE_RESOLVED
        over = poll(lambda: [a for a in self.kept() if a.state == resolved], 60)
        self.assertEqual(len(over), 1)
        self.assertTrue(over[0].summary.startswith("80 % of limit team-month: "), over[0].summary)
        self.assertTrue(over[0].summary.endswith(because), over[0].summary)
        poll(lambda: because in str(self.hook.messages))


if __name__ == "__main__":
    main(__doc__)
