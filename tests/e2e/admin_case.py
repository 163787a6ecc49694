"""The base of the tests that change what is in force through AdminService: a server, short ways to
call, and people with tokens of their own where it matters who asks."""

import hashlib
import itertools
import sqlite3
import tempfile
import uuid
from pathlib import Path

import grpc
from google.protobuf import json_format

from client_case import OPTIONS, PRICES, ClientCase
from python_client import CALL_TIMEOUT_S, Client, Protos, Server
from waiting import poll

POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
unpriced_models: flag
limits:
  - {id: org-month, per: [], unit: usd, amount: 1000, window: month}
  - {id: user-month, per: [user], unit: usd, amount: 100, window: month}
  - {id: user-minute, per: [user], unit: requests, amount: 3, window: 60s}
"""
# Another than the default one in one amount.
OWN_POLICY = POLICY.replace("amount: 100,", "amount: 250,")
SERVICE = "/quotaplane.v1.AdminService/"
STREAMS = ("BacktestPolicy", "WatchAudit")


class AdminCase(ClientCase):
    """Nobody is asked who they are: everybody is "anonymous"."""

    POLICY = POLICY
    MORE: tuple[object, ...] = ()
    orgs = itertools.count()

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory(prefix="qp-admin-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = Path(cls.folder.name)
        cls.protos = Protos(OPTIONS.protoc, cls.path)
        cls.q = cls.protos.quota
        cls.a = cls.protos.admin
        cls.server = Server(OPTIONS.program, cls.path, cls.POLICY, PRICES, cls.more())
        cls.addClassCleanup(cls.server.stop)
        cls.client = Client(cls.server.address, cls.protos)
        cls.addClassCleanup(cls.client.close)
        service = cls.a.DESCRIPTOR.services_by_name["AdminService"]
        cls.methods = {method.name: method for method in service.methods}

    @classmethod
    def more(cls) -> tuple[object, ...]:
        return cls.MORE

    # People

    @staticmethod
    def token(name: str) -> str:
        return "qpt_" + name.ljust(43, "x")

    @classmethod
    def auth(cls, people: dict[str, tuple[str, tuple[str, ...]]]) -> tuple[object, ...]:
        """The server's flags for tokens of these, each with an org and the roles there."""
        lines = ["tokens:"]
        for name, (org, roles) in people.items():
            digest = hashlib.blake2b(cls.token(name).encode(), digest_size=32).hexdigest()
            granted = ", ".join(f'{{role: {role}, org: "{org}"}}' for role in roles)
            lines.append(
                f'  - {{name: {name}, hash: "blake2b:{digest}", expires: 2100-01-01, '
                f"roles: [{granted}]}}"
            )
        auth = cls.path / "auth.yaml"
        auth.write_text("\n".join(lines) + "\n")
        return ("--auth", auth)

    # Calls

    def request(self, method: str, fields: dict):
        """From the public JSON; the org and a request id where the message has them and `fields`
        does not."""
        message = self.methods[method].input_type._concrete_class()
        names = self.methods[method].input_type.fields_by_name
        if "org" in names and "org" not in fields:
            fields = fields | {"org": self.org}
        if "request_id" in names and "request_id" not in fields:
            fields = fields | {"request_id": str(uuid.uuid4())}
        return json_format.ParseDict(fields, message)

    def send(self, method: str, request, token: str | None = None):
        """The answer; of a stream the messages, until it ends."""
        response = self.methods[method].output_type._concrete_class
        metadata = [("authorization", f"Bearer {token}")] if token else []
        if method in STREAMS:
            call = self.client.server_stream(SERVICE + method, response)
            return list(call(request, timeout=CALL_TIMEOUT_S, metadata=metadata))
        call = self.client.unary(SERVICE + method, response)
        return call(request, timeout=CALL_TIMEOUT_S, metadata=metadata)

    def admin(self, method: str, token: str | None = None, /, **fields):
        return self.send(method, self.request(method, fields), token)

    def refused(self, code: grpc.StatusCode, reason: str, method: str, token=None, /, **fields):
        return self.assert_error(code, reason, self.admin, method, token, **fields)

    # What is there

    def export(self, token: str | None = None) -> str:
        return self.admin("ExportState", token).yaml

    def audit(self, token: str | None = None, **fields) -> list:
        rows = []
        fields = {"page_size": 1000} | fields
        while True:
            page = self.admin("ListAudit", token, **fields)
            rows += page.rows
            if not page.next_page_token:
                return rows
            fields["page_token"] = page.next_page_token

    def activated(self, yaml: str = OWN_POLICY):
        """A version with this document, in force."""
        draft = self.admin("CreateDraft", yaml=yaml)
        return self.admin("ActivatePolicy", version=draft.version, etag=draft.etag)

    def database(self) -> sqlite3.Connection:
        """The server's own, behind its back."""
        connection = sqlite3.connect(self.path / "data/ledger.db", timeout=30)
        self.addCleanup(connection.close)
        return connection


class PeopleCase(AdminCase):
    """Ann is admin of every org, Bob approves, Eve audits, Val looks, Gil is a gateway."""

    PEOPLE = {
        "ann": ("admin", "*"),
        "amy": ("admin", "*"),
        "bob": ("approver", "*"),
        "bea": ("approver", "*"),
        "eve": ("auditor", "*"),
        "val": ("viewer", "*"),
        "gil": ("gateway", "*"),
    }

    @classmethod
    def more(cls) -> tuple[object, ...]:
        return cls.auth({name: (org, (role,)) for name, (role, org) in cls.PEOPLE.items()})

    def by(self, name: str, method: str, /, **fields):
        return self.admin(method, self.token(name), **fields)

    def refused_to(
        self, name: str, code: grpc.StatusCode, reason: str, method: str, /, **fields
    ):
        return self.refused(code, reason, method, self.token(name), **fields)
