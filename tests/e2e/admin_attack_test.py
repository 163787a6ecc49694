#!/usr/bin/env python3
"""What somebody who means harm, or is careless, tries with AdminService: approving one's own, taking
turns, races, floods, messages that never end; and the audit log changed behind the server's back.

Usage: admin_attack_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import hashlib
import json
import os
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import OWN_POLICY, SERVICE, AdminCase, PeopleCase, poll
from certificates import JwtKey
from client_case import main
from python_client import CallError
from slow_sender import SlowSender

Code = grpc.StatusCode
ONE_APPROVAL = OWN_POLICY + "approvals: 1\n"
ISSUER = "https://idp.test"
MIB = 1 << 20
MINUTE_ROWS = 600  # refusals of one org, and of one caller, that the log takes in a minute


def moment(**ahead: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class RolesCase(PeopleCase):
    """People with several roles; and whom an issuer knows, who may have many tokens."""

    PEOPLE = {
        "ann": ("admin",),
        "ada": ("admin", "approver"),
        "bob": ("approver", "viewer"),
        "eve": ("auditor",),
        "val": ("viewer",),
    }

    @classmethod
    def more(cls) -> tuple[object, ...]:
        def entry(name: str, roles: tuple[str, ...]) -> dict:
            digest = hashlib.blake2b(cls.token(name).encode(), digest_size=32).hexdigest()
            granted = [{"role": role, "org": "*"} for role in roles]
            return {"name": name, "hash": f"blake2b:{digest}", "expires": "2100-01-01",
                    "roles": granted}  # fmt: skip

        cls.issuer = JwtKey(cls.path, "k1")
        keys = cls.path / "keys.json"
        keys.write_text(json.dumps({"keys": [cls.issuer.public()]}))
        groups = {f"{role}s": [{"role": role, "org": "*"}] for role in ("admin", "approver")}
        issuer = {"issuer": ISSUER, "audience": "quotaplane", "keys": str(keys), "groups": groups}
        tokens = [entry(name, roles) for name, roles in cls.PEOPLE.items()]
        auth = cls.path / "auth.yaml"
        auth.write_text(json.dumps({"tokens": tokens, "issuers": [issuer]}))
        return ("--auth", auth)

    def signed(self, subject: str, *groups: str) -> str:
        claims = {"iss": ISSUER, "aud": "quotaplane", "sub": subject, "groups": groups}
        return self.issuer.sign(claims | {"exp": int(time.time()) + 3600})

    def asked_for_approval(self) -> None:
        first = self.by("ann", "CreateDraft", yaml=ONE_APPROVAL)
        self.by("ann", "ActivatePolicy", version=1, etag=first.etag)

    def which(self, version) -> dict:
        return {"version": version.version, "etag": version.etag}


class ApprovalTest(RolesCase):
    def setUp(self) -> None:
        super().setUp()
        self.asked_for_approval()
        self.draft = self.by("ann", "CreateDraft", yaml=ONE_APPROVAL.replace("250", "300"))

    def test_another_token_is_not_another_person(self) -> None:
        draft = self.admin("CreateDraft", self.signed("joe", "admins"), yaml=OWN_POLICY)
        approver = self.signed("joe", "approvers")
        self.refused(
            Code.PERMISSION_DENIED, "OWN_CHANGE", "ApprovePolicy", approver, **self.which(draft)
        )
        approver = self.signed("jim", "approvers")
        self.admin("ApprovePolicy", approver, **self.which(draft))

    def test_another_role_is_not_another_person(self) -> None:
        mine = self.by("ada", "CreateDraft", yaml=OWN_POLICY)
        self.refused_to(
            "ada", Code.PERMISSION_DENIED, "OWN_CHANGE", "ApprovePolicy", **self.which(mine)
        )
        rows = self.audit(self.token("eve"), action="ApprovePolicy")
        self.assertEqual(
            [(row.actor, row.outcome) for row in rows],
            [("token:ada", "PERMISSION_DENIED OWN_CHANGE")],
        )

    def test_whoever_wrote_a_part_is_an_author(self) -> None:
        """Nor does it help to let somebody else write the last part."""
        edit = {"set_amount": {"limit_id": "user-month", "scope": {"user": "x"}, "amount": "1"}}
        which = self.which(self.by("ada", "CreateDraft", yaml=OWN_POLICY))
        changed = self.by("ann", "UpdateDraft", **which, edits={"edits": [edit]})
        self.refused_to(
            "ada", Code.PERMISSION_DENIED, "OWN_CHANGE", "ApprovePolicy", **self.which(changed)
        )
        approved = self.by("bob", "ApprovePolicy", **self.which(changed))
        self.assertEqual([a.approver for a in approved.approvals], ["token:bob"])

    def test_an_approval_is_of_what_was_read(self) -> None:
        self.by("ann", "UpdateDraft", **self.which(self.draft), yaml=ONE_APPROVAL)
        self.refused_to(
            "bob", Code.ABORTED, "ETAG_MISMATCH", "ApprovePolicy", **self.which(self.draft)
        )

    def test_a_change_makes_approvals_void(self) -> None:
        approved = self.by("bob", "ApprovePolicy", **self.which(self.draft))
        worse = {"yaml": ONE_APPROVAL.replace("250", "999999")}
        self.refused_to(
            "ann", Code.FAILED_PRECONDITION, "WRONG_STATE", "UpdateDraft",
            **self.which(approved), **worse,
        )  # fmt: skip
        changed = self.by(
            "ann", "UpdateDraft", **self.which(approved), **worse, drop_approvals=True
        )
        self.assertEqual(len(changed.approvals), 0)
        self.refused_to(
            "ann", Code.FAILED_PRECONDITION, "NOT_APPROVED", "ActivatePolicy", **self.which(changed)
        )
        # Nor do the etags of the time before count.
        self.refused_to(
            "ann", Code.ABORTED, "ETAG_MISMATCH", "ActivatePolicy", **self.which(approved)
        )
        row = self.audit(self.token("eve"), action="UpdateDraft")[-1]
        self.assertIn('"approvals":["token:bob"]', row.before)
        self.assertIn('"approvals":[]', row.after)

    def test_an_approved_draft_outlives_a_change_of_what_is_in_force(self) -> None:
        approved = self.by("bob", "ApprovePolicy", **self.which(self.draft))
        other = self.by("ada", "CreateDraft", yaml=ONE_APPROVAL.replace("250", "200"))
        other = self.by("bob", "ApprovePolicy", **self.which(other))
        other = self.by("ada", "ActivatePolicy", **self.which(other))
        self.refused_to(
            "ann", Code.FAILED_PRECONDITION, "BASE_CHANGED", "ActivatePolicy", **self.which(approved)
        )
        new = {"yaml": ONE_APPROVAL.replace("250", "300"), "drop_approvals": True}
        error = self.refused_to(
            "ann", Code.ABORTED, "BASE_CHANGED", "UpdateDraft", **self.which(approved), **new
        )
        self.assertEqual(error.metadata["active_version"], str(other.version))
        self.assertIn(f"version {other.version} is active", error.message)
        self.assertEqual(len(self.by("val", "GetPolicy", version=2).approvals), 1)
        changed = self.by(
            "ann", "UpdateDraft", **self.which(approved), **new, base_version=other.version
        )
        self.assertEqual(changed.base_version, other.version)
        changed = self.by("bob", "ApprovePolicy", **self.which(changed))
        self.by("ann", "ActivatePolicy", **self.which(changed))

    def test_no_way_round_the_approvals(self) -> None:
        """Caps, states and rollbacks wait, or keep what was asked for."""
        waived = OWN_POLICY + "approvals: 0\n"
        draft = self.by("ann", "CreateDraft", yaml=waived)
        put = self.by("ann", "SetLimit", set={"limit_id": "user-month", "amount": "9"})
        state = "quotaplane_state: 1\npolicy:\n" + "".join(
            f"  {line}\n" for line in waived.strip().splitlines()
        )
        applied = self.by("ann", "ApplyState", yaml=state)
        for version in (draft, put.version, applied.version):
            self.refused_to(
                "ann", Code.FAILED_PRECONDITION, "NOT_APPROVED", "ActivatePolicy",
                **self.which(version),
            )  # fmt: skip
        for version in (draft.version, 99, 1):
            with self.assertRaises(grpc.RpcError):
                self.by("ann", "RollbackPolicy", to_version=version, reason="x")
        discarded = self.by("ann", "DiscardDraft", **self.which(draft))
        self.refused_to(
            "ann", Code.FAILED_PRECONDITION, "WRONG_STATE", "RollbackPolicy",
            to_version=discarded.version, reason="x",
        )  # fmt: skip
        for method in ("ApprovePolicy", "ActivatePolicy", "DiscardDraft"):
            self.refused_to(
                "bob" if method == "ApprovePolicy" else "ann",
                Code.FAILED_PRECONDITION, "WRONG_STATE", method, **self.which(discarded),
            )  # fmt: skip
        active = self.by("val", "GetPolicy")
        self.assertEqual((active.version, active.approvals_needed), (1, 1))


class ExceptionTest(RolesCase):
    def asked(self, token: str, **more):
        fields = {
            "scope": {"user": "alice"},
            "raises": [{"limit_id": "user-month", "amount": "900000000000"}],
            "end_time": moment(hours=1),
            "reason": "x",
        }
        return self.admin("RequestException", token, **fields | more)

    @staticmethod
    def of(exception) -> dict:
        return {"exception_id": exception.exception_id, "etag": exception.etag}

    def test_a_role_more_is_not_another_person(self) -> None:
        for asks, decides in (
            (self.signed("joe", "admins"), self.signed("joe", "approvers")),
            (self.token("ada"), self.token("ada")),
        ):
            asked = self.asked(asks)
            for method in ("ApproveException", "DenyException"):
                self.refused(
                    Code.PERMISSION_DENIED, "OWN_CHANGE", method, decides, **self.of(asked)
                )

    def test_what_is_over_is_over(self) -> None:
        short = self.asked(self.token("val"), end_time=moment(seconds=1))
        expired = self.a.EXCEPTION_STATE_EXPIRED
        which = {"exception_id": short.exception_id}
        poll(lambda: self.by("val", "GetException", **which).state == expired)
        for name, method in (
            ("bob", "ApproveException"), ("bob", "DenyException"), ("val", "RevokeException"),
        ):  # fmt: skip
            error = self.refused_to(
                name, Code.FAILED_PRECONDITION, "WRONG_STATE", method, **self.of(short)
            )
            self.assertEqual(error.metadata["state"], "EXPIRED")
        asked = self.asked(self.token("val"))
        approved = self.by("bob", "ApproveException", **self.of(asked))
        self.refused_to("bob", Code.ABORTED, "ETAG_MISMATCH", "DenyException", **self.of(asked))
        revoked = self.by("val", "RevokeException", **self.of(approved))
        for name, method in (
            ("val", "RevokeException"), ("bob", "ApproveException"), ("bob", "DenyException"),
        ):  # fmt: skip
            self.refused_to(
                name, Code.FAILED_PRECONDITION, "WRONG_STATE", method, **self.of(revoked)
            )
        limit = self.by("val", "GetLimit", limit_id="user-month", scope={"user": "alice"})
        self.assertEqual(limit.amount, 100_000_000_000)

    def test_of_two_who_decide_at_once_one_does(self) -> None:
        for _ in range(5):
            asked = self.asked(self.token("val"))
            outcomes = at_once(
                lambda: self.by("bob", "ApproveException", **self.of(asked)),
                lambda: self.by("ada", "DenyException", **self.of(asked)),
            )
            self.assertEqual(sorted(outcomes), ["ABORTED", "OK"])


def at_once(*calls) -> list[str]:
    """The code of each."""
    outcomes: list[str] = []
    start = threading.Barrier(len(calls))

    def run(call) -> None:
        start.wait()
        try:
            call()
            outcomes.append("OK")
        except grpc.RpcError as error:
            outcomes.append(error.code().name)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


class RaceTest(AdminCase):
    def which(self, version) -> dict:
        return {"version": version.version, "etag": version.etag}

    def test_a_version_is_activated_once(self) -> None:
        for i in range(1, 6):
            draft = self.admin("CreateDraft", yaml=OWN_POLICY.replace("250", str(300 + i)))
            outcomes = at_once(
                *[lambda: self.admin("ActivatePolicy", **self.which(draft))] * 4
            )
            self.assertEqual(outcomes.count("OK"), 1, outcomes)
            self.assertLessEqual(set(outcomes), {"OK", "FAILED_PRECONDITION"})
        rows = self.audit(action="ActivatePolicy")
        self.assertEqual(sum(row.outcome == "OK" for row in rows), 5)
        self.assertEqual(len(rows), 20)

    def test_of_many_drafts_of_one_base_one_is_in_force(self) -> None:
        drafts = [self.admin("CreateDraft", yaml=OWN_POLICY.replace("250", str(i))) for i in (7, 8, 9)]
        outcomes = at_once(
            *[lambda d=draft: self.admin("ActivatePolicy", **self.which(d)) for draft in drafts]
        )
        self.assertEqual(sorted(outcomes), ["FAILED_PRECONDITION", "FAILED_PRECONDITION", "OK"])

    def test_the_same_request_at_once_is_done_once(self) -> None:
        request = self.request("CreateKey", {"key": {"team": "search"}})
        answers = []
        outcomes = at_once(*[lambda: answers.append(self.send("CreateKey", request))] * 4)
        self.assertEqual(outcomes, ["OK"] * 4)
        self.assertEqual(len({answer.key.key_id for answer in answers}), 1)
        self.assertEqual(sum(bool(answer.secret) for answer in answers), 1, "shown once")
        self.assertEqual(len(self.admin("ListKeys").keys), 1)

    def test_what_was_spent_with_a_key_that_ended_is_charged(self) -> None:
        """And nothing more is spent with it."""
        revoked = self.admin("CreateKey", key={"user": "alice"})
        rotated = self.admin("CreateKey", key={"user": "bob"})

        def reserve(key, id: str) -> str:
            request = self.q.ReserveRequest(
                reservation_id=id,
                subject=self.q.Subject(model="large"),
                estimate=self.usage(input=1),
                key=key.secret,
            )
            try:
                self.client.call("Reserve", request)
                return "OK"
            except grpc.RpcError as error:
                return CallError(error, self.protos).reason

        def charged(key, id: str) -> int:
            request = self.q.CommitRequest(
                reservation_id=id, subject=self.q.Subject(model="large"), key=key.secret
            )
            request.attempts.append(self.attempt(input=1000))
            return self.client.call("Commit", request).cost_nano_usd

        for key, id in ((revoked, "r-1"), (rotated, "r-2"), (revoked, "r-3")):
            poll(lambda: reserve(key, id) == "OK")
        self.admin("RevokeKey", key_id=revoked.key.key_id)
        self.admin("RotateKey", key_id=rotated.key.key_id, etag=rotated.key.etag, grace_seconds=0)
        poll(lambda: reserve(revoked, "x-1") == "KEY_REVOKED")
        poll(lambda: reserve(rotated, "x-2") == "KEY_EXPIRED")
        self.assertGreater(charged(revoked, "r-1"), 0)
        self.assertGreater(charged(rotated, "r-2"), 0)
        released = self.client.call(
            "Release", self.q.ReleaseRequest(reservation_id="r-3", key=revoked.secret)
        )
        self.assertEqual(released.outcome, self.q.ReleaseResponse.OUTCOME_RELEASED)

    def test_drafts_of_an_org_are_bounded(self) -> None:
        for _ in range(100):
            last = self.admin("CreateDraft", yaml=OWN_POLICY)
        error = self.refused(
            Code.RESOURCE_EXHAUSTED, "TOO_MANY", "CreateDraft", yaml=OWN_POLICY
        )
        self.assertIn("100 drafts", error.message)
        self.admin("DiscardDraft", **self.which(last))
        self.admin("CreateDraft", yaml=OWN_POLICY)
        self.admin("SetLimit", set={"limit_id": "user-month", "amount": "7"})


class FloodTest(RolesCase):
    def flood(self, calls: int, method: str, token: str | None, **fields) -> None:
        def call(i: int) -> None:
            for n in range(i, calls, 8):
                given = {name: value.replace("%", str(n)) for name, value in fields.items()}
                with self.assertRaises(grpc.RpcError):
                    self.admin(method, token, **given)

        threads = [threading.Thread(target=call, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def head(self, org: str) -> int:
        return self.by("eve", "ListAudit", org=org, page_size=1).last_number

    def test_callers_whom_nobody_knows_fill_only_so_much_of_the_log(self) -> None:
        before = self.head("")
        self.flood(2_500, "GetPolicy", None)
        # The rows are written by a thread of their own; a last one is in order behind them.
        self.refused_to("val", Code.PERMISSION_DENIED, "ROLE_MISSING", "ListAudit", org="later")
        poll(lambda: self.head("later") == 1)
        # Two minutes may have begun meanwhile, each with a row about what is missing.
        self.assertLessEqual(self.head("") - before, 2 * MINUTE_ROWS + 2)
        self.assertGreaterEqual(self.head("") - before, MINUTE_ROWS)

    def test_nor_does_it_help_to_make_orgs_up(self) -> None:
        database = self.database()
        rows = "SELECT COUNT(*) FROM audit_log WHERE actor = 'token:bob'"
        self.flood(1_500, "CreateDraft", self.token("bob"), org="made-up-%", yaml="x")
        # Another's calls are in the log all the same.
        self.refused_to("val", Code.PERMISSION_DENIED, "ROLE_MISSING", "CreateDraft", yaml="x")
        poll(lambda: self.head(self.org) == 1)
        written = database.execute(rows).fetchone()[0]
        self.assertLessEqual(written, 2 * MINUTE_ROWS)
        self.assertGreaterEqual(written, MINUTE_ROWS)


class MemoryCase(RolesCase):
    # AddressSanitizer keeps for a while what was freed, and has zones around the rest.
    OVERHEAD = 2 if "ASAN_OPTIONS" in os.environ else 1

    def memory(self) -> int:
        """The most that the server has had."""
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def serves(self) -> bool:
        try:
            self.by("val", "ListPolicyVersions")
            return True
        except grpc.RpcError:
            return False


class SlowReaderTest(MemoryCase):
    """Answers of 3 MiB that nobody takes."""

    READERS = 240
    MOST_BYTES = 640 * MIB

    def test_answers_that_wait_are_bounded(self) -> None:
        for_each = ", ".join(f"{{user: a-user-with-a-name-{n}, amount: {n + 1}}}" for n in range(15_000))
        large = OWN_POLICY + "".join(
            f"  - {{id: u{n}, per: [user], unit: requests, amount: 9, window: {n + 70}s, "
            f"overrides: [{for_each}]}}\n"
            for n in range(4)
        )
        draft = self.by("ann", "CreateDraft", yaml=large)
        request = self.request("GetPolicy", {"version": draft.version}).SerializeToString()
        readers: list[SlowSender] = []
        self.addCleanup(lambda: [reader.close() for reader in readers])

        def begun() -> bool:
            for reader in readers:
                reader.listen()
            return all(reader.ended for reader in readers)

        for _ in range(0, self.READERS, 20):
            for _ in range(20):
                reader = SlowSender(
                    self.server.address, SERVICE + "GetPolicy", 1, self.token("val")
                )
                reader.ask(request)
                readers.append(reader)
            poll(begun)
        self.assertIsNone(self.server.ended(), self.server.log())
        self.assertLess(self.memory(), self.MOST_BYTES * self.OVERHEAD)
        self.refused_to("val", Code.RESOURCE_EXHAUSTED, "OVERLOADED", "GetPolicy", version=1)
        self.assertTrue(self.serves(), "small answers find room")
        for reader in readers:
            reader.close()
        poll(lambda: self.readable(version=1))

    def readable(self, **which) -> bool:
        try:
            self.by("val", "GetPolicy", **which)
            return True
        except grpc.RpcError:
            return False


class MemoryTest(MemoryCase):
    """Messages of 18 MiB that are never finished, from whoever reaches the port."""

    SENDERS = 120
    MOST_BYTES = 800 * MIB

    def attack(self, path: str, token: str | None) -> None:
        senders = [
            SlowSender(self.server.address, path, 18 * MIB, token) for _ in range(self.SENDERS)
        ]
        heard = asked = 0
        try:
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline and not all(sender.ended for sender in senders):
                for sender in senders:
                    sender.send()
                asked += 1
                heard += self.serves()
            self.assertIsNone(self.server.ended(), self.server.log())
            self.assertLess(self.memory(), self.MOST_BYTES * self.OVERHEAD)
        finally:
            for sender in senders:
                sender.close()
        # Whoever has something to say is heard meanwhile, now and then at the second attempt.
        self.assertGreaterEqual(heard, asked * 0.8, f"{heard} of {asked}")
        poll(self.serves)

    def test_of_calls_that_need_no_document(self) -> None:
        self.attack("/quotaplane.v1.QuotaService/Reserve", None)

    def test_of_documents_by_nobody(self) -> None:
        self.attack(SERVICE + "CreateDraft", None)

    def test_of_documents_by_somebody_without_the_role(self) -> None:
        self.attack(SERVICE + "CreateDraft", self.token("val"))

    def test_what_other_services_take_is_as_small_as_ever(self) -> None:
        padding = b"\x92\x3e\x80\x80\x04" + b"p" * (64 * 1024)
        for path in ("QuotaService/Reserve", "internal.PingService/Ping"):
            path = "/quotaplane.v1." + path
            call = self.client.unary(path, self.q.ReserveResponse)
            with self.assertRaises(grpc.RpcError) as raised:
                call(padding, timeout=20, metadata=[("authorization", f"Bearer {self.token('ann')}")])
            error = CallError(raised.exception, self.protos)
            self.assertIn(error.code, (Code.INVALID_ARGUMENT, Code.PERMISSION_DENIED))


if __name__ == "__main__":
    main(__doc__)
