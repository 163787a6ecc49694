#!/usr/bin/env python3
"""The books through quotactl, against a real server on its embedded default: they balance to the
nano, where they do not that is shown and repaired, new caps know what was spent, lost counters come
back; corrections, erasure, metrics.

Usage: ledger_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC [UNITTEST…]
"""

import argparse
import json
import re
import socket
import struct
import sys
import unittest
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]

from cli_case import DENIED, FAILED, OPTIONS, PRICES, UNLIMITED_POLICY, WRONG_USE  # noqa: E402
from cli_case import ServerCase, run, write_trace  # noqa: E402
from python_client import Server  # noqa: E402
from waiting import poll  # noqa: E402

NANO = 1_000_000_000
POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
unpriced_models: flag
limits:
  - {id: org-month, per: [org], unit: usd, amount: 1000, window: month}
  - {id: team-month, per: [team], unit: usd, amount: 1, window: month}
  - {id: user-tokens, per: [user], unit: total_tokens, amount: 100000000, window: year}
  - {id: ever, per: [org], unit: requests, amount: 100000000, window: lifetime}
  - {id: minute, per: [user], unit: usd, amount: 1000, window: 60s}
"""


def resp(connection: socket.socket, *arguments: bytes | str) -> object:
    """One command to the embedded Redis, behind the server's back."""
    parts = [a.encode() if isinstance(a, str) else a for a in arguments]
    request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)
    connection.sendall(request)
    with connection.makefile("rb") as replies:
        return read_reply(replies)


def read_reply(replies) -> object:
    line = replies.readline().rstrip(b"\r\n")
    kind, rest = line[:1], line[1:]
    if kind == b"$":
        return replies.read(int(rest) + 2)[:-2] if int(rest) >= 0 else None
    if kind == b"*":
        return [read_reply(replies) for _ in range(int(rest))]
    if kind == b"-":
        raise RuntimeError(rest.decode())
    return int(rest) if kind == b":" else rest


class Case(ServerCase):
    POLICY = POLICY

    def setUp(self) -> None:
        super().setUp()
        self.redis = socket.socket(socket.AF_UNIX)
        self.redis.connect(str(self.folder / "data/redis/redis.sock"))
        self.addCleanup(self.redis.close)

    def verify(self, *arguments: object, code: int = 0) -> dict:
        return self.json("verify", "--org", self.org, "--patience", "30s", *arguments, code=code)

    def record(self, id: str, input_tokens: int, team: str = "search", user: str = "alice") -> None:
        subject = ["--team", team, "--user", user, "--model", "large"]
        self.json("record", "--id", id, *subject, "--input-tokens", input_tokens)

    def wait_for_ledger(self, charges: int) -> None:
        poll(lambda: int(self.json("report", "usage")["total"]["requests"]) == charges)

    def disturb(self, by: int) -> None:
        """Adds to what one counter of this org has, past everything that counts."""
        for key in resp(self.redis, "KEYS", "*"):
            if not re.match(rb"\{p\d+\}c", key):
                continue
            header = resp(self.redis, "GET", key)
            held, committed = struct.unpack_from("<dd", header)
            resp(self.redis, "SET", key, struct.pack("<dd", held, committed + by) + header[16:])
            if self.drifts():
                return
            resp(self.redis, "SET", key, header)
        self.fail("none of the counters is this org's")

    def drifts(self) -> bool:
        done = run(
            OPTIONS.quotactl, "verify", "--org", self.org, "--server", self.server.address
        )
        return done.returncode == FAILED


class VerifyTest(Case):
    def test_the_books_balance_after_a_trace(self) -> None:
        path = self.folder / "trace.csv"
        write_trace(path, [(100 + 7 * i, 3 + i) for i in range(300)])
        totals = self.json("replay", path, "--concurrency", 16)
        books = self.verify("--all")
        self.assertTrue(books["balanced"])
        rows = {row["limit_id"]: row for row in books["rows"]}
        self.assertEqual(int(rows["org-month"]["ledger"]), totals["cost_nano_usd"])
        self.assertEqual(int(rows["org-month"]["counter"]), totals["cost_nano_usd"])
        self.assertEqual(int(rows["ever"]["counter"]), totals["committed"])
        self.assertNotIn("minute", rows)
        self.assertIsNone(rows["ever"].get("period_start_time"))
        text = self.quotactl("verify").stdout
        self.assertRegex(text, r"the books balance\n$")

    def test_a_drift_is_shown_to_the_nano_and_repaired(self) -> None:
        self.record("r-1", 1000)
        self.wait_for_ledger(1)
        self.disturb(7)
        rows = self.verify(code=FAILED)["rows"]
        self.assertEqual([row["drift"] for row in rows], ["7"])
        text = self.quotactl("verify", "--org", self.org, code=FAILED).stdout
        self.assertIn("the books do not balance", text)
        dry = self.quotactl("rebuild-counters", "--org", self.org, "--dry-run").stdout
        self.assertIn("Nothing was moved", dry)
        self.verify(code=FAILED)
        done = self.quotactl("rebuild-counters", "--org", self.org).stdout
        self.assertIn("1 counter moved", done)
        self.assertEqual(self.verify()["rows"], [])
        self.assertIn("the books balance", self.quotactl("rebuild-counters").stdout)

    def test_an_org_that_nobody_knows_has_no_counters(self) -> None:
        books = self.json("verify", "--org", "nobody")
        self.assertEqual(books["orgs"][0]["counters"], "0")

    def test_bad_input_is_named(self) -> None:
        for arguments, said in (
            (["verify", "--patience", "61s"], "patience"),
            (["verify", "--patience", "soon"], "--patience"),
            (["verify", "--org", "a\nb"], "org"),
            (["rebuild-counters", "--org", "x" * 129], "org"),
            (["adjust", "--of", "r", "--reason", "x", "--actor", "me"], "cost_nano_usd"),
            (["adjust", "--of", "r", "--reason", "x", "--cost", "much"], "--cost"),
            (["adjust", "--of", "r", "--cost", "1"], "--reason"),
            (
                ["adjust", "--of", "r", "--reason", "x", "--actor", "me", "--quantity", "-1"],
                "line",
            ),
            (
                ["rerate", "--reason", "x", "--actor", "me", "--filter", "api_key=k"],
                "--filter",
            ),
            (
                ["rerate", "--reason", "x", "--from", "2026-02-01", "--to", "2026-01-01"]
                + ["--actor", "me"],
                "to_time",
            ),
            (["erase-user", "--user", "x" * 129, "--yes", "--actor", "me"], "user"),
        ):
            with self.subTest(arguments):
                self.assertIn(said, self.quotactl(*arguments, code=WRONG_USE).stderr)
        policy = self.write("broken.yaml", "limits: [{id: x}]\n")
        broken = self.quotactl("rebuild-counters", "--policy", policy, code=WRONG_USE)
        self.assertIn("policy_yaml", broken.stderr)
        self.quotactl("rebuild-counters", "--policy", "/nowhere.yaml", code=FAILED)


class NoLimitsTest(Case):
    POLICY = UNLIMITED_POLICY

    def spend(self) -> None:
        for i in range(3):
            self.record(f"r-{i}", 100_000)  # 0.30 USD each
        self.wait_for_ledger(3)

    def limits(self) -> list[dict]:
        return self.json("usage", "--team", "search", "--user", "alice")["limits"]

    def test_verify_says_that_there_is_nothing(self) -> None:
        self.record("r-1", 1)
        self.assertIn("Nothing to compare", self.quotactl("verify").stdout)
        self.assertEqual(self.json("verify")["limits"], 0)

    def test_a_cap_added_now_knows_what_was_spent_from_its_first_moment(self) -> None:
        self.spend()
        policy = self.folder / "policy.yaml"
        self.addCleanup(lambda: poll(lambda: not self.limits()))
        self.addCleanup(lambda: policy.write_text(UNLIMITED_POLICY))
        policy.write_text(POLICY)
        # The first look at which it is there at all: it has the 0.90 USD.
        limits = {limit["limit_id"]: limit for limit in poll(self.limits, 10)}
        self.assertEqual(int(limits["team-month"]["used"]), 900_000_000)
        self.assertEqual(int(limits["ever"]["used"]), 3)
        tokens = ["--input-tokens", 50_000, "--max-output-tokens", 1]
        subject = ["--team", "search", "--user", "alice", "--model", "large"]
        self.json("reserve", "--id", "new", *subject, *tokens, code=DENIED)
        self.assertTrue(self.verify()["balanced"])

    def test_a_policy_is_filled_ahead(self) -> None:
        self.spend()
        path = self.write("ahead.yaml", POLICY)
        ahead = self.quotactl("rebuild-counters", "--org", self.org, "--policy", path).stdout
        self.assertRegex(ahead, r"4 counters moved")
        again = self.json("rebuild-counters", "--org", self.org, "--policy", path)
        self.assertTrue(again["balanced"])


class LossTest(Case):
    def test_lost_counters_come_back_by_themselves(self) -> None:
        for i in range(3):
            self.record(f"r-{i}", 100_000)
        self.wait_for_ledger(3)
        self.assertTrue(self.verify()["balanced"])
        resp(self.redis, "FLUSHALL")
        poll(lambda: not self.drifts())
        tokens = ["--input-tokens", 50_000, "--max-output-tokens", 1]
        subject = ["--team", "search", "--user", "alice", "--model", "large"]
        self.json("reserve", "--id", "new", *subject, *tokens, code=DENIED)


class RestartTest(Case):
    def wait_until_settled(self, times: int) -> None:
        """What is new is filled twice; from then on a drift stays."""
        poll(lambda: self.server.log().count(" is settled") == times)

    def test_a_restart_hides_no_drift_of_an_org_with_its_own_policy(self) -> None:
        self.wait_until_settled(1)
        self.record("r-1", 1000)
        self.wait_for_ledger(1)
        self.quotactl("limits", "set", "user=alice: 50 usd a month", "--on-outage", "deny")
        self.wait_until_settled(2)
        self.disturb(7)
        self.server.stop()
        type(self).server = Server(OPTIONS.program, self.folder, self.POLICY, PRICES, self.MORE)
        rows = self.verify(code=FAILED)["rows"]
        self.assertEqual([row["drift"] for row in rows], ["7"])


class CorrectionsTest(Case):
    def used(self) -> int:
        limits = self.json("usage", "--team", "search", "--user", "alice")["limits"]
        return int(next(limit for limit in limits if limit["limit_id"] == "team-month")["used"])

    def test_an_adjustment_moves_budgets_and_balances(self) -> None:
        self.record("r-1", 100_000)
        self.wait_for_ledger(1)
        call = ["adjust", "--of", "r-1", "--cost", "-0.10", "--reason", "credit", "--actor", "me"]
        text = self.quotactl(*call, "--id", "a-1").stdout
        self.assertIn("-$0.10", text)
        self.assertIn("comes to $0.20", text)
        self.assertTrue(self.json(*call, "--id", "a-1")["replayed"])
        self.assertEqual(self.used(), 200_000_000)
        self.assertTrue(self.verify()["balanced"])
        much = self.quotactl(*call[:4], "-0.30", *call[5:], "--id", "a-2", code=FAILED)
        self.assertIn("MORE_THAN_LEFT", much.stderr)
        self.quotactl("adjust", "--of", "r-1", "--all", *call[5:])
        self.assertEqual(self.used(), 0)
        self.assertIn("NOTHING_LEFT", self.quotactl("adjust", "--of", "r-1", "--all", *call[5:],
                                                    code=FAILED).stderr)
        unknown = self.quotactl("adjust", "--of", "r-9", "--all", *call[5:], code=FAILED)
        self.assertIn("NOT_FOUND", unknown.stderr)

    def test_rerating_by_new_prices(self) -> None:
        self.record("r-1", 100_000)
        self.wait_for_ledger(1)
        prices = self.folder / "prices.yaml"
        self.addCleanup(lambda: prices.write_text(PRICES))
        prices.write_text(PRICES.replace("{input: 3,", "{input: 2,"))
        call = ["rerate", "--reason", "contract", "--actor", "me"]
        poll(lambda: self.json(*call, "--dry-run")["total"]["after_nano_usd"] == "200000000")
        self.assertEqual(self.used(), 300_000_000)
        self.assertIn("a dry run", self.quotactl(*call, "--dry-run").stdout)
        self.assertRegex(self.quotactl(*call).stdout, r"large +1 +1 +\$0\.30 +\$0\.20 +-\$0\.10")
        self.assertEqual(self.used(), 200_000_000)
        self.assertEqual(self.json(*call)["total"]["changed"], "0")
        self.assertTrue(self.verify()["balanced"])

    def test_erasing_a_person(self) -> None:
        self.record("r-1", 100_000)
        self.wait_for_ledger(1)
        self.assertIn("nothing was erased",
                      self.quotactl("erase-user", "--user", "alice", code=FAILED).stderr)
        erased = self.json("erase-user", "--user", "alice", "--yes", "--actor", "me")
        users = [r["group"][0] for r in self.json("report", "usage", "--group-by", "user")["rows"]]
        self.assertEqual(users, [erased["pseudonym"]])
        self.assertTrue(self.verify()["balanced"])
        self.assertIn(
            "Had been erased before",
            self.quotactl("erase-user", "--user", "alice", "--yes", "--actor", "me").stdout,
        )


class StatusTest(Case):
    def metrics(self) -> str:
        address = re.search(r"metrics on (http://[^/]+/metrics)", self.server.log()).group(1)
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.read().decode()

    def test_drift_is_told(self) -> None:
        self.record("r-1", 1000)
        self.wait_for_ledger(1)
        text = poll(lambda: "drift_max{" in self.metrics() and self.metrics(), 90)
        names = set(re.findall(r"(?m)^# TYPE (quotaplane_ledger_\S+) ", text))
        golden = (ROOT / "tests/e2e/metrics.golden").read_text()
        self.assertEqual(names, set(re.findall(r"(?m)^(quotaplane_ledger_\S+) ", golden)))
        self.assertRegex(text, r"(?m)^quotaplane_ledger_available 1$")
        self.assertRegex(text, r"(?m)^quotaplane_ledger_outbox_messages 0$")
        self.assertRegex(text, r'(?m)^quotaplane_ledger_drift\{unit="usd"\} 0$')

    def test_status(self) -> None:
        self.record("r-1", 1000)
        self.wait_for_ledger(1)
        text = self.quotactl("ledger", "status").stdout
        self.assertRegex(text, r"ledger +available\n")
        self.assertRegex(text, r"outbox +0 ")
        status = self.json("ledger", "status")
        self.assertEqual(status["quarantined_messages"], "0")
        self.assertEqual(status["books"]["limits"], "4")

    def test_an_address_that_is_taken_is_said_where_it_was_asked_for(self) -> None:
        folder = self.folder / "second"
        folder.mkdir()
        taken = re.search(r"metrics on http://(\S+)/metrics", self.server.log()).group(1)
        call = ["serve", "--data-dir", folder, "--listen", "127.0.0.1:0", "--metrics-listen", taken]
        done = run(OPTIONS.program, *call)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot serve metrics", done.stderr)

    def test_a_default_address_that_is_taken_stops_no_server(self) -> None:
        folder = self.folder / "third"
        folder.mkdir()
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

            def bound() -> bool:
                try:
                    taken.bind(("127.0.0.1", 7412))
                except OSError:  # another test's server has it, and goes
                    return False
                return True

            poll(bound, 60)
            taken.listen()
            server = Server(OPTIONS.program, folder, POLICY, PRICES, metrics=())
            self.addCleanup(server.stop)
            self.assertIn("no metrics: cannot serve metrics on 127.0.0.1:7412", server.log())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    for program in ("program", "quotactl", "protoc"):
        parser.add_argument(f"--{program}", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
