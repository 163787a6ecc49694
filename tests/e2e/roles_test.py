#!/usr/bin/env python3
"""Every role against every method of a real server, and no org sees another's data.

Usage: roles_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC [unittest's arguments]
"""

import sys
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from auth_case import AuthCase, bearer, main
from python_client import Client

ROLES = ("gateway", "viewer", "finance", "admin", "approver", "auditor")
READERS = {"viewer", "finance", "admin", "approver", "auditor"}
# Written apart from the server's own table, so that a slip in one is seen in the other.
QUOTA = {
    "Reserve": {"gateway"},
    "Extend": {"gateway"},
    "Commit": {"gateway"},
    "Release": {"gateway"},
    "Record": {"gateway"},
    "Check": {"gateway"},
    "GetUsage": READERS | {"gateway"},
}
LEDGER = {
    "Verify": {"finance", "admin", "auditor"},
    "RebuildCounters": {"admin"},
    "Adjust": {"finance"},
    "Rerate": {"finance"},
    "EraseUser": {"admin"},
    "GetStatus": READERS,
}
REPORTS = {
    "QueryUsage": {"finance", "auditor"},
    "ListTopSpenders": {"finance", "auditor"},
    "ComparePeriods": {"finance", "auditor"},
    "ExportUsage": {"finance"},
    "CloseMonth": {"finance"},
    "PreviewMonth": {"finance"},
    "ListStatements": {"finance", "auditor"},
    "GetStatement": {"finance", "auditor"},
    "PreviewStatement": {"finance"},
}
ADMIN = {
    "CreateDraft": {"admin"},
    "UpdateDraft": {"admin"},
    "DiscardDraft": {"admin"},
    "GetPolicy": READERS,
    "ListPolicyVersions": READERS,
    "DiffPolicy": READERS,
    "PlanPolicy": READERS,
    "BacktestPolicy": {"finance", "admin"},
    "ApprovePolicy": {"approver"},
    "ActivatePolicy": {"admin"},
    "RollbackPolicy": {"admin"},
    "SetLimit": {"admin"},
    "GetLimit": READERS,
    "ListEffectiveLimits": READERS,
    "RequestException": READERS,
    "ApproveException": {"approver"},
    "DenyException": {"approver"},
    "RevokeException": READERS,
    "GetException": READERS,
    "ListExceptions": READERS,
    "CreateKey": {"admin"},
    "GetKey": READERS,
    "ListKeys": READERS,
    "UpdateKey": {"admin"},
    "RotateKey": {"admin"},
    "RevokeKey": {"admin"},
    "CreatePriceBook": {"admin"},
    "GetPriceBook": READERS,
    "ListPriceBooks": READERS,
    "ActivatePriceBook": {"admin"},
    "ExportState": {"admin"},
    "ApplyState": {"admin"},
    "ListAudit": {"auditor"},
    "WatchAudit": {"auditor"},
    "GetPropagation": READERS,
    "SetLogLevel": {"admin"},
    "GetLogLevel": READERS,
}
ALERTS = {
    "ListAlerts": READERS,
    "GetAlert": READERS,
    "WatchAlerts": READERS,
    "ListSilences": READERS,
    "ListDeliveries": READERS,
    "AcknowledgeAlert": {"finance", "admin", "approver"},
    "ResolveAlert": {"finance", "admin", "approver"},
    "GiveFeedback": {"finance", "admin", "approver"},
    "CreateSilence": {"finance", "admin", "approver"},
    "EndSilence": {"finance", "admin", "approver"},
    "SendAgain": {"admin"},
    "TestDelivery": {"admin"},
}
TABLE = {
    **{f"QuotaService/{method}": roles for method, roles in QUOTA.items()},
    **{f"LedgerService/{method}": roles for method, roles in LEDGER.items()},
    **{f"ReportService/{method}": roles for method, roles in REPORTS.items()},
    **{f"AdminService/{method}": roles for method, roles in ADMIN.items()},
    **{f"AlertService/{method}": roles for method, roles in ALERTS.items()},
    "PingService/Ping": set(ROLES),
}
# About nothing: any org will do.
ABOUT_NOTHING = {"PingService/Ping"}
REFUSED = "PERMISSION_DENIED ROLE_MISSING"
# A stream that waits for what comes next has let its caller in.
WATCHES = ("AdminService/WatchAudit", "AlertService/WatchAlerts")
QUIET_S = 3


class RolesTest(AuthCase):
    def setUp(self) -> None:
        super().setUp()
        self.tokens = {}
        entries = []
        for role in ROLES:
            for org in ("acme", "*"):
                token, entry = self.token(f"{role}-{org}", (role, org))
                self.tokens[role, org] = token
                entries.append(entry)
        self.write_auth(tokens=entries)
        self.server = self.serve_with_auth()
        self.anyone = self.channel(self.server)

    def served(self) -> list[str]:
        """The methods of the table that this server serves, by its own word."""
        client = Client(self.server.address, self.protos)
        self.addCleanup(client.close)
        info = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        ask = self.protos.reflection.ServerReflectionRequest(list_services="*")
        [answer] = client.stream(info, self.protos.reflection.ServerReflectionResponse)(
            iter([ask]), timeout=20
        )
        names = {service.name for service in answer.list_services_response.service}
        return [m for m in TABLE if self.api.methods[m][1].containing_service.full_name in names]

    def call(self, method: str, org: str, token: str | None) -> str:
        metadata = bearer(token) if token else ()
        timeout = QUIET_S if method in WATCHES else 20
        return self.outcome(self.anyone, method, org, metadata, timeout)

    def test_the_table_has_every_method(self) -> None:
        self.assertEqual(set(self.api.methods), set(TABLE))

    def test_every_role_against_every_method(self) -> None:
        served = self.served()
        for service in ("QuotaService", "LedgerService", "ReportService"):
            self.assertTrue(any(method.startswith(service) for method in served), service)
        wrong = []

        def expect(allowed: bool, who: str, method: str, org: str, token: str) -> None:
            outcome = self.call(method, org, token)
            let_in = not outcome.startswith(("PERMISSION_DENIED", "UNAUTHENTICATED"))
            if let_in != allowed or (not allowed and outcome != REFUSED):
                wrong.append(f"{who} {method} for {org!r}: {outcome}, allowed: {allowed}")

        for method in served:
            of_org = self.api.names_an_org(method)
            for role in ROLES:
                may = role in TABLE[method]
                own = may and (of_org or method in ABOUT_NOTHING)
                expect(own, f"{role} of acme", method, "acme", self.tokens[role, "acme"])
                expect(may, f"{role} of all", method, "acme", self.tokens[role, "*"])
                # Of an org alone: neither another's data nor all orgs' at once.
                for other in ("globex", ""):
                    own = may and method in ABOUT_NOTHING
                    expect(own, f"{role} of acme", method, other, self.tokens[role, "acme"])
        self.assertEqual(wrong, [])

    def test_nobody_is_refused_everything(self) -> None:
        for method in self.served():
            self.assertEqual(
                self.call(method, "acme", None), "UNAUTHENTICATED CREDENTIALS_MISSING", method
            )

    def test_health_and_reflection_are_for_everybody(self) -> None:
        client = Client(self.server.address, self.protos)
        self.addCleanup(client.close)
        check = client.unary(
            "/grpc.health.v1.Health/Check", self.protos.health.HealthCheckResponse
        )
        self.assertEqual(check(self.protos.health.HealthCheckRequest(), timeout=20).status, 1)
        self.assertIn("QuotaService/Reserve", self.served())

    def test_what_is_not_served_is_unknown_to_all(self) -> None:
        call = self.anyone.unary_unary("/quotaplane.v1.QuotaService/Drop")
        with self.assertRaises(grpc.RpcError) as raised:
            call(b"", metadata=bearer(self.tokens["admin", "*"]), timeout=20)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_bad_bytes_say_nothing_to_who_may_not_ask(self) -> None:
        for method in ("QuotaService/Reserve", "ReportService/QueryUsage"):
            call = self.anyone.unary_unary(self.api.methods[method][0])
            for role, code in (
                ("viewer", grpc.StatusCode.PERMISSION_DENIED),
                ("gateway" if "Quota" in method else "finance", grpc.StatusCode.INVALID_ARGUMENT),
            ):
                with self.assertRaises(grpc.RpcError) as raised:
                    call(b"\xff\xff", metadata=bearer(self.tokens[role, "acme"]), timeout=20)
                self.assertEqual(raised.exception.code(), code, method)


if __name__ == "__main__":
    main(__doc__)
