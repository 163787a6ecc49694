#!/usr/bin/env python3
"""TestDelivery of a real server: one message for a request id, and a receiver that hangs holds up no
other call.

Usage: alert_trials_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from alert_people import ROLES, AlertPeople, Hook
from client_case import main

Code = grpc.StatusCode
# More than the server has threads for, and fewer than wait for their turn at once.
HANGING = 6


class AlertTrialsTest(AlertPeople):
    @classmethod
    def people(cls):
        return {"root": ("*", ROLES)}

    def sent(self, path: str) -> int:
        return sum(body["path"] == path for body in Hook.bodies)

    def test_the_same_call_again_sends_nothing(self) -> None:
        for receiver, path, delivered in (("hook", "/", True), ("refuses", "/refuses", False)):
            id, before = self.fresh(), self.sent(path)
            first = self.by("root", "TestDelivery", receiver=receiver, request_id=id)
            self.assertEqual(first.delivered, delivered)
            self.assertEqual(bool(first.error), not delivered)
            again = self.by("root", "TestDelivery", receiver=receiver, request_id=id)
            self.assertEqual(again, first)
            self.assertEqual(self.sent(path), before + 1)
            self.by("root", "TestDelivery", receiver=receiver)
            self.assertEqual(self.sent(path), before + 2)

    def test_a_receiver_that_hangs_holds_up_no_other_call(self) -> None:
        self.org = f"org-{next(self.orgs)}"
        alert = self.raised("root", self.org, "alice")
        Hook.waiting = threading.Semaphore(0)
        Hook.held.clear()
        self.addCleanup(Hook.held.set)
        ids = [self.fresh() for _ in range(HANGING)]
        before = self.sent("/held")
        with ThreadPoolExecutor(HANGING) as pool:
            calls = [
                pool.submit(self.by, "root", "TestDelivery", receiver="held", request_id=id)
                for id in ids
            ]
            for _ in range(2):
                self.assertTrue(Hook.waiting.acquire(timeout=20))
            # All that are sent at once hang now. Others are answered, within their own time.
            self.by("root", "AcknowledgeAlert", alert_id=alert.alert_id)
            silence = self.by("root", "CreateSilence", **self.silence_fields("bob"))
            self.by("root", "EndSilence", silence_id=silence.silence_id)
            for method in ("ListAlerts", "ListSilences", "ListDeliveries"):
                self.by("root", method)
            self.assertFalse(any(call.done() for call in calls))
            Hook.held.set()
            for call in calls:
                self.assertTrue(call.result(timeout=30).delivered)
        self.assertEqual(self.sent("/held"), before + HANGING)
        for id in ids:
            again = self.by("root", "TestDelivery", receiver="held", request_id=id)
            self.assertTrue(again.delivered)
        self.assertEqual(self.sent("/held"), before + HANGING)

    def test_too_many_at_once_are_refused(self) -> None:
        Hook.held.clear()
        self.addCleanup(Hook.held.set)
        most = 30
        outcomes, lock = [], threading.Lock()
        refused = threading.Event()

        def test() -> None:
            try:
                outcome = self.by("root", "TestDelivery", receiver="held").delivered
            except grpc.RpcError as error:
                outcome = error.code()
                refused.set()
            with lock:
                outcomes.append(outcome)

        with ThreadPoolExecutor(most) as pool:
            calls = [pool.submit(test) for _ in range(most)]
            self.assertTrue(refused.wait(20))
            Hook.held.set()
            for call in calls:
                call.result(timeout=60)
        self.assertEqual(set(outcomes), {True, Code.RESOURCE_EXHAUSTED})


if __name__ == "__main__":
    main(__doc__)
