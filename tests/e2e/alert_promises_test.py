#!/usr/bin/env python3
"""What alerts promise, attacked on a real deployment: four replicas that answer calls, processes
that tell people and are killed at it, one Redis and one database.

Usage: alert_promises_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import collections
import json
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import poll
from alert_deployment import AlertDeployment
from client_case import PRICES, main
from python_client import Client

POLICY = """
unpriced_models: flag
limits:
  - {id: user-month, per: [user], when: {team: [budgets]}, unit: usd, amount: 1, window: month, on_exceed: soft}
  - id: once
    per: [user]
    when: {team: [storm]}
    unit: requests
    amount: 1
    window: lifetime
    on_exceed: soft
    alert_at: [100%]
  - {id: shared, per: [project], unit: usd, amount: 1, window: month, on_exceed: soft, alert_at: [50%]}
"""
REPLICAS = 4
CLIENTS = 64
TOKENS_PER_USD = 4_000_000  # of the small model's input


class AlertPromisesTest(AlertDeployment):
    POLICY = POLICY
    PRICES = PRICES
    REPLICAS = REPLICAS

    def record(self, client: Client, id: str, usd: float, **subject: str) -> None:
        request = self.quota.RecordRequest(
            record_id=id, subject=self.quota.Subject(org="acme", model="small", **subject)
        )
        request.attempts.add().usage.meters["input"] = int(usd * TOKENS_PER_USD)
        client.call("Record", request)

    def told(self) -> tuple[int, list[str]]:
        """How many firings distinct messages told of, and those that they list."""
        with self.hook.lock:
            distinct = [bodies[0] for bodies in self.hook.messages.values()]
        listed = [a["alert"] for body in distinct for a in body["alerts"] if a["event"] == "firing"]
        return sum(body["count"] for body in distinct), listed

    def kill_teller(self) -> None:
        self.teller.kill()
        self.teller = self.serve("teller", "alerts")

    def test_each_crossing_is_told_once_by_four_replicas_to_64_clients_through_kills(self) -> None:
        users, records = 40, 30
        work = [(u, i) for u in range(users) for i in range(records)]
        random.Random(7).shuffle(work)

        def spend(task: tuple[int, int]) -> None:
            user, i = task
            # Half of the calls come twice, at different replicas.
            for client in random.sample(self.clients, 1 + i % 2):
                self.record(client, f"{user}/{i}", 0.05, team="budgets", user=f"u{user}")

        with ThreadPoolExecutor(CLIENTS) as pool:
            spent = [pool.submit(spend, task) for task in work]
            for _ in range(3):
                before = self.told()[0]
                poll(lambda: self.told()[0] > before or all(f.done() for f in spent))
                self.kill_teller()
            for future in spent:
                future.result()

        want = users * 3  # 50, 80 and 100 %
        poll(lambda: self.told()[0] >= want, 90)
        alerts = self.kept()
        whose = collections.Counter((a.dimensions["user"], a.summary.split(" ")[0]) for a in alerts)
        self.assertEqual(len(whose), want)
        self.assertEqual(set(whose.values()), {1})
        self.assertEqual({a.occurrences for a in alerts}, {1})
        # What comes twice after a kill is the same message.
        count, listed = self.told()
        self.assertEqual(count, want)
        self.assertEqual(len(listed), len(set(listed)))
        for bodies in self.hook.messages.values():
            self.assertEqual({json.dumps(body) for body in bodies}, {json.dumps(bodies[0])})

    def test_a_storm_of_10000_scopes_is_grouped_bounded_and_delivered(self) -> None:
        scopes = 10_000

        def once(i: int) -> None:
            self.record(self.clients[i % REPLICAS], f"storm/{i}", 0.001, team="storm", user=f"s{i}")

        began = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as pool:
            for _ in pool.map(once, range(scopes), chunksize=50):
                pass
        spent_s = time.monotonic() - began
        poll(lambda: self.told()[0] >= scopes, 120)
        told_s = time.monotonic() - began - spent_s
        self.assertEqual(self.told()[0], scopes)
        self.assertEqual(len(self.kept()), scopes)
        messages = len(self.hook.messages)
        # One at once, and then one for every ten seconds.
        self.assertLessEqual(messages, 2 + (spent_s + told_s) / 10)
        self.assertLessEqual(max(len(b[0]["alerts"]) for b in self.hook.messages.values()), 20)
        print(f"{scopes} crossings in {spent_s:.1f} s, told {told_s:.1f} s later in {messages} messages")

    def test_a_crossing_is_told_within_a_second(self) -> None:
        arrived = {}
        watch = self.client(self.teller).server_stream(
            "/quotaplane.v1.AlertService/WatchAlerts", self.alerts.Alert
        )(self.alerts.WatchAlertsRequest(org="acme"), timeout=120)
        self.addCleanup(watch.cancel)
        # Read on a thread of its own, so that only the server's part is measured.
        reader = threading.Thread(target=self.read, args=(watch, arrived), daemon=True)
        reader.start()
        delays = []
        for i in range(20):
            self.record(self.clients[i % REPLICAS], f"p/{i}", 0.6, project=f"p{i}")
            crossed = time.monotonic()
            delays.append(poll(lambda: arrived.get(f"p{i}")) - crossed)
        delays.sort()
        print(f"told after {delays[0]:.2f} to {delays[-1]:.2f} s, half of them by {delays[10]:.2f} s")
        self.assertLess(delays[18], 1.0, delays)

    def read(self, watch, arrived: dict) -> None:
        try:
            for alert in watch:
                arrived.setdefault(alert.dimensions.get("project"), time.monotonic())
        except Exception:  # the test is over
            pass

    def test_a_restart_by_sigterm_loses_and_repeats_nothing(self) -> None:
        self.record(self.clients[0], "a", 0.6, project="before")
        poll(lambda: self.told()[0] == 1)
        self.assertEqual(self.teller.stop(), 0)
        self.record(self.clients[1], "b", 0.6, project="meanwhile")
        self.teller = self.serve("teller", "alerts")
        poll(lambda: self.told()[0] == 2)
        self.assertEqual(
            sorted(a.dimensions["project"] for a in self.kept()), ["before", "meanwhile"]
        )


if __name__ == "__main__":
    main(__doc__)
