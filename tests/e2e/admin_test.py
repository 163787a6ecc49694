#!/usr/bin/env python3
"""AdminService on a real server with its embedded default: the whole life of policies, exceptions,
keys, price books and states, who may do what to them, and the log of it all.

Usage: admin_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import json
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import OWN_POLICY, POLICY, SERVICE, AdminCase, PeopleCase, poll
from client_case import PRICES, main

Code = grpc.StatusCode
USD = 1_000_000_000
TWO_APPROVALS = OWN_POLICY + "approvals: 2\n"


def moment(**ahead: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


class PolicyTest(AdminCase):
    def state(self, name: str) -> int:
        return self.protos.policies.PolicyState.Value(f"POLICY_STATE_{name}")

    def amount(self, user: str = "alice", limit: str = "user-month") -> int:
        found = self.admin("GetLimit", limit_id=limit, scope={"user": user})
        return found.amount

    def test_the_life_of_a_version(self) -> None:
        default = self.admin("GetPolicy")
        self.assertEqual((default.version, default.state), (0, self.state("ACTIVE")))
        self.assertIn("user-month", default.yaml)
        self.assertEqual(self.amount(), 100 * USD)

        draft = self.admin("CreateDraft", yaml=OWN_POLICY, reason="more for all")
        self.assertEqual((draft.version, draft.state), (1, self.state("DRAFT")))
        self.assertEqual(draft.author, "anonymous")
        self.assertEqual(self.amount(), 100 * USD, "a draft is in force for nobody")
        diff = self.admin("DiffPolicy", to_version=1)
        self.assertEqual(
            [(c.path, c.before, c.after) for c in diff.changes],
            [("limits[user-month].amount", "100", "250")],
        )
        plan = self.admin("PlanPolicy", version=1)
        self.assertEqual(len(plan.changes), 1)
        self.assertEqual(plan.over_at_once, 0)

        edit = {"set_amount": {"limit_id": "user-month", "scope": {"user": "bob"}, "amount": "7"}}
        draft = self.admin(
            "UpdateDraft", version=1, etag=draft.etag, edits={"edits": [edit]}
        )
        active = self.admin("ActivatePolicy", version=1, etag=draft.etag, reason="go")
        self.assertEqual(active.state, self.state("ACTIVE"))
        self.assertEqual((self.amount(), self.amount("bob")), (250 * USD, 7 * USD))

        second = self.admin("CreateDraft", yaml=OWN_POLICY)
        discarded = self.admin("DiscardDraft", version=2, etag=second.etag)
        self.assertEqual(discarded.state, self.state("DISCARDED"))
        third = self.activated(POLICY)
        self.assertEqual((third.version, third.base_version), (3, 1))
        back = self.admin("RollbackPolicy", reason="too little")
        self.assertEqual((back.version, back.state), (4, self.state("ACTIVE")))
        self.assertEqual(self.amount("bob"), 7 * USD)
        self.assertEqual(back.fingerprint, active.fingerprint)
        versions = self.admin("ListPolicyVersions").versions
        self.assertEqual([v.version for v in versions], [4, 3, 2, 1])
        self.assertEqual([v.yaml for v in versions], [""] * 4)
        self.assertEqual(
            [v.state for v in versions],
            [self.state(s) for s in ("ACTIVE", "SUPERSEDED", "DISCARDED", "SUPERSEDED")],
        )
        actions = [row.action for row in self.audit()]
        self.assertEqual(
            actions,
            ["CreateDraft", "UpdateDraft", "ActivatePolicy", "CreateDraft", "DiscardDraft",
             "CreateDraft", "ActivatePolicy", "RollbackPolicy"],
        )  # fmt: skip
        row = self.audit()[2]
        self.assertEqual((row.outcome, row.target, row.reason), ("OK", "policy/1", "go"))
        self.assertTrue(row.address.startswith("ipv4:127.0.0.1:"), row.address)
        json.loads(row.after)

    def test_an_active_version_is_enforced(self) -> None:
        self.activated(OWN_POLICY.replace("requests, amount: 3", "requests, amount: 1"))
        poll(lambda: self.limits(user="u")["user-minute"].amount == 1, seconds=5)
        self.assertEqual(self.reserve("r-1", user="u").decision, self.q.DECISION_ALLOW)
        self.assertEqual(self.reserve("r-2", user="u").decision, self.q.DECISION_DENY)

    def test_the_same_call_again_is_answered_as_the_first_time(self) -> None:
        request = self.request("CreateDraft", {"yaml": OWN_POLICY})
        first = self.send("CreateDraft", request)
        self.assertEqual(self.send("CreateDraft", request), first)
        self.assertEqual(len(self.admin("ListPolicyVersions").versions), 1)
        request.yaml = POLICY
        self.assert_error(
            Code.ALREADY_EXISTS, "REQUEST_ID_REUSED", self.send, "CreateDraft", request
        )
        self.assertEqual(
            [row.outcome for row in self.audit()], ["OK", "ALREADY_EXISTS REQUEST_ID_REUSED"]
        )

    def test_what_was_read_is_what_is_changed(self) -> None:
        draft = self.admin("CreateDraft", yaml=OWN_POLICY)
        self.admin("UpdateDraft", version=1, etag=draft.etag, yaml=POLICY)
        before = self.export()
        for method in ("ActivatePolicy", "DiscardDraft", "ApprovePolicy"):
            self.refused(Code.ABORTED, "ETAG_MISMATCH", method, version=1, etag=draft.etag)
        self.refused(
            Code.ABORTED, "ETAG_MISMATCH", "UpdateDraft", version=1, etag="x", yaml=POLICY
        )
        self.assertEqual(self.export(), before)

    def test_two_admins_at_once_lose_nothing(self) -> None:
        self.activated()
        failures = []

        def set_limits(first: int) -> None:
            for i in range(first, first + 10):
                try:
                    self.admin(
                        "SetLimit",
                        set={"limit_id": "user-month", "scope": {"user": f"u{i}"}, "amount": "5"},
                    )
                except grpc.RpcError as error:
                    failures.append(error)

        admins = [threading.Thread(target=set_limits, args=(10 * n,)) for n in range(2)]
        for admin in admins:
            admin.start()
        for admin in admins:
            admin.join()
        self.assertEqual(failures, [])
        self.assertEqual({self.amount(f"u{i}") for i in range(20)}, {5 * USD})
        self.assertEqual(self.admin("GetPolicy").version, 21)

    def test_of_two_who_activate_the_second_is_told(self) -> None:
        one = self.admin("CreateDraft", yaml=OWN_POLICY)
        other = self.admin("CreateDraft", yaml=POLICY)
        self.admin("ActivatePolicy", version=one.version, etag=one.etag)
        self.refused(
            Code.FAILED_PRECONDITION,
            "BASE_CHANGED",
            "ActivatePolicy",
            version=other.version,
            etag=other.etag,
        )

    def test_caps_directly(self) -> None:
        put = self.admin(
            "SetLimit",
            set={
                "scope": {"team": "search"},
                "unit": "usd",
                "window": "month",
                "amount": "5000",
                "on_outage": "deny",
            },
            reason="Q1",
        )
        self.assertEqual(put.version.state, self.state("ACTIVE"))
        self.assertTrue(put.changes)
        self.assertEqual(
            self.amount("x", "user-month"), 100 * USD, "the default policy's limits are kept"
        )
        again = self.admin(
            "SetLimit", set={"limit_id": put.limit_id, "amount": "5000", "scope": {"team": "search"}}
        )
        self.assertEqual(again.version.version, put.version.version, "so it was already")
        self.assertEqual(len(again.changes), 0)
        limits = self.admin("ListEffectiveLimits", subject={"team": "search", "user": "alice"})
        self.assertEqual(limits.policy_version, 1)
        found = {limit.limit_id: limit for limit in limits.limits}
        self.assertEqual(found[put.limit_id].amount, 5000 * USD)
        self.assertEqual(found["user-month"].source, "limit")
        self.refused(Code.NOT_FOUND, "", "GetLimit", limit_id="none")

    def test_validate_only_writes_nothing(self) -> None:
        checked = self.admin("CreateDraft", yaml=OWN_POLICY, validate_only=True, request_id="")
        self.assertEqual(checked.version, 0)
        self.assertIn("250", checked.yaml)
        self.assertEqual(len(self.admin("ListPolicyVersions").versions), 0)
        error = self.refused(
            Code.INVALID_ARGUMENT, "", "CreateDraft", yaml="limits: 5", validate_only=True
        )
        self.assertEqual(set(error.violations), {"yaml"})

    def test_a_backtest_says_what_would_have_been_refused(self) -> None:
        for i in range(5):
            self.record(f"r-{i}", user="alice")
        self.client.call("GetUsage", self.q.GetUsageRequest(subject=self.subject(user="alice")))
        draft = self.admin(
            "CreateDraft", yaml=POLICY.replace("requests, amount: 3", "requests, amount: 2")
        )

        def result():
            last = self.admin("BacktestPolicy", version=draft.version, days=1)[-1].result
            return last if last.charges == 5 else None

        replayed = poll(result)
        self.assertEqual(replayed.refused, 3)
        self.assertEqual([limit.limit_id for limit in replayed.limits], ["user-minute"])
        plan = self.admin("PlanPolicy", version=draft.version)
        self.assertEqual([c.path for c in plan.changes], ["limits[user-minute].amount"])

    def test_pages(self) -> None:
        for _ in range(5):
            self.admin("CreateDraft", yaml=OWN_POLICY)
        seen, token = [], ""
        while True:
            page = self.admin("ListPolicyVersions", page_size=2, page_token=token)
            seen += [v.version for v in page.versions]
            token = page.next_page_token
            if not token:
                break
        self.assertEqual(seen, [5, 4, 3, 2, 1])
        first = self.admin("ListPolicyVersions", page_size=2).next_page_token
        for method in ("ListPolicyVersions", "ListExceptions", "ListKeys", "ListAudit"):
            for bad in (first + "x", first[:-2], "nonsense"):
                error = self.refused(Code.INVALID_ARGUMENT, "", method, page_token=bad)
                self.assertEqual(set(error.violations), {"page_token"})
        error = self.refused(
            Code.INVALID_ARGUMENT, "", "ListPolicyVersions", org="another", page_token=first
        )
        self.assertEqual(set(error.violations), {"page_token"})


class AccessTest(AdminCase):
    """Exceptions, keys, price books, states."""

    def key_state(self, name: str) -> int:
        return self.a.KeyState.Value(f"KEY_STATE_{name}")

    def test_the_life_of_a_key(self) -> None:
        made = self.admin(
            "CreateKey",
            key={"display_name": "laptop", "team": "search", "user": "alice", "models": ["l*"]},
        )
        self.assertRegex(made.secret, r"^qpk_[a-z2-7]{16}_[\w-]{43}$")
        key_id = made.key.key_id
        self.assertEqual(made.key.state, self.key_state("ACTIVE"))
        self.assertEqual([k.key_id for k in self.admin("ListKeys", user="alice").keys], [key_id])
        self.assertEqual(len(self.admin("ListKeys", user="bob").keys), 0)

        updated = self.admin(
            "UpdateKey",
            key={"org": self.org, "key_id": key_id, "etag": made.key.etag, "team": "platform"},
            update_mask="team",
        )
        self.assertEqual((updated.team, updated.user), ("platform", "alice"))
        self.refused(
            Code.ABORTED, "ETAG_MISMATCH", "RotateKey", key_id=key_id, etag=made.key.etag
        )
        rotated = self.admin("RotateKey", key_id=key_id, etag=updated.etag, grace_seconds=3600)
        self.assertNotEqual(rotated.secret, made.secret)
        self.assertTrue(rotated.key.HasField("previous_until_time"))
        revoked = self.admin("RevokeKey", key_id=key_id)
        self.assertEqual(revoked.state, self.key_state("REVOKED"))
        self.refused(Code.FAILED_PRECONDITION, "WRONG_STATE", "RevokeKey", key_id=key_id)
        self.refused(Code.NOT_FOUND, "", "GetKey", key_id="aaaaaaaaaaaaaaaa")
        self.refused(Code.NOT_FOUND, "", "GetKey", org="another", key_id=key_id)

    def test_a_secret_is_shown_once_and_stands_nowhere(self) -> None:
        request = self.request("CreateKey", {"key": {"team": "search"}})
        secret = self.send("CreateKey", request).secret
        again = self.send("CreateKey", request)
        self.assertEqual(again.secret, "")
        self.assertTrue(again.key.key_id)
        self.assertNotIn(secret.split("_", 2)[2], self.export())
        self.assertNotIn(secret.split("_", 2)[2], str(self.audit()))
        self.assertNotIn(secret.split("_", 2)[2], self.server.log())
        for name in ("ledger.db", "ledger.db-wal"):
            path = self.path / "data" / name
            if path.exists():
                self.assertFalse(secret.split("_", 2)[2].encode() in path.read_bytes(), path)

    def test_price_books(self) -> None:
        book = PRICES.replace('"test"', f'"{self.org}"')
        made = self.admin("CreatePriceBook", yaml=book)
        self.assertEqual(made.models, 2)
        later = self.admin(
            "ActivatePriceBook", number=made.number, etag=made.etag, activate_time=moment(days=2)
        )
        self.assertEqual(later.state, self.a.PRICE_BOOK_STATE_SCHEDULED)
        now = self.admin("ActivatePriceBook", number=made.number, etag=later.etag)
        self.assertEqual(now.state, self.a.PRICE_BOOK_STATE_ACTIVE)
        active = self.admin("GetPriceBook")
        self.assertEqual((active.number, active.version), (made.number, self.org))
        self.assertIn("large", active.yaml)
        books = self.admin("ListPriceBooks").price_books
        self.assertEqual(books[0].number, made.number)
        error = self.refused(Code.INVALID_ARGUMENT, "", "CreatePriceBook", yaml=book)
        self.assertEqual(set(error.violations), {"yaml"}, "no two books share a version")
        rows = self.audit(org="", action="ActivatePriceBook")
        self.assertEqual(rows[-1].target, f"price_book/{made.number}")

    def test_a_state_is_applied_once(self) -> None:
        self.activated()
        self.admin("CreateKey", key={"team": "search"})
        before = self.export()
        for dry_run in (True, False):
            applied = self.admin("ApplyState", yaml=before, dry_run=dry_run)
            self.assertEqual(len(applied.changes), 0)
        changed = before.replace("amount: 250", "amount: 300")
        self.assertNotEqual(changed, before)
        plan = self.admin("ApplyState", yaml=changed, dry_run=True, request_id="")
        self.assertEqual(len(plan.changes), 1)
        self.assertEqual(self.export(), before)
        applied = self.admin("ApplyState", yaml=changed)
        self.assertEqual([c.after for c in applied.changes], [c.after for c in plan.changes])
        self.assertEqual(applied.version.version, 2)
        after = self.export()
        self.assertEqual(len(self.admin("ApplyState", yaml=after).changes), 0)
        self.assertEqual(self.export(), after)


class ExceptionTest(PeopleCase):
    def asked(self, **more):
        fields = {
            "scope": {"user": "alice"},
            "raises": [{"limit_id": "user-month", "amount": str(900 * USD)}],
            "end_time": moment(hours=1),
            "reason": "release week",
        }
        return self.by("val", "RequestException", **fields | more)

    def amount(self) -> int:
        return self.by("val", "GetLimit", limit_id="user-month", scope={"user": "alice"}).amount

    def test_from_request_to_end(self) -> None:
        asked = self.asked()
        self.assertEqual(asked.requester, "token:val")
        self.assertEqual(self.amount(), 100 * USD)
        fields = {"exception_id": asked.exception_id, "etag": asked.etag}
        self.refused_to("val", Code.PERMISSION_DENIED, "ROLE_MISSING", "ApproveException", **fields)
        approved = self.by("bob", "ApproveException", **fields, comment="fine")
        self.assertEqual(approved.state, self.a.EXCEPTION_STATE_ACTIVE)
        self.assertEqual((approved.decider, approved.decide_comment), ("token:bob", "fine"))
        limit = self.by("val", "GetLimit", limit_id="user-month", scope={"user": "alice"})
        self.assertEqual((limit.amount, limit.policy_amount), (900 * USD, 100 * USD))
        self.assertEqual(limit.source, f"exception {asked.exception_id}")
        self.assertEqual(limit.until_time, approved.end_time)
        self.refused_to(
            "bea", Code.FAILED_PRECONDITION, "WRONG_STATE", "DenyException",
            exception_id=asked.exception_id, etag=approved.etag,
        )  # fmt: skip
        fields = {"exception_id": asked.exception_id, "etag": approved.etag}
        revoked = self.by("val", "RevokeException", **fields)
        self.assertEqual(revoked.state, self.a.EXCEPTION_STATE_REVOKED)
        self.assertEqual(self.amount(), 100 * USD)

    def test_nobody_decides_on_their_own(self) -> None:
        asked = self.by(
            "bob",
            "RequestException",
            scope={"user": "alice"},
            raises=[{"limit_id": "user-month", "amount": str(900 * USD)}],
            end_time=moment(hours=1),
            reason="for me",
        )
        fields = {"exception_id": asked.exception_id, "etag": asked.etag}
        self.refused_to("bob", Code.PERMISSION_DENIED, "OWN_CHANGE", "ApproveException", **fields)
        denied = self.by("bea", "DenyException", **fields)
        self.assertEqual(denied.state, self.a.EXCEPTION_STATE_DENIED)
        rows = self.audit(self.token("eve"), action="ApproveException")
        self.assertEqual([r.outcome for r in rows], ["PERMISSION_DENIED OWN_CHANGE"])

    def test_only_approvers_and_admins_end_what_others_asked_for(self) -> None:
        asked = self.by(
            "bob",
            "RequestException",
            scope={"user": "alice"},
            raises=[{"limit_id": "user-month", "amount": str(900 * USD)}],
            end_time=moment(hours=1),
            reason="x",
        )
        fields = {"exception_id": asked.exception_id, "etag": asked.etag}
        self.refused_to("val", Code.PERMISSION_DENIED, "ROLE_MISSING", "RevokeException", **fields)
        self.by("ann", "RevokeException", **fields)

    def test_lists(self) -> None:
        ids = [self.asked().exception_id for _ in range(3)]
        page = self.by("val", "ListExceptions", page_size=2)
        self.assertEqual([e.exception_id for e in page.exceptions], ids[:0:-1])
        rest = self.by("val", "ListExceptions", page_size=2, page_token=page.next_page_token)
        self.assertEqual([e.exception_id for e in rest.exceptions], ids[:1])
        some = self.by("val", "ListExceptions", states=["EXCEPTION_STATE_ACTIVE"])
        self.assertEqual(len(some.exceptions), 0)

    def test_what_cannot_be(self) -> None:
        for more, field in (
            ({"raises": [{"limit_id": "user-month", "amount": "1"}]}, "raises[0].amount"),
            ({"raises": [{"limit_id": "none", "amount": "1"}]}, "raises[0].limit_id"),
            ({"scope": {}}, 'scope["user"]'),
            ({"end_time": moment(days=-1)}, "end_time"),
            ({"end_time": moment(days=400)}, "end_time"),
        ):
            with self.subTest(field), self.assertRaises(grpc.RpcError) as raised:
                self.asked(**more)
            self.assertEqual(raised.exception.code(), Code.INVALID_ARGUMENT, field)
        self.assertEqual(len(self.by("val", "ListExceptions").exceptions), 0)
        self.assertEqual(len(self.audit(self.token("eve"))), 5)


class ApprovalTest(PeopleCase):
    def test_two_others_have_to_agree(self) -> None:
        first = self.by("ann", "CreateDraft", yaml=TWO_APPROVALS)
        self.by("ann", "ActivatePolicy", version=1, etag=first.etag)
        draft = self.by("ann", "CreateDraft", yaml=OWN_POLICY)
        self.assertEqual(draft.approvals_needed, 2)
        which = {"version": draft.version}
        self.refused_to(
            "ann", Code.FAILED_PRECONDITION, "NOT_APPROVED", "ActivatePolicy", **which,
            etag=draft.etag,
        )  # fmt: skip
        self.refused_to(
            "ann", Code.PERMISSION_DENIED, "ROLE_MISSING", "ApprovePolicy", **which,
            etag=draft.etag,
        )  # fmt: skip
        approved = self.by("bob", "ApprovePolicy", **which, etag=draft.etag, comment="yes")
        self.refused_to(
            "bob", Code.FAILED_PRECONDITION, "ALREADY_APPROVED", "ApprovePolicy", **which,
            etag=approved.etag,
        )  # fmt: skip
        error = self.refused_to(
            "ann", Code.FAILED_PRECONDITION, "NOT_APPROVED", "ActivatePolicy", **which,
            etag=approved.etag,
        )  # fmt: skip
        self.assertEqual(error.metadata["approvals"], "1")
        self.refused_to(
            "ann", Code.FAILED_PRECONDITION, "WRONG_STATE", "UpdateDraft", **which,
            etag=approved.etag, yaml=POLICY,
        )  # fmt: skip
        approved = self.by("bea", "ApprovePolicy", **which, etag=approved.etag)
        self.assertEqual([a.approver for a in approved.approvals], ["token:bob", "token:bea"])
        active = self.by("ann", "ActivatePolicy", **which, etag=approved.etag)
        self.assertEqual(active.state, self.protos.policies.POLICY_STATE_ACTIVE)

    def test_a_cap_waits_for_approvals_too(self) -> None:
        first = self.by("ann", "CreateDraft", yaml=TWO_APPROVALS)
        self.by("ann", "ActivatePolicy", version=1, etag=first.etag)
        put = self.by(
            "ann",
            "SetLimit",
            set={"limit_id": "user-month", "scope": {"user": "alice"}, "amount": "9"},
        )
        self.assertEqual(put.version.state, self.protos.policies.POLICY_STATE_DRAFT)
        self.assertEqual(self.by("val", "GetPolicy").version, 1)

    def test_whoever_lacks_a_role_is_in_the_log(self) -> None:
        self.refused_to("gil", Code.PERMISSION_DENIED, "ROLE_MISSING", "CreateDraft", yaml=POLICY)
        self.refused_to("val", Code.PERMISSION_DENIED, "ROLE_MISSING", "ListAudit")
        row = poll(lambda: [r for r in self.audit(self.token("eve")) if r.action == "ListAudit"])[0]
        self.assertEqual(row.actor, "token:val")
        self.assertEqual(row.outcome, "PERMISSION_DENIED ROLE_MISSING")
        rows = self.audit(self.token("eve"), action="CreateDraft")
        self.assertEqual([(r.actor, r.outcome) for r in rows],
                         [("token:gil", "PERMISSION_DENIED ROLE_MISSING")])  # fmt: skip

    def test_whoever_nobody_knows_is_in_the_deployments_log(self) -> None:
        before = len(self.audit(self.token("eve"), org=""))
        self.refused(Code.UNAUTHENTICATED, "TOKEN_UNKNOWN", "GetPolicy", self.token("mallory"))
        row = poll(lambda: self.audit(self.token("eve"), org="")[before:])[0]
        self.assertEqual((row.action, row.outcome), ("GetPolicy", "UNAUTHENTICATED TOKEN_UNKNOWN"))
        self.assertNotIn("mallory", str(row))


class AuditTest(AdminCase):
    def watch(self, after: int):
        call = self.client.server_stream(SERVICE + "WatchAudit", self.a.AuditRow)
        stream = call(self.a.WatchAuditRequest(org=self.org, after_number=after), timeout=60)
        self.addCleanup(stream.cancel)
        return stream

    def test_rows_are_watched_as_they_are_written(self) -> None:
        self.activated()
        stream = self.watch(1)
        self.assertEqual(next(stream).action, "ActivatePolicy")
        self.admin("SetLimit", set={"limit_id": "user-minute", "amount": "7"})
        row = next(stream)
        self.assertEqual((row.number, row.action), (3, "SetLimit"))
        self.assertEqual(list(self.audit())[-1], row)

    def test_watchers_are_bounded_and_leave_room_when_they_go(self) -> None:
        self.activated()

        def entered():
            stream = self.watch(0)
            try:
                next(stream)
                return stream
            except grpc.RpcError as error:
                self.assertEqual(error.code(), Code.RESOURCE_EXHAUSTED)
                return None

        # Those of a test before may still be on their way out.
        streams = [poll(entered) for _ in range(4)]
        self.assert_error(Code.RESOURCE_EXHAUSTED, "TOO_MANY", lambda: next(self.watch(0)))
        streams.pop().cancel()
        poll(entered)

    def test_filters_and_the_head(self) -> None:
        self.activated()
        self.refused(Code.INVALID_ARGUMENT, "", "GetLimit", limit_id="")
        page = self.admin("ListAudit", action="ActivatePolicy")
        self.assertEqual([r.number for r in page.rows], [2])
        self.assertEqual(page.last_number, 3)
        everything = self.audit()
        self.assertEqual(page.last_hash, everything[-1].hash)
        self.assertEqual([r.number for r in everything], [1, 2, 3])
        self.assertEqual([r.previous_hash for r in everything],
                         ["0" * 64] + [r.hash for r in everything[:-1]])  # fmt: skip
        self.assertEqual(len(self.audit(actor="nobody")), 0)
        self.assertEqual([r.number for r in self.audit(after_number=1)], [2, 3])

    def test_propagation(self) -> None:
        self.activated()

        def published():
            propagation = self.admin("GetPropagation")
            return propagation if propagation.unpublished == 0 else None

        propagation = poll(published)
        self.assertGreater(propagation.position, 0)


class DrainTest(AdminCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls._class_cleanups = [c for c in cls._class_cleanups if c[0] != cls.server.stop]

    def test_a_watcher_does_not_hold_up_the_end(self) -> None:
        self.activated()
        call = self.client.server_stream(SERVICE + "WatchAudit", self.a.AuditRow)
        stream = call(self.a.WatchAuditRequest(org=self.org), timeout=60)
        next(stream)
        next(stream)
        self.assertEqual(self.server.stop(), 0)
        with self.assertRaises(grpc.RpcError) as raised:
            next(stream)
        self.assertEqual(raised.exception.code(), Code.UNAVAILABLE)


if __name__ == "__main__":
    main(__doc__)
