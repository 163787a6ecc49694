#!/usr/bin/env python3
"""One of two replicas hangs: what it did is known to the other, which does what it did not get to.

Usage: hung_replica_test.py --program QUOTAPLANE --quotactl QUOTACTL --next-schema NEXT_SCHEMA
       --protoc PROTOC [unittest's arguments]
"""

import os
import signal
import sys
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from auth_case import wait_until
from upgrade_case import UpgradeCase, main


def is_stopped(pid: int) -> bool:
    """Every thread: the signal takes each when it is next interrupted."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(stat.read_text().rpartition(") ")[2][0] == "T" for stat in threads)


class HungReplicaTest(UpgradeCase):
    def test_a_replica_that_hangs_holds_nobody_up(self) -> None:
        quota = self.protos.quota
        hung, other = (self.serve(name, "quota", self.sqlite()) for name in ("a", "b"))
        clients = [self.client(server) for server in (hung, other)]
        subject = quota.Subject(org="acme", team="search", user="alice", model="large")
        estimate = quota.Usage(meters={"input": 1000})

        def reserve(client, id: str, timeout: float = 20):
            request = quota.ReserveRequest(reservation_id=id, subject=subject, estimate=estimate)
            return client.unary("/quotaplane.v1.QuotaService/Reserve", quota.ReserveResponse)(
                request, timeout=timeout
            )

        def held() -> int:
            answer = clients[1].call("GetUsage", quota.GetUsageRequest(subject=subject))
            (limit,) = [limit for limit in answer.limits if limit.limit_id == "user-month"]
            return limit.used

        first = reserve(clients[0], "r1")
        os.kill(hung.pid, signal.SIGSTOP)
        self.addCleanup(lambda: hung.ended() is None and os.kill(hung.pid, signal.SIGCONT))
        wait_until(lambda: is_stopped(hung.pid), "the replica hangs")
        with self.assertRaises(grpc.RpcError) as raised:
            reserve(clients[0], "r2", timeout=0.5)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        # What it did before it hung is known elsewhere; what it did not get to do is done there.
        self.assertEqual(reserve(clients[1], "r1").expires_at, first.expires_at)
        second = reserve(clients[1], "r2")
        self.assertEqual(second.decision, quota.DECISION_ALLOW)
        self.assertEqual(held(), 2)
        os.kill(hung.pid, signal.SIGCONT)
        self.assertEqual(reserve(clients[0], "r2").expires_at, second.expires_at)
        self.assertEqual(held(), 2)


if __name__ == "__main__":
    main(__doc__)
