#!/usr/bin/env python3
"""Alerts about the deployment itself: a policy file that cannot be put in force, on a replica that
has no alerts role, and a counter store that hangs. Each begins, is told once, and ends.

Usage: alert_operations_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import signal
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import poll
from alert_deployment import AlertDeployment
from client_case import PRICES, main

POLICY = "defaults: {on_outage: deny}\nlimits: [{id: user-month, per: [user], unit: usd, amount: 1, window: month}]\n"
# A condition lasts for ten seconds before it is told, and has to be gone for thirty.
WAIT_S = 60


class AlertOperationsTest(AlertDeployment):
    POLICY = POLICY
    PRICES = PRICES
    REPLICAS = 1

    def about(self, condition: str):
        """The one alert about it, once there is one."""

        def found():
            alerts = [a for a in self.kept(org="") if a.dimensions["condition"] == condition]
            self.assertLessEqual(len(alerts), 1, alerts)
            return alerts and alerts[0]

        return found

    def test_a_file_that_is_not_in_force_and_a_store_that_hangs(self) -> None:
        policy = self.path / "replica-0" / "policy.yaml"
        policy.write_text(POLICY.replace("amount: 1", "amount: -1"))
        about_file = self.about("file")
        alert = poll(about_file, WAIT_S)
        self.assertEqual((alert.org, alert.rule_id), ("", "operations/file"))
        self.assertIn("policy.yaml is not in force", alert.summary)
        self.assertIn("amount", alert.summary)
        self.assertTrue(alert.dimensions["replica"].endswith("replica-0/data"), alert.dimensions)
        self.assertEqual(alert.state, self.alerts.ALERT_STATE_FIRING)
        policy.write_text(POLICY)

        # Meanwhile the store hangs: nobody can say any more what is wrong with replicas.
        self.redis_process.send_signal(signal.SIGSTOP)
        try:
            away = poll(self.about("store-away"), WAIT_S)
        finally:
            self.redis_process.send_signal(signal.SIGCONT)
        self.assertEqual(away.severity, self.alerts.ALERT_SEVERITY_CRITICAL)

        resolved = self.alerts.ALERT_STATE_RESOLVED
        for condition in ("file", "store-away"):
            about = self.about(condition)
            alert = poll(lambda about=about: (a := about()).state == resolved and a, WAIT_S)
            self.assertEqual(alert.occurrences, 1)
        # Each was told when it began and when it ended, and no more. A message may still be on its way.
        def told() -> list[tuple[str, str]]:
            with self.hook.lock:
                bodies = [body[0] for body in self.hook.messages.values()]
            return sorted(
                (alert["dimensions"]["condition"], alert["event"])
                for body in bodies
                for alert in body["alerts"]
            )

        want = [("file", "firing"), ("file", "resolved")]
        want += [("store-away", "firing"), ("store-away", "resolved")]
        poll(lambda: len(told()) >= len(want), WAIT_S)
        self.assertEqual(told(), want)


if __name__ == "__main__":
    main(__doc__)
