#!/usr/bin/env python3
"""A whole cluster with TLS and auth: a short day in which everything happens once, then stopped,
started again over the same data, talked to by the commands that it prints, and removed.

Usage: cluster_test.py --programs FOLDER [unittest's arguments]
"""

import fcntl
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from cluster_case import ENVIRONMENT, OPTIONS, ClusterCase, command, main, processes_of, python, run_printed
from cluster.layout import SERVERS, Layout
from cluster.processes import started_at, wait_until

EVENTS = [
    *(f"restart of {role}" for role in ("quota", "ledger", "reports", "admin", "alerts")),
    *("policy change", "Redis failover", "PostgreSQL restart", "certificate rotation"),
]
REQUESTS = 3_000
# What a machine has left that does other things, too.
RATE = 200


class ClusterTest(ClusterCase):
    def spend_day(self) -> dict:
        numbers, page = self.folder / "day.json", self.folder / "day.html"
        done = python(
            *("day", "--requests", REQUESTS, "--rate", RATE, "--dir", self.folder),
            *("--programs", OPTIONS.programs, "--json", numbers, "--picture", page),
        )
        for event in EVENTS:
            self.assertIn(event, done.stdout)
            self.assertIn(event, page.read_text())
        return json.loads(numbers.read_text())

    def test_a_day_and_the_morning_after(self) -> None:
        day = self.spend_day()
        self.assertEqual(processes_of(self.folder), [])
        self.assertEqual([event["name"] for event in day["events"]], EVENTS)

        checks = day["checks"]
        self.assertEqual(checks["over_admissions"], [])
        # Limits were met, of teams and of people, or that would prove nothing.
        self.assertIn("team-ever", checks["met"])
        # Which of these, depends on how fast the machine is.
        self.assertTrue({"user-requests", "user-open-calls"} & set(checks["met"]), checks["met"])
        self.assertGreater(checks["hard_limits"], 100)
        self.assertGreater(checks["looks"], checks["hard_limits"])
        self.assertTrue(checks["books_balance"], checks["books"])
        self.assertGreater(checks["counters"], 50)

        rows = {row["name"].strip(): row for row in day["rows"]}
        whole = rows["the whole day"]
        self.assertGreaterEqual(whole["reserves"], REQUESTS)
        # Replicas take over from each other: a restart costs nobody an answer.
        self.assertEqual(whole["failed"], 0, day["first_failure"])
        self.assertEqual(whole["commits_failed"], 0, day["first_failure"])
        # Only while a master is away does it come to that, or where a machine stands still.
        self.assertGreater(rows["Redis failover"]["outage"], 0)
        self.assertGreater(rows["without events"]["availability"], 0.5)

        self.the_morning_after(day["ledger"]["charges"])

    def the_morning_after(self, charges: int) -> None:
        up = ("up", "--programs", OPTIONS.programs)
        self.somebody_elses_port(up)
        first = self.cluster(*up)
        pids = {row["name"]: row["pid"] for row in first["processes"]}
        self.assertEqual(len(pids), len(SERVERS) + 6 + 3)
        roles = list(self.roles(first).values())
        self.assertEqual(roles.count("redis master"), 3)
        self.assertEqual(roles.count("redis replica"), 3)
        # What runs is left alone.
        again = self.cluster(*up)
        self.assertEqual({row["name"]: row["pid"] for row in again["processes"]}, pids)
        self.assertIn("stays so", self.refused(*up, "--sentinel"))

        commands = first["commands"]
        spent = run_printed(commands["what was spent"])
        self.assertEqual(int(spent["total"]["requests"]), charges)
        self.assertTrue(run_printed(commands["do the books balance"])["balanced"])
        # The day's limits are remembered.
        limits = run_printed(commands["what is used of limits"])["limits"]
        self.assertIn("team-ever", [limit["limit_id"] for limit in limits])
        # Nobody is let in without a token.
        bare = commands["do the books balance"].split(" --token-file ")[0]
        done = subprocess.run(
            [*shlex.split(bare), "verify"], capture_output=True, text=True, timeout=60
        )
        self.assertIn("CREDENTIALS_MISSING", done.stdout + done.stderr)

        self.operations(roles.count("redis replica"))
        self.killed_processes(up)
        self.cluster("down", "--remove")
        self.assertEqual(processes_of(self.dir), [])
        self.assertFalse(self.dir.exists())

    def somebody_elses_port(self, up: tuple[object, ...]) -> None:
        """What is up by then, stays; and the next `up` goes on."""
        port = Layout(self.dir).port("redis-2")
        with socket.create_server(("127.0.0.1", port)):
            self.assertIn(f"port {port}, on which redis-2 has to listen", self.refused(*up))
        self.assertGreater(len(processes_of(self.dir)), 0)

    def operations(self, replicas: int) -> None:
        self.assertIn("there is no 'nothing'", self.refused("restart", "nothing"))
        planned = self.cluster("failover", "--planned")
        self.assertNotEqual(planned["from"], planned["to"])
        self.assertEqual(self.cluster("restart", planned["to"])["restarted"], [planned["to"]])
        roles = self.roles(self.cluster("status"))
        # It handed over before it was restarted.
        self.assertEqual(roles[planned["to"]], "redis replica")
        self.assertEqual(list(roles.values()).count("redis replica"), replicas)
        held = os.open(self.dir, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
        self.assertIn("another program is at work", self.refused("restart", "prometheus"))
        os.close(held)

    def killed_processes(self, up: tuple[object, ...]) -> None:
        victims = ["postgres", "redis-1", "admin-1"]
        pids = {row["name"]: row["pid"] for row in self.cluster("status")["processes"]}
        for name in victims:
            os.kill(pids[name], signal.SIGKILL)
            wait_until(lambda: started_at(pids[name]) is None, f"{name} ends")
        away = self.cluster("status", code=1)["processes"]
        self.assertEqual([row["name"] for row in away if not row["running"]], victims)
        self.cluster(*up)
        self.assertNotIn("redis away", self.roles(self.cluster("status")).values())

    def begin_day(self, until: str) -> subprocess.Popen:
        """Returns when that process starts."""
        day = subprocess.Popen(
            command("day", "--requests", 1000, "--rate", 100, "--sentinel",
                    "--dir", self.folder, "--programs", OPTIONS.programs),
            stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
        )  # fmt: skip
        self.addCleanup(day.communicate)
        self.addCleanup(day.kill)
        started = self.dir / "run" / f"{until}.json"
        wait_until(lambda: started.exists() or day.poll() is not None, f"{until} starts")
        self.assertGreater(len(processes_of(self.dir)), 3)
        return day

    def test_of_a_day_that_is_killed_nothing_is_left(self) -> None:
        day = self.begin_day("quota-1")
        day.kill()
        day.wait()
        wait_until(lambda: not processes_of(self.folder), "all is gone")

    def test_a_day_that_is_interrupted_says_so(self) -> None:
        day = self.begin_day("redis-1")
        day.send_signal(signal.SIGINT)
        _, said = day.communicate(timeout=60)
        self.assertEqual(day.returncode, 130)
        self.assertIn("interrupted", said)
        self.assertNotIn("Traceback", said)
        self.assertEqual(processes_of(self.folder), [])


if __name__ == "__main__":
    main(__doc__)
