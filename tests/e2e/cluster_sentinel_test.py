#!/usr/bin/env python3
"""A whole cluster over one Redis master with Sentinels: under traffic its master is killed, hands
over, and is restarted; every call gets an answer, and the books balance.

Usage: cluster_sentinel_test.py --programs FOLDER [unittest's arguments]
"""

import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from cluster_case import OPTIONS, ClusterCase, main, processes_of, run_printed
from cluster.layout import ALERTMANAGER, PROMETHEUS, SENTINELS, Layout
from cluster.resp import Resp, RespError
from day import timeline

# What a machine has left that does other things, too; as long as the operations take it here.
RATE, LOAD_S = 100, 20
TIMELINE = "timeline.jsonl"
WITHOUT_TLS = (PROMETHEUS, ALERTMANAGER)


class ClusterSentinelTest(ClusterCase):
    def test_traffic_goes_on(self) -> None:
        up = ("up", "--programs", OPTIONS.programs)
        first = self.cluster(*up, "--sentinel")
        roles = self.roles(first)
        self.assertEqual(list(roles.values()).count("redis master"), 1)
        self.assertEqual(list(roles.values()).count("redis replica"), 2)
        self.assertEqual([roles[name] for name in SENTINELS], ["redis sentinel"] * 3)
        self.strangers_may_ask_for_the_master_alone()
        # The directory remembers; what runs is left alone.
        again = self.cluster(*up)
        pids = {row["name"]: row["pid"] for row in first["processes"]}
        self.assertEqual({row["name"]: row["pid"] for row in again["processes"]}, pids)

        begun = self.begin_load(first)
        self.cluster("failover")
        went_on_ms = time.time() * 1e3
        self.cluster("failover", "--planned")
        self.assertEqual(len(self.cluster("restart", "redis")["restarted"]), 3)
        self.assertEqual(
            len(self.cluster("rotate-certificates")["rotated"]), len(pids) - len(WITHOUT_TLS)
        )
        slices = self.end_load(begun)
        self.assertGreater(timeline.summary(slices).outage, 0)
        after = timeline.between(slices, went_on_ms, float("inf"))
        self.assertGreater(timeline.summary(after).decided, 0)

        self.assertTrue(run_printed(first["commands"]["do the books balance"])["balanced"])
        self.cluster("down", "--remove")
        self.assertEqual(processes_of(self.dir), [])

    def begin_load(self, up: dict) -> subprocess.Popen:
        load = shlex.split(up["commands"]["traffic, over three replicas"])
        load = load[: load.index("--requests")]
        begun = subprocess.Popen(
            [*load, "--requests", str(RATE * LOAD_S), "--duration", str(LOAD_S),
             "--concurrency", "16", "--timeline", str(self.folder / TIMELINE), "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(begun.communicate)
        self.addCleanup(begun.kill)
        return begun

    def end_load(self, begun: subprocess.Popen) -> list[dict]:
        """What callers saw, of whom each got an answer."""
        printed, said = begun.communicate(timeout=180)
        self.assertEqual(begun.returncode, 0, said)
        slices = [json.loads(line) for line in (self.folder / TIMELINE).read_text().splitlines()]
        seen = timeline.summary(slices)
        why = json.loads(printed)["first_failure"]
        self.assertGreaterEqual(seen.reserves, RATE * LOAD_S)  # more: other models are tried
        self.assertEqual((seen.failed, seen.commits_failed), (0, 0), why)
        return slices

    def strangers_may_ask_for_the_master_alone(self) -> None:
        layout = Layout(self.dir)
        port = layout.port(SENTINELS[0])
        with Resp(port, layout.ca, "default", "whatever") as anybody:
            self.assertEqual(
                anybody("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"),
                ["127.0.0.1", str(layout.port("redis-1"))],
            )
            for forbidden in (("SENTINEL", "FAILOVER", "main"), ("SHUTDOWN",)):
                with self.assertRaisesRegex(RespError, "NOPERM"):
                    anybody(*forbidden)


if __name__ == "__main__":
    main(__doc__)
