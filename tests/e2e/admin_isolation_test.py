#!/usr/bin/env python3
"""People of one org, whatever their role there, neither see nor change anything of another through
AdminService, and no answer tells them what there is.

Usage: admin_isolation_test.py --program QUOTAPLANE --protoc PROTOC [unittest's arguments]
"""

import sys
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import OWN_POLICY, AdminCase, poll
from client_case import main
from python_client import CALL_TIMEOUT_S

Code = grpc.StatusCode
ROLES = ("gateway", "viewer", "finance", "admin", "approver", "auditor")
OF_THE_DEPLOYMENT = {
    "CreatePriceBook", "GetPriceBook", "ListPriceBooks", "ActivatePriceBook", "GetPropagation",
    "SetLogLevel", "GetLogLevel",
}  # fmt: skip


class IsolationTest(AdminCase):
    """Acme's people, each with one role or all of them, and Gus, who is everything at globex."""

    @classmethod
    def more(cls) -> tuple[object, ...]:
        people = {f"acme-{role}": ("acme", [role]) for role in ROLES}
        people |= {"acme-all": ("acme", ROLES), "gus": ("globex", ROLES), "root": ("*", ROLES)}
        people |= {"ada": ("acme", ROLES), "zoe": ("hooli", ROLES)}
        return cls.auth(people)

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.strangers = [f"acme-{role}" for role in ROLES] + ["acme-all"]

    def setUp(self) -> None:
        self.assertIsNone(self.server.ended(), self.server.log())
        self.org = "globex"
        # Anew for each test; what is there from a test before does not matter.
        first = self.gus("CreateDraft", yaml=OWN_POLICY.replace("250", "123"))
        if self.gus("GetPolicy").version == 0:
            self.gus("ActivatePolicy", version=first.version, etag=first.etag)
        self.draft = self.gus("CreateDraft", yaml=OWN_POLICY)
        self.exception = self.gus("RequestException", **self.raise_fields())
        self.created = self.gus("CreateKey", key={"team": "xenon", "user": "gustav"})
        self.key = self.created.key
        self.before = self.state()

    def tearDown(self) -> None:
        self.assertEqual(self.state(), self.before)

    def gus(self, method: str, /, **fields):
        return self.admin(method, self.token("gus"), **fields)

    def by(self, name: str, method: str, /, **fields):
        return self.admin(method, self.token(name), **fields)

    @staticmethod
    def raise_fields() -> dict:
        end = datetime.now(timezone.utc) + timedelta(hours=24)
        return {
            "scope": {"user": "gustav"},
            "raises": [{"limit_id": "user-month", "amount": "900000000000"}],
            "end_time": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "reason": "secret plan",
        }

    def state(self) -> tuple:
        return (
            self.gus("ExportState").yaml,
            self.gus("ListPolicyVersions", page_size=1000),
            self.gus("ListExceptions", page_size=1000),
            self.gus("ListKeys", page_size=1000),
            self.by("root", "ListPriceBooks"),
        )

    def good(self, method: str) -> dict:
        """With the real ids and etags of what globex has."""
        version = {"version": self.draft.version, "etag": self.draft.etag}
        decide = {"exception_id": self.exception.exception_id, "etag": self.exception.etag}
        key = {"key_id": self.key.key_id, "etag": self.key.etag}
        return {
            "CreateDraft": {"yaml": OWN_POLICY},
            "UpdateDraft": version | {"yaml": OWN_POLICY},
            "DiscardDraft": version,
            "PlanPolicy": {"version": self.draft.version},
            "BacktestPolicy": {"days": 1},
            "ApprovePolicy": version,
            "ActivatePolicy": version,
            "RollbackPolicy": {"reason": "x"},
            "SetLimit": {"set": {"limit_id": "user-month", "amount": "7"}},
            "GetLimit": {"limit_id": "user-month", "scope": {"user": "gustav"}},
            "RequestException": self.raise_fields(),
            "ApproveException": decide,
            "DenyException": decide,
            "RevokeException": decide,
            "GetException": {"exception_id": self.exception.exception_id},
            "CreateKey": {"key": {"team": "search"}},
            "GetKey": {"key_id": self.key.key_id},
            "UpdateKey": {"key": key | {"org": self.org, "team": "x"}, "update_mask": "team"},
            "RotateKey": key,
            "RevokeKey": key,
            "CreatePriceBook": {"yaml": "version: a\nmodels: []"},
            "ActivatePriceBook": {"number": 1, "etag": "1"},
            "ApplyState": {"yaml": "quotaplane_state: 1\nkeys: []\n"},
            "SetLogLevel": {"level": "LOG_LEVEL_ERROR"},
        }.get(method, {})

    def names_org(self, method: str) -> bool:
        names = self.methods[method].input_type.fields_by_name
        return "org" in names or method == "UpdateKey"

    def test_no_role_of_one_org_is_one_of_another(self) -> None:
        log = len(self.audit(self.token("gus")))
        tried = 0
        for method in self.methods:
            texts = set()
            # Globex itself, an org that nobody has heard of, all orgs at once.
            for org in ("globex", "initech", ""):
                for name in self.strangers:
                    fields = self.good(method)
                    if method == "UpdateKey":
                        fields["key"] = fields["key"] | {"org": org}
                    elif self.names_org(method):
                        fields = fields | {"org": org}
                    with self.subTest(method=method, org=org, name=name):
                        error = self.refused(
                            Code.PERMISSION_DENIED, "ROLE_MISSING", method, self.token(name), **fields
                        )
                        tried += org == "globex"
                        if org:
                            text = error.message.replace(org, "ORG").replace(name, "WHO")
                            texts.add(text)
                        for hidden in ("gustav", "xenon", "secret plan", self.key.key_id):
                            self.assertNotIn(hidden, error.message)
            self.assertEqual(len(texts), 1, f"{method}: an org that is there is told by {texts}")
        poll(lambda: len(self.audit(self.token("gus"))) == log + tried - len(self.strangers) * len(
            OF_THE_DEPLOYMENT))  # fmt: skip
        rows = self.audit(self.token("gus"))[log:]
        self.assertEqual({row.outcome for row in rows}, {"PERMISSION_DENIED ROLE_MISSING"})
        self.assertEqual({row.actor for row in rows}, {f"token:{name}" for name in self.strangers})

    def test_whoever_has_every_role_finds_nothing_of_another_under_its_id(self) -> None:
        unknown = {"key_id": "aaaaaaaaaaaaaaaa", "exception_id": "01aaaaaaaaaaaaaaaaaaaaaaaa"}
        real = {"key_id": self.key.key_id, "exception_id": self.exception.exception_id}
        tried = 0
        for method, descriptor in self.methods.items():
            for name in ("key_id", "exception_id"):
                if name not in descriptor.input_type.fields_by_name and (
                    name != "key_id" or method != "UpdateKey"
                ):
                    continue
                texts = set()
                for id in (unknown[name], real[name]):
                    fields = self.good(method) | {"org": "acme"}
                    if method == "UpdateKey":
                        fields = self.good(method)
                        fields["key"] = fields["key"] | {"org": "acme", "key_id": id}
                    else:
                        fields[name] = id
                    error = self.refused(
                        Code.NOT_FOUND, "", method, self.token("ada"), **fields
                    )
                    texts.add(error.message.replace(id, "ID"))
                self.assertEqual(len(texts), 1, f"{method}: {texts}")
                tried += 1
        self.assertEqual(tried, 8)

    def test_versions_are_an_orgs_own(self) -> None:
        """The same number, another line."""
        most = max(v.version for v in self.gus("ListPolicyVersions", page_size=1000).versions)
        version = {"org": "acme", "version": most, "etag": self.draft.etag}
        for method in ("DiscardDraft", "ApprovePolicy", "ActivatePolicy"):
            self.refused(Code.NOT_FOUND, "", method, self.token("ada"), **version)
        self.refused(
            Code.NOT_FOUND, "", "UpdateDraft", self.token("ada"), **version, yaml=OWN_POLICY
        )
        for method in ("GetPolicy", "PlanPolicy"):
            self.refused(Code.NOT_FOUND, "", method, self.token("ada"), org="acme", version=most)
        self.refused(
            Code.NOT_FOUND, "", "RollbackPolicy", self.token("ada"),
            org="acme", to_version=most, reason="x",
        )  # fmt: skip

    def test_pages_and_request_ids_are_an_orgs_own(self) -> None:
        self.gus("CreateKey", key={"team": "xenon"})
        self.gus("RequestException", **self.raise_fields())
        self.before = self.state()
        for method in ("ListPolicyVersions", "ListExceptions", "ListKeys", "ListAudit"):
            token = self.gus(method, page_size=1).next_page_token
            self.assertTrue(token, method)
            error = self.refused(
                Code.INVALID_ARGUMENT, "", method, self.token("ada"), org="acme", page_token=token
            )
            self.assertEqual(set(error.violations), {"page_token"})
        used = str(uuid.uuid4())
        theirs = self.gus("CreateKey", key={"team": "xenon"}, request_id=used)
        self.before = self.state()
        ours = self.by("ada", "CreateKey", org="acme", key={"team": "xenon"}, request_id=used)
        self.assertNotEqual(ours.key.key_id, theirs.key.key_id)
        self.assertTrue(ours.secret)

    def test_nothing_that_others_read_has_anything_of_globex(self) -> None:
        record = self.q.RecordRequest(
            record_id=str(uuid.uuid4()),
            subject=self.q.Subject(org="globex", model="large", user="gustav"),
        )
        record.attempts.add().usage.meters["input"] = 1_000_000
        call = self.client.unary("/quotaplane.v1.QuotaService/Record", self.q.RecordResponse)
        bearer = [("authorization", f"Bearer {self.token('gus')}")]
        call(record, timeout=CALL_TIMEOUT_S, metadata=bearer)
        poll(lambda: self.gus("BacktestPolicy", days=1)[-1].result.charges > 0)
        approved = self.gus("ListExceptions").exceptions[0]
        seen = [
            self.by("zoe", method, org="hooli", **fields)
            for method, fields in (
                ("ExportState", {}),
                ("GetPolicy", {}),
                ("ListPolicyVersions", {}),
                ("ListExceptions", {}),
                ("ListKeys", {}),
                ("ListAudit", {}),
                ("GetLimit", {"limit_id": "user-month", "scope": {"user": "gustav"}}),
                ("ListEffectiveLimits", {"subject": {"user": "gustav"}}),
                ("BacktestPolicy", {"days": 366}),
                ("ApplyState", {"yaml": "quotaplane_state: 1\nkeys: []\n", "dry_run": True}),
            )
        ]
        self.assertEqual(seen[-2][-1].result.charges, 0)
        self.assertEqual(seen[6].amount, 100_000_000_000, "the default policy's")
        text = str(seen).replace("user=gustav", "").replace("{'user': 'gustav'}", "")
        for hidden in ("globex", "gus", "xenon", "secret plan", approved.exception_id,
                       self.key.key_id):  # fmt: skip
            self.assertNotIn(hidden, text)

    def test_no_document_takes_what_is_another_orgs(self) -> None:
        """Not even whoever got hold of an export: the key stays whose it was."""
        theirs = self.gus("ExportState").yaml
        mine = "\n".join(line for line in theirs.splitlines() if not line.startswith("org:"))
        error = self.refused(
            Code.INVALID_ARGUMENT, "", "ApplyState", self.token("ada"), org="acme", yaml=theirs
        )
        self.assertEqual(set(error.violations), {"yaml"})
        for dry_run in (True, False):
            with self.assertRaises(grpc.RpcError):
                self.by("ada", "ApplyState", org="acme", yaml=mine, dry_run=dry_run)
        self.refused(
            Code.NOT_FOUND, "", "GetKey", self.token("ada"), org="acme", key_id=self.key.key_id
        )
        self.assertEqual(self.gus("GetKey", key_id=self.key.key_id), self.key)

    def test_a_key_speaks_for_its_org_to_that_orgs_gateways(self) -> None:
        request = self.q.GetUsageRequest(
            subject=self.q.Subject(model="large"), key=self.created.secret
        )
        call = self.client.unary("/quotaplane.v1.QuotaService/GetUsage", self.q.GetUsageResponse)

        def usage(name: str):
            bearer = [("authorization", f"Bearer {self.token(name)}")]
            return call(request, timeout=CALL_TIMEOUT_S, metadata=bearer)

        def known() -> bool:
            try:
                usage("gus")
                return True
            except grpc.RpcError as error:
                self.assertEqual(error.code(), Code.UNAUTHENTICATED)
                return False

        poll(known)
        for name in ("acme-gateway", "acme-all"):
            error = self.assert_error(Code.PERMISSION_DENIED, "ROLE_MISSING", usage, name)
            self.assertNotIn("gustav", error.message)


if __name__ == "__main__":
    main(__doc__)
