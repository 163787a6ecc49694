"""The base of the tests that drive the public proto: a server, a policy, short ways to call."""

import argparse
import itertools
import sys
import tempfile
import unittest
from pathlib import Path

import grpc

from python_client import CallError, Client, Protos, Server

POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
unpriced_models: deny
models:
  - {id: interns-small-models, when: {team: interns}, allow: ["small*"]}
limits:
  - {id: user-minute, per: [user], unit: requests, amount: 3, window: 60s}
  - {id: team-month, per: [team], unit: usd, amount: 1, window: month}
  - id: project-day
    per: [project]
    unit: total_tokens
    amount: 1000
    window: day
    on_exceed: soft
  - {id: key-streams, per: [api_key], unit: concurrency, amount: 2}
  - id: agent-lifetime
    per: [labels.agent]
    unit: usd
    amount: 0.01
    window: lifetime
    on_exceed: {downgrade: small}
"""
PRICES = """
version: "test"
models:
  - {model: large, from: 2020-01-01, usd_per_million: {input: 3, output: 15}}
  - {model: small, from: 2020-01-01, usd_per_million: {input: 0.25, output: 1.25}}
"""
USD = 1_000_000_000

OPTIONS = argparse.Namespace()


class ClientCase(unittest.TestCase):
    """One server for all tests of a class. Each test is an org of its own, so that none sees what
    another has counted."""

    POLICY = POLICY
    orgs = itertools.count()

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory(prefix="qp-e2e-")
        cls.addClassCleanup(cls.folder.cleanup)
        path = Path(cls.folder.name)
        cls.protos = Protos(OPTIONS.protoc, path)
        cls.q = cls.protos.quota
        cls.before_start(path)
        cls.server = Server(OPTIONS.program, path, cls.POLICY, PRICES)
        cls.addClassCleanup(cls.server.stop)
        cls.client = Client(cls.server.address, cls.protos)
        cls.addClassCleanup(cls.client.close)

    @classmethod
    def before_start(cls, folder: Path) -> None:
        """What the server shall find in its folder."""

    def setUp(self) -> None:
        self.assertIsNone(self.server.ended(), self.server.log())
        self.org = f"org-{next(self.orgs)}"

    # Requests

    def subject(self, **fields):
        return self.q.Subject(**{"org": self.org, "model": "large"} | fields)

    def usage(self, **meters: int):
        return self.q.Usage(meters=meters)

    def reserve(self, id: str, estimate=None, ttl_s: float | None = None, **subject):
        request = self.q.ReserveRequest(
            reservation_id=id,
            subject=self.subject(**subject),
            estimate=estimate or self.usage(input=1000, output=1000),
        )
        if ttl_s is not None:
            request.ttl.FromMilliseconds(int(ttl_s * 1000))
        return self.client.call("Reserve", request)

    def commit(self, id: str, *attempts, **subject):
        return self.client.call(
            "Commit",
            self.q.CommitRequest(
                reservation_id=id,
                subject=self.subject(**subject),
                attempts=attempts or [self.attempt(input=1000, output=500)],
            ),
        )

    def attempt(self, model: str = "", **meters: int):
        return self.q.Attempt(model=model, usage=self.usage(**meters))

    def extend(self, id: str, sequence: int, estimate=None, ttl_s: float | None = None, **subject):
        request = self.q.ExtendRequest(
            reservation_id=id, sequence=sequence, subject=self.subject(**subject), estimate=estimate
        )
        if ttl_s is not None:
            request.ttl.FromMilliseconds(int(ttl_s * 1000))
        return self.client.call("Extend", request)

    def release(self, id: str):
        return self.client.call("Release", self.q.ReleaseRequest(reservation_id=id, org=self.org))

    def record(self, id: str, **subject):
        request = self.q.RecordRequest(record_id=id, subject=self.subject(**subject))
        request.attempts.append(self.attempt(input=1000, output=500))
        return self.client.call("Record", request)

    def limits(self, **subject):
        request = self.q.GetUsageRequest(subject=self.subject(**subject))
        return {limit.limit_id: limit for limit in self.client.call("GetUsage", request).limits}

    def assert_error(self, code: grpc.StatusCode, reason: str, call, /, *args, **kwargs) -> CallError:
        with self.assertRaises(grpc.RpcError) as raised:
            call(*args, **kwargs)
        error = CallError(raised.exception, self.protos)
        self.assertEqual((error.code, error.reason), (code, reason), error.message)
        if reason:
            self.assertEqual(error.domain, "quotaplane")
        return error


def main(usage: str) -> None:
    parser = argparse.ArgumentParser(description=usage, add_help=False)
    parser.add_argument("--program", required=True)
    parser.add_argument("--protoc", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
