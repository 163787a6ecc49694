#!/usr/bin/env python3
"""That no secret is where it does not belong: everything that servers and quotactl print, answer,
write to disk, keep in Redis and in SQL, and show as their command line is searched for every token,
key, JWT and password of a day with them.

Usage: secrets_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC
       [unittest's arguments]
"""

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import grpc
from google.protobuf import json_format

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from auth_case import OPTIONS, AuthCase, bearer, main, new_token, wait_until
from certificates import JwtKey, base64url
from client_case import POLICY, PRICES
from python_client import Server

ISSUER = "https://idp.test"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class SecretsTest(AuthCase):
    def setUp(self) -> None:
        super().setUp()
        # Where from -> what was found there.
        self.seen: dict[str, bytes] = {}
        self.key = JwtKey(self.class_folder, "k1")
        self.password = self.secret(secrets.token_hex(20))
        self.database_password = self.secret(secrets.token_hex(20))
        self.tokens = {}
        entries = []
        for role in ("admin", "approver", "auditor", "gateway", "finance"):
            self.tokens[role], entry = self.token(role, (role, "*"))
            entries.append(entry)
        keys = self.folder / "keys.json"
        keys.write_text(json.dumps({"keys": [self.key.public()]}))
        issuer = {
            "issuer": ISSUER,
            "audience": "quotaplane",
            "keys": str(keys),
            "groups": {"readers": [{"role": "viewer", "org": "acme"}]},
        }
        self.write_auth(tokens=entries, issuers=[issuer])

    # What is searched, and for what

    def secret(self, text: str) -> str:
        self.secrets.append(text)
        return text

    def see(self, where: str, what: bytes | str) -> None:
        data = what.encode() if isinstance(what, str) else what
        self.seen[where] = self.seen.get(where, b"") + data

    def forms(self, secret: str) -> list[bytes]:
        """As it is, its secret part alone, its bytes, and in base64."""
        whole = secret.encode()
        forms = [whole, base64.b64encode(whole), whole.hex().encode()]
        if secret.startswith("qpk_"):
            part = secret.split("_", 2)[2]
        elif secret.startswith("qpt_"):
            part = secret[4:]
        else:
            return forms + [part.encode() for part in secret.split(".") if len(part) > 100]
        return forms + [part.encode(), base64.urlsafe_b64decode(part + "=")]

    def assert_nowhere(self) -> None:
        for where, data in self.seen.items():
            for secret in self.secrets:
                for form in self.forms(secret):
                    self.assertNotIn(form, data, f"{where} has a secret of {len(secret)} bytes")

    def see_files(self, name: str, folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                self.see(f"{name}: {path.relative_to(folder)}", path.read_bytes())

    def see_command_lines(self, pid: int) -> None:
        """Of a process and its children."""
        self.see("command lines", Path(f"/proc/{pid}/cmdline").read_bytes())
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            self.see_command_lines(int(child))

    # Who runs

    def start_redis(self) -> int:
        port = free_port()
        folder = self.folder / "redis"
        folder.mkdir()
        config = self.folder / "redis.conf"
        config.write_text(
            f'port {port}\nbind 127.0.0.1\nrequirepass {self.password}\ndir "{folder}"\n'
            "appendonly yes\nrdbcompression no\n"
        )
        redis = subprocess.Popen(["redis-server", config], stdout=subprocess.DEVNULL)
        self.addCleanup(redis.wait)
        self.addCleanup(redis.kill)

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_until(listens, "redis-server listens")
        return port

    def start(self, name: str, redis: str, ledger: str) -> Server:
        folder = self.folder / name
        folder.mkdir()
        # Logs say as much as they can.
        env = {"QUOTAPLANE_REDIS": redis, "QUOTAPLANE_LEDGER": ledger}
        env |= {"QUOTAPLANE_LOG_LEVEL": "debug"}
        flags = ("--auth", self.auth_file)
        server = Server(OPTIONS.program, folder, POLICY, PRICES, flags, env=env)
        self.addCleanup(server.kill)
        return server

    def quotactl(self, server: Server, role: str, *arguments: object, stdin: str = "") -> str:
        command = [OPTIONS.quotactl, *map(str, arguments), "--server", server.address]
        env = {"HOME": str(self.folder), "PATH": os.environ["PATH"]}
        ended = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env=env | {"QUOTAPLANE_TOKEN": self.tokens.get(role, role)},
        )
        self.see("quotactl", ended.stderr)
        return ended.stdout

    # Calls

    def call(self, channel: grpc.Channel, token: str, method: str, org: str = "acme", **fields):
        """The answer, or none: then it is seen what the error said."""
        request = self.api.request(method, org)
        if hasattr(request, "request_id"):
            request.request_id = str(uuid.uuid4())
        json_format.ParseDict(fields, request)
        try:
            answer = self.api.call(channel, method, request, bearer(token))
        except grpc.RpcError as error:
            self.see("errors", error.details() + repr(error.trailing_metadata()))
            return None
        return answer

    def claims(self) -> dict:
        claims = {"iss": ISSUER, "aud": "quotaplane", "sub": "alice", "groups": ["readers"]}
        return claims | {"exp": int(time.time()) + 3600}

    def reserve(self, channel: grpc.Channel, key: str):
        return self.call(
            channel,
            self.tokens["gateway"],
            "QuotaService/Reserve",
            org="",
            reservation_id=str(uuid.uuid4()),
            key=key,
            subject={"model": "small"},
            estimate={"meters": {"input": 1}},
        )

    def a_day(self, channel: grpc.Channel) -> str:
        """Each kind of secret, used as it should be and otherwise. The id of a key."""
        admin = self.tokens["admin"]
        made = self.call(channel, admin, "AdminService/CreateKey", reason="CI", key={"user": "bob"})
        self.secret(made.secret)
        id = made.key.key_id
        wait_until(lambda: self.reserve(channel, made.secret) is not None, "the key is known")
        etag = made.key.etag
        rotate = {"key_id": id, "etag": etag, "grace_seconds": "60", "reason": "a year is over"}
        rotated = self.call(channel, admin, "AdminService/RotateKey", **rotate)
        self.secret(rotated.secret)
        wait_until(lambda: self.reserve(channel, rotated.secret) is not None, "the new one too")
        forged = self.secret(f"qpk_{id}_{secrets.token_urlsafe(32)}")
        self.assertIsNone(self.reserve(channel, forged))
        self.assertIsNone(self.reserve(channel, rotated.secret + "x"))
        # Where a token is expected, and where another thing is.
        self.assertIsNone(self.call(channel, made.secret, "QuotaService/GetUsage"))
        self.assertIsNone(self.reserve(channel, self.tokens["admin"]))
        good = self.secret(self.key.sign(self.claims()))
        self.assertIsNotNone(self.call(channel, good, "QuotaService/GetUsage"))
        self.assertIsNone(self.call(channel, good, "QuotaService/GetUsage", org="globex"))
        self.assertIsNone(self.call(channel, good, "AdminService/ListAudit"))
        head, payload, signature = good.split(".")
        for token in (f"{head}.{payload}.{signature[::-1]}", f"{head}.{payload}.", new_token()):
            self.secret(token)
            self.assertIsNone(self.call(channel, token, "QuotaService/GetUsage"))
            self.assertIsNone(self.call(channel, token, "AdminService/ListKeys"))
        revoke = {"key_id": id, "reason": "leaked"}
        self.assertIsNotNone(self.call(channel, admin, "AdminService/RevokeKey", **revoke))
        wait_until(lambda: self.reserve(channel, rotated.secret) is None, "it is revoked")
        return id

    def see_answers(self, channel: grpc.Channel) -> None:
        for org in ("acme", ""):
            rows = self.call(
                channel, self.tokens["auditor"], "AdminService/ListAudit", org, page_size=1000
            )
            self.see("audit rows", json_format.MessageToJson(rows))
        admin = self.tokens["admin"]
        self.see("export", self.call(channel, admin, "AdminService/ExportState").yaml)
        keys = self.call(channel, admin, "AdminService/ListKeys")
        self.see("keys", json_format.MessageToJson(keys))

    def test_secrets_are_nowhere(self) -> None:
        port = self.start_redis()
        redis = f"redis://:{self.password}@127.0.0.1:{port}"
        server = self.start("good", redis, f"sqlite:{self.folder / 'ledger.db'}")
        channel = self.channel(server)
        id = self.a_day(channel)
        other = self.call(channel, self.tokens["admin"], "AdminService/CreateKey", reason="stays")
        self.secret(other.secret)
        self.see_answers(channel)
        self.see("metrics", self.metrics(server))
        for arguments in (
            ("audit", "list", "--org", "acme"),
            ("key", "list", "--org", "acme"),
            ("export", "--org", "acme"),
        ):
            self.see("quotactl", self.quotactl(server, "auditor", *arguments))
            self.see("quotactl", self.quotactl(server, "admin", *arguments))
        made = self.quotactl(server, "admin", "key", "create", "--org", "acme", "--json")
        self.secret(json.loads(made)["secret"])
        self.quotactl(server, self.secret(new_token()), "usage", "--org", "acme")
        self.see_command_lines(server.pid)

        # Servers that cannot get in, or not there.
        wrong = self.secret(secrets.token_hex(20))
        database = f"postgres://quota:{self.database_password}@127.0.0.1:1/ledger"
        refused = self.start("refused", f"redis://:{wrong}@127.0.0.1:{port}", database)
        gone = f"redis://quota:{wrong}@127.0.0.1:1"
        away = self.start("away", gone, f"{database}?connect_timeout=1")
        for each in (refused, away):
            there = self.channel(each)
            self.reserve(there, other.secret)
            self.call(there, self.tokens["admin"], "AdminService/ListKeys")
            self.call(there, self.tokens["finance"], "ReportService/QueryUsage")
            self.see_command_lines(each.pid)

        saved = self.folder / "good/data/control"
        wait_until(lambda: self.metric(server, "quotaplane_control_saved") == 1, "it is on disk")
        for name, each in (("good", server), ("refused", refused), ("away", away)):
            self.see(f"log of {name}", each.log())
            self.assertEqual(each.stop(), 0)
            self.see_files(f"data of {name}", self.folder / name / "data")
        redis_cli = ["redis-cli", "-p", str(port), "--no-auth-warning", "SAVE"]
        env = os.environ | {"REDISCLI_AUTH": self.password}
        subprocess.run(redis_cli, check=True, capture_output=True, env=env)
        self.see_files("Redis", self.folder / "redis")
        for path in self.folder.glob("ledger.db*"):
            self.see("SQL", path.read_bytes())

        # That it would have been found: what is no secret is there.
        for where in ("audit rows", "SQL", "keys", "quotactl"):
            self.assertIn(id.encode(), self.seen[where], where)
        self.assertIn(other.key.key_id.encode(), self.seen["export"])
        stores = [name for name in self.seen if name.startswith("Redis: ")]
        self.assertTrue(any(id.encode() in self.seen[name] for name in stores), stores)
        self.assertTrue(any(id.encode() in p.read_bytes() for p in saved.rglob("*") if p.is_file()))
        self.assertIn(b"serve", self.seen["command lines"])
        self.assertIn("TOKEN_INVALID".encode(), self.seen["errors"])
        self.assertIn(b"127.0.0.1", self.seen["log of away"])
        self.assert_nowhere()

    def test_the_search_finds_what_it_is_for(self) -> None:
        token = self.tokens["admin"]
        jwt = self.secret(self.key.sign(self.claims()))
        for text in (
            f"x{token}y",
            token[4:],
            base64.b64encode(token.encode()).decode(),
            jwt.split(".")[2],
            f"redis://:{self.password}@host",
        ):
            self.seen = {"log": text.encode()}
            with self.assertRaises(AssertionError):
                self.assert_nowhere()
        self.seen = {"log": base64url(b"nothing").encode()}
        self.assert_nowhere()


if __name__ == "__main__":
    main(__doc__)
