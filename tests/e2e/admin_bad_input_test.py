#!/usr/bin/env python3
"""Every rule of every request of AdminService, broken: the error names the field and the rule,
nothing is changed, and the attempt is in the audit log.

Usage: admin_bad_input_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import re
import sys
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_bad_input_cases import CANNOT_BE_WRONG, CASES, CONTROL, NOT_READ, Bad
from admin_case import OWN_POLICY, SERVICE, STREAMS, PeopleCase
from broken_requests import MAX_BYTES, WHY, BrokenRequests, place
from client_case import PRICES, main
from python_client import CallError

Code = grpc.StatusCode
DOCUMENTS = {"CreateDraft", "UpdateDraft", "CreatePriceBook", "ApplyState"}
ROLES = ("admin", "approver", "auditor", "finance", "gateway")
TWENTY = OWN_POLICY + "".join(
    f"  - {{id: l{i}, per: [user], unit: requests, amount: 9, window: {i + 70}s}}\n"
    for i in range(20)
)


def moment(**ahead: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


class AllowedCase(BrokenRequests, PeopleCase):
    """Each method has somebody of its own who may call it, and nobody else does."""

    @classmethod
    def more(cls) -> tuple[object, ...]:
        service = cls.a.DESCRIPTOR.services_by_name["AdminService"]
        names = ["maker", *(method.name for method in service.methods)]
        return cls.auth({name: ("*", ROLES) for name in names})

    def made(self, method: str, /, **fields):
        return self.by("maker", method, **fields)

    def populate(self) -> None:
        """Version 1 in force, 2 a draft, 3 discarded; an exception, a key and a price book."""
        self.org = f"org-{next(self.orgs)}"
        first = self.made("CreateDraft", yaml=OWN_POLICY)
        self.made("ActivatePolicy", version=1, etag=first.etag)
        self.draft = self.made("CreateDraft", yaml=OWN_POLICY.replace("250", "300"))
        third = self.made("CreateDraft", yaml=OWN_POLICY)
        self.made("DiscardDraft", version=3, etag=third.etag)
        self.exception = self.made("RequestException", **self.exception_fields())
        self.key = self.made("CreateKey", key={"team": "search", "user": "alice"}).key
        yaml = PRICES.replace('"test"', f'"{self.org}"')
        self.book = self.made("CreatePriceBook", yaml=yaml)

    @staticmethod
    def exception_fields() -> dict:
        return {
            "scope": {"user": "alice"},
            "raises": [{"limit_id": "user-month", "amount": "900000000000"}],
            "end_time": moment(hours=24),
            "reason": WHY,
        }

    def good(self, method: str) -> dict:
        """What would be done, were nothing wrong with it."""
        version = {"version": 2, "etag": self.draft.etag}
        decide = {"exception_id": self.exception.exception_id, "etag": self.exception.etag}
        key = {"key_id": self.key.key_id, "etag": self.key.etag}
        fields = {
            "CreateDraft": {"yaml": OWN_POLICY},
            "UpdateDraft": version | {"yaml": OWN_POLICY},
            "DiscardDraft": version,
            "PlanPolicy": {"version": 2},
            "BacktestPolicy": {"days": 1},
            "ApprovePolicy": version,
            "ActivatePolicy": version,
            "SetLimit": {"set": {"limit_id": "user-month", "amount": "7"}},
            "GetLimit": {"limit_id": "user-month", "scope": {"user": "alice"}},
            "RequestException": self.exception_fields(),
            "ApproveException": decide,
            "DenyException": decide,
            "RevokeException": decide,
            "GetException": {"exception_id": self.exception.exception_id},
            "CreateKey": {"key": {"team": "search"}},
            "GetKey": {"key_id": self.key.key_id},
            "UpdateKey": {"key": key | {"org": self.org, "team": "x"}, "update_mask": "team,expireTime"},
            "RotateKey": key,
            "RevokeKey": key,
            "CreatePriceBook": {"yaml": PRICES.replace('"test"', f'"{self.org}-2"')},
            "ActivatePriceBook": {"number": self.book.number, "etag": self.book.etag},
            "ApplyState": {"yaml": "quotaplane_state: 1\nkeys: []\n"},
            "SetLogLevel": {"level": "LOG_LEVEL_DEBUG", "seconds": "60"},
        }.get(method, {})
        for name in ("reason", "comment"):
            if name in self.methods[method].input_type.fields_by_name:
                fields.setdefault(name, WHY)
        return fields

    def state(self) -> tuple:
        """Everything that a change could change."""
        return (
            self.made("ExportState").yaml,
            self.made("ListPolicyVersions", page_size=1000),
            self.made("ListExceptions", page_size=1000),
            self.made("ListKeys", page_size=1000),
            self.made("ListPriceBooks", page_size=1000),
            [self.made("GetPolicy", version=v).yaml for v in (0, 1, 2, 3)],
        )


class BadInputTest(AllowedCase):
    def setUp(self) -> None:
        super().setUp()
        self.populate()
        self.before = self.state()
        # Of the deployment, the tests before have rows too.
        self.deployment_rows = self.made("ListAudit", org="").last_number

    def tearDown(self) -> None:
        self.assertEqual(self.state(), self.before)

    def test_every_field_of_every_method_has_its_cases(self) -> None:
        self.assertEqual(set(CASES), set(self.methods))
        for name, method in self.methods.items():
            tried = {bad.path for bad in CASES[name]}
            for field in method.input_type.fields:
                if field.name in CANNOT_BE_WRONG:
                    continue
                inner = field.message_type
                if field.name in ("set", "key") and inner is not None:
                    for part in inner.fields:
                        if field.name == "key" and part.name in NOT_READ:
                            continue
                        self.assertIn(f"{field.name}.{part.name}", tried, name)
                else:
                    self.assertIn(field.name, tried, name)

    def attempt(self, method: str, bad: Bad) -> CallError:
        request = self.request(method, self.good(method))
        place(request, bad.path, bad.value)
        error = self.assert_error(
            bad.code, bad.reason, self.send, method, request, self.token(method)
        )
        self.assert_named(error, bad.named)
        if bad.path not in ("org", "key.org"):
            self.assertIsNone(re.search("x{129}", error.message), "values are quoted in part")
        return error

    def test_each_is_named_changes_nothing_and_is_in_the_log(self) -> None:
        tried = 0
        for method, cases in CASES.items():
            # An org of its own: of each, the log takes 600 refusals a minute.
            self.populate()
            self.before = self.state()
            audited = []
            write = any(word in method for word in self.writes())
            for bad in cases:
                with self.subTest(method=method, path=bad.path, value=str(bad.value)[:60]):
                    self.attempt(method, bad)
                if write or bad.code == Code.INVALID_ARGUMENT:
                    audited.append(bad)
                tried += 1
            with self.subTest(method=method, log=True):
                self.assert_in_the_log(method, audited)
            with self.subTest(method=method, state=True):
                self.assertEqual(self.state(), self.before)
        self.assertGreater(tried, 800)

    @staticmethod
    def writes() -> tuple[str, ...]:
        return (
            "Create", "Update", "Discard", "Approve", "Activate", "Rollback", "Set", "Request",
            "Deny", "Revoke", "Rotate", "Apply",
        )  # fmt: skip

    def test_an_id_of_a_request_is_for_one_request(self) -> None:
        """What was done under the id is the state that the others must not change."""
        used = str(uuid.uuid4())
        self.made("CreateDraft", yaml=OWN_POLICY, request_id=used, org=self.org)
        books = str(uuid.uuid4())
        self.made("CreatePriceBook", yaml=PRICES.replace('"test"', f'"{books}"'), request_id=books)
        self.before = self.state()
        for method, descriptor in self.methods.items():
            if "request_id" not in descriptor.input_type.fields_by_name:
                continue
            of_deployment = "PriceBook" in method or method == "SetLogLevel"
            fields = self.good(method) | {"request_id": books if of_deployment else used}
            with self.subTest(method):
                self.refused_to(
                    method, Code.ALREADY_EXISTS, "REQUEST_ID_REUSED", method, **fields
                )
                rows = self.attempts(method)
                self.assertEqual([r.outcome for r in rows], ["ALREADY_EXISTS REQUEST_ID_REUSED"])
                self.assertEqual(rows[0].reason, WHY)

    def raw(self, method: str, request: bytes) -> None:
        response = self.methods[method].output_type._concrete_class
        metadata = [("authorization", f"Bearer {self.token(method)}")]
        if method in STREAMS:
            list(self.client.server_stream(SERVICE + method, response)(
                request, timeout=20, metadata=metadata))  # fmt: skip
        else:
            self.client.unary(SERVICE + method, response)(request, timeout=20, metadata=metadata)

    def test_bytes_that_are_no_request(self) -> None:
        for method, descriptor in self.methods.items():
            name = descriptor.input_type.name
            padding = b"\x92\x3e" + b"\x80\x80\x04" + b"p" * MAX_BYTES  # of a field that is unknown
            wrong = [b"\xff\xff\xff\xff", b"\x0b" * 30_000, b"\x0a\xff\x01a"]
            if method not in DOCUMENTS:
                wrong.append(padding)
            if descriptor.input_type.fields_by_name.get("org") is not None:
                wrong.append(b"\x0a\x02\xc3\x28")  # a string that is not UTF-8
            for request in wrong:
                with self.subTest(method=method, request=request[:8]):
                    error = self.assert_error(
                        Code.INVALID_ARGUMENT, "", self.raw, method, request
                    )
                    self.assert_named(error, {name})
            with self.subTest(method=method, log=True):
                rows = self.attempts(method, "?(")
                self.assertEqual({row.outcome for row in rows}, {"INVALID_ARGUMENT"})
                self.assertEqual(len(rows), len(wrong))

    def test_documents_are_bounded_twice(self) -> None:
        """By their own rule (above), and by what is read at all."""
        for method in DOCUMENTS:
            request = self.request(method, self.good(method))
            request.yaml = "#" * ((17 << 20) + 1)
            error = self.assert_error(
                Code.INVALID_ARGUMENT, "", self.send, method, request, self.token(method)
            )
            self.assert_named(error, {self.methods[method].input_type.name})
            request.yaml = "#" * (20 << 20)
            self.assert_error(
                Code.RESOURCE_EXHAUSTED, "", self.send, method, request, self.token(method)
            )

    def test_a_page_is_of_its_list(self) -> None:
        for _ in range(3):
            self.made("CreateDraft", yaml=OWN_POLICY)
            self.made("RequestException", **self.exception_fields())
            self.made("CreateKey", key={"team": "search"})
            self.made("CreatePriceBook", yaml=PRICES.replace('"test"', f'"{uuid.uuid4()}"'))
        self.before = self.state()
        lists = ("ListPolicyVersions", "ListExceptions", "ListKeys", "ListPriceBooks", "ListAudit")
        tokens = {method: self.made(method, page_size=1).next_page_token for method in lists}
        for method in lists:
            token = tokens[method]
            self.made(method, page_size=1000, page_token=token)
            strange = [tokens[other] for other in lists if other != method]
            strange += [token[:-1], token + "A", token.swapcase(), token[4:]]
            others = [{"org": "globex"}] if method != "ListPriceBooks" else []
            others += {"ListKeys": [{"team": "search"}], "ListAudit": [{"action": "CreateKey"}],
                       "ListExceptions": [{"states": [1]}]}.get(method, [])  # fmt: skip
            fields = [{"page_token": each} for each in strange]
            fields += [other | {"page_token": token} for other in others]
            for each in fields:
                with self.subTest(method=method, fields=each):
                    error = self.refused_to(method, Code.INVALID_ARGUMENT, "", method, **each)
                    self.assert_named(error, {"page_token"})


class BoundsTest(AllowedCase):
    """What lies on a bound is taken."""

    def setUp(self) -> None:
        super().setUp()
        self.populate()

    def test_names_and_reasons(self) -> None:
        name = "é" * 64
        reason = "é" * 500
        draft = self.made(
            "CreateDraft", org=name, yaml=OWN_POLICY, request_id=name, reason=reason, base_version=0
        )
        self.assertEqual((draft.org, draft.reason), (name, reason))
        key = {"display_name": name, "team": name, "project": name, "user": name}
        made = self.made("CreateKey", key=key | {"models": [name] * 64})
        self.assertEqual((made.key.user, len(made.key.models)), (name, 64))
        fields = self.exception_fields() | {"scope": {"user": name}, "reason": reason}
        asked = self.made("RequestException", **fields)
        self.assertEqual(asked.scope["user"], name)
        fields = {"exception_id": asked.exception_id, "etag": asked.etag, "comment": reason}
        self.assertEqual(self.by("DenyException", "DenyException", **fields).decide_comment, reason)

    def test_numbers(self) -> None:
        for size in (0, 1, 1000):
            self.made("ListPolicyVersions", page_size=size)
        for days in (1, 366):
            self.made("BacktestPolicy", days=days)
        key = self.key
        for grace in (0, 30 * 86_400):
            key = self.made(
                "RotateKey", key_id=key.key_id, etag=key.etag, grace_seconds=grace
            ).key  # fmt: skip
        edit = {"set_amount": {"limit_id": "user-month", "amount": "8"}}
        self.made("CreateDraft", edits={"edits": [edit] * 1000})
        self.made("SetLimit", set={"limit_id": "user-minute", "amount": str((1 << 53) - 1)})

    def test_exceptions(self) -> None:
        draft = self.made("CreateDraft", yaml=TWENTY)
        self.made("ActivatePolicy", version=draft.version, etag=draft.etag)
        raises = [{"limit_id": f"l{i}", "amount": str((1 << 53) - 1)} for i in range(20)]
        fields = {"raises": raises, "end_time": moment(days=366, seconds=-5)}
        asked = self.made("RequestException", **self.exception_fields() | fields)
        self.assertEqual(len(asked.raises), 20)
        fields = {"start_time": moment(hours=1), "end_time": moment(hours=1, seconds=1)}
        self.made("RequestException", **self.exception_fields() | fields)
        states = [1, 2, 3, 4, 5, 6] * 2 + [1, 2, 3, 4]
        self.assertEqual(len(self.made("ListExceptions", states=states).exceptions), 3)


if __name__ == "__main__":
    main(__doc__)
