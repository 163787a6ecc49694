#!/usr/bin/env python3
"""A replica that starts while both the counter store and the database are away: it goes by what is
on its disk, and says how old that is.

Usage: control_away_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC
       [unittest's arguments]
"""

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from auth_case import AuthCase, main, wait_until

# Its limit has no like in the file, and says what becomes of calls while the store is away.
OWN_POLICY = """
limits:
  - {id: own-limit, per: [user], unit: requests, amount: 0, window: day, on_outage: deny}
"""
# Nobody listens there.
NO_DATABASE = "postgres://nobody@127.0.0.1:1/none?connect_timeout=1"


class ControlAwayTest(AuthCase):
    def start_redis(self) -> subprocess.Popen:
        redis = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.folder / "redis.sock"]
            + ["--save", "", "--dir", self.folder],
            stdout=subprocess.DEVNULL,
        )
        self.addCleanup(redis.wait)
        self.addCleanup(redis.kill)
        wait_until((self.folder / "redis.sock").exists, "redis-server listens")
        return redis

    def start(self, ledger: str):
        return self.serve("--redis", f"unix://{self.folder / 'redis.sock'}", "--ledger", ledger)

    def activate(self, channel: grpc.Channel, yaml: str) -> None:
        create = self.api.request("AdminService/CreateDraft", "acme")
        create.request_id, create.yaml = str(uuid.uuid4()), yaml
        draft = self.api.call(channel, "AdminService/CreateDraft", create)
        request = self.api.request("AdminService/ActivatePolicy", "acme")
        request.request_id = str(uuid.uuid4())
        request.version, request.etag = draft.version, draft.etag
        self.api.call(channel, "AdminService/ActivatePolicy", request)

    def reserve(self, channel: grpc.Channel):
        request = self.api.request("QuotaService/Reserve", "acme")
        request.reservation_id = str(uuid.uuid4())
        request.subject.user = "alice"
        request.subject.model = "small"
        request.estimate.meters["input"] = 1
        return self.api.call(channel, "QuotaService/Reserve", request)

    def limits(self, answer) -> list[str]:
        return [limit.limit_id for limit in answer.exceeded]

    def test_the_disk_stands_in_for_both(self) -> None:
        redis = self.start_redis()
        server = self.start(f"sqlite:{self.folder / 'ledger.db'}")
        channel = self.channel(server)
        self.activate(channel, OWN_POLICY)
        wait_until(lambda: self.limits(self.reserve(channel)) == ["own-limit"], "it is in force")
        wait_until(lambda: self.metric(server, "quotaplane_control_saved") == 1, "it is on disk")
        self.assertEqual(self.metric(server, "quotaplane_control_available"), 1)
        os.kill(server.pid, 9)
        redis.kill()
        redis.wait()
        (self.folder / "redis.sock").unlink()
        stopped = time.time()

        replica = self.start(NO_DATABASE)
        self.assertRegex(replica.log(), r"control state from disk: change 2, 1 items, \d+m?s? old")
        self.assertEqual(self.metric(replica, "quotaplane_control_available"), 0)
        self.assertEqual(self.metric(replica, "quotaplane_control_change"), 2)
        self.assertEqual(self.metric(replica, "quotaplane_control_orgs"), 1)
        age = self.metric(replica, "quotaplane_control_age_seconds")
        self.assertGreaterEqual(age, time.time() - stopped - 1)
        channel = self.channel(replica)
        answer = self.reserve(channel)
        self.assertEqual(self.limits(answer), ["own-limit"])
        outcome = self.outcome(channel, "AdminService/GetPropagation", "")
        self.assertTrue(outcome.startswith("UNAVAILABLE"), outcome)

        # Once the store is back the replica is told again what there is, though it has lost all.
        self.start_redis()
        wait_until(
            lambda: self.metric(replica, "quotaplane_control_available") == 1, "it is followed"
        )
        self.assertEqual(self.limits(self.reserve(channel)), ["own-limit"])


if __name__ == "__main__":
    main(__doc__)
