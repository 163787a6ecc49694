#!/usr/bin/env python3
"""Who is calling: tokens, JWTs of an issuer whose keys rotate, certificates; and what is refused.

Usage: auth_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC [unittest's arguments]
"""

import hashlib
import hmac
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from auth_case import FAR, OPTIONS, AuthCase, bearer, main, new_token, wait_until
from certificates import Authority, JwtKey, base64url, unsigned

ISSUER = "https://idp.test"
INVALID = "UNAUTHENTICATED TOKEN_INVALID"


class KeyServer:
    """Publishes a key set on this machine, over TLS where it has certificate and key; `keys` may be
    exchanged, None is an outage. `padding` more bytes follow; `redirect` stands in its place."""

    def __init__(self, pair: tuple[Path, Path] | None = None) -> None:
        self.keys: list[dict] | None = []
        self.padding = 0
        self.redirect = ""
        self.requests = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                if outer.keys is None:
                    self.send_error(503)
                    return
                if outer.redirect:
                    self.send_response(302)
                    self.send_header("Location", outer.redirect)
                    self.end_headers()
                    return
                body = json.dumps({"keys": outer.keys}).encode() + b" " * outer.padding
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # Who does not trust it ends the handshake: that is what is tested.
        self._server.handle_error = lambda *_: None
        scheme = "http"
        if pair is not None:
            scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*pair)
            # The handshake is made by the call's own thread: one that fails stops nobody.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}/keys"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class TokenTest(AuthCase):
    def test_tokens_that_are_good_unknown_expired_or_none(self) -> None:
        good, first = self.token("good", ("viewer", "acme"))
        old, second = self.token("old", ("viewer", "acme"), expires="2020-01-01")
        self.write_auth(tokens=[first, second])
        channel = self.channel(self.serve_with_auth())
        unknown = new_token()
        self.secrets.append(unknown)
        for metadata, outcome in (
            (bearer(good), "OK"),
            ((("authorization", f"bearer {good}"),), "OK"),
            (bearer(old), "UNAUTHENTICATED TOKEN_EXPIRED"),
            (bearer(unknown), "UNAUTHENTICATED TOKEN_UNKNOWN"),
            (bearer(good[:-1]), "UNAUTHENTICATED TOKEN_UNKNOWN"),
            (bearer("x"), INVALID),
            ((("authorization", good),), INVALID),
            ((("authorization", "Basic YTpi"),), INVALID),
            (bearer(good) + bearer(good), INVALID),
            ((), "UNAUTHENTICATED CREDENTIALS_MISSING"),
        ):
            self.assertEqual(self.ping(channel, metadata), outcome, metadata)

    def test_refused_calls_are_counted_by_reason(self) -> None:
        good, entry = self.token("good", ("viewer", "acme"))
        self.write_auth(tokens=[entry])
        server = self.serve_with_auth()
        channel = self.channel(server)
        self.ping(channel, bearer(good))
        self.ping(channel)
        for _ in range(3):
            self.ping(channel, bearer(new_token()))
        self.outcome(channel, "QuotaService/GetUsage", "globex", bearer(good))
        self.outcome(channel, "AdminService/ListAudit", "acme", bearer(good))

        def counted(reason: str) -> float | None:
            return self.metric(server, "quotaplane_auth_refusals_total", reason=reason)

        for reason, count in (
            ("credentials_missing", 1),
            ("token_unknown", 3),
            ("role_missing", 2),
            ("token_expired", 0),
            ("other", 0),
        ):
            self.assertEqual(counted(reason), count, reason)

    def test_a_changed_file_holds_and_a_broken_one_does_not(self) -> None:
        leaves, first = self.token("leaves", ("viewer", "acme"))
        stays, second = self.token("stays", ("viewer", "acme"))
        self.write_auth(tokens=[first, second])
        server = self.serve_with_auth()
        channel = self.channel(server)
        self.assertEqual(self.ping(channel, bearer(leaves)), "OK")
        self.write_auth(tokens=[second])
        wait_until(
            lambda: self.ping(channel, bearer(leaves)) == "UNAUTHENTICATED TOKEN_UNKNOWN",
            "the token is withdrawn",
        )
        self.auth_file.write_text(f"tokens:\n  - {{name: a, hash: {leaves}}}\n")
        wait_until(lambda: "NOT reloaded" in server.log(), "the broken file is reported")
        self.assertIn("auth.yaml:2: tokens[0].hash: must be blake2b:", server.log())
        self.assertEqual(self.ping(channel, bearer(stays)), "OK")

    def test_an_org_never_sees_anothers_data(self) -> None:
        tokens, entries = {}, []
        for org in ("acme", "globex"):
            tokens[org], entry = self.token(org, ("gateway", org), ("finance", org))
            entries.append(entry)
        self.write_auth(tokens=entries)
        server = self.serve_with_auth()
        channel = self.channel(server)
        q = self.api.request
        for org, times in (("acme", 3), ("globex", 1)):
            for i in range(times):
                record = q("QuotaService/Record", org)
                record.record_id = f"r-{i}"
                record.subject.model = "large"
                record.attempts.add().usage.meters["input"] = 1_000_000
                self.api.call(channel, "QuotaService/Record", record, bearer(tokens[org]))

        def spent(org: str, token: str) -> int:
            request = q("ReportService/QueryUsage", org)
            now = int(time.time())
            request.from_time.FromSeconds(now - 86_400)
            request.to_time.FromSeconds(now + 86_400)
            request.time_zone = "UTC"
            answer = self.api.call(channel, "ReportService/QueryUsage", request, bearer(token))
            return answer.total.cost_nano_usd

        wait_until(lambda: spent("acme", tokens["acme"]) == 9_000_000_000, "acme's three charges")
        wait_until(lambda: spent("globex", tokens["globex"]) == 3_000_000_000, "globex's one")
        for method in self.api.methods:
            if method.startswith("PingService"):
                continue
            outcome = self.outcome(channel, method, "acme", bearer(tokens["globex"]))
            self.assertEqual(outcome, "PERMISSION_DENIED ROLE_MISSING", method)


class JwtTest(AuthCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.key = JwtKey(cls.class_folder, "k1")
        cls.next_key = JwtKey(cls.class_folder, "k2")

    def setUp(self) -> None:
        super().setUp()
        self.issuer = KeyServer()
        self.addCleanup(self.issuer.close)
        self.issuer.keys = [self.key.public()]
        self.write_auth(
            issuers=[
                {
                    "issuer": ISSUER,
                    "audience": "quotaplane",
                    "keys": self.issuer.url,
                    "groups": {"readers": [{"role": "viewer", "org": "acme"}]},
                }
            ]
        )

    def claims(self, **more) -> dict:
        claims = {"iss": ISSUER, "aud": "quotaplane", "sub": "alice", "groups": ["readers"]}
        return claims | {"exp": int(time.time()) + 3600} | more

    def test_only_what_the_issuer_signed_for_us_passes(self) -> None:
        channel = self.channel(self.serve_with_auth())
        good = self.key.sign(self.claims())
        self.assertEqual(self.ping(channel, bearer(good)), "OK")
        self.assertEqual(self.outcome(channel, "QuotaService/GetUsage", "acme", bearer(good)), "OK")
        usage = self.outcome(channel, "QuotaService/GetUsage", "globex", bearer(good))
        self.assertEqual(usage, "PERMISSION_DENIED ROLE_MISSING")

        head, payload, signature = good.split(".")
        admin = base64url(json.dumps(self.claims(groups=["admins"])).encode())
        none = unsigned({"alg": "none", "kid": "k1"}, self.claims())
        shared = unsigned({"alg": "HS256", "kid": "k1"}, self.claims())
        secret = json.dumps(self.key.public()).encode()
        mac = base64url(hmac.new(secret, shared.encode(), hashlib.sha256).digest())
        for token, outcome in (
            (f"{head}.{admin}.{signature}", INVALID),
            (f"{head}.{payload}.", INVALID),
            (f"{none}.", INVALID),
            (f"{none}.{signature}", INVALID),
            (f"{shared}.{mac}", INVALID),
            (self.key.sign(self.claims(iss="https://evil.test")), INVALID),
            (self.key.sign(self.claims(aud="grafana")), INVALID),
            (self.key.sign(self.claims(exp=int(time.time()) - 120)), "UNAUTHENTICATED TOKEN_EXPIRED"),
            (self.key.sign(self.claims(nbf=int(time.time()) + 600)), INVALID),
            (self.key.sign(self.claims(sub="")), INVALID),
        ):
            self.secrets.append(token)
            self.assertEqual(self.ping(channel, bearer(token)), outcome, token)
        # Known, but in no group that may do anything.
        stranger = self.key.sign(self.claims(groups=["others"]))
        self.assertEqual(self.ping(channel, bearer(stranger)), "PERMISSION_DENIED ROLE_MISSING")

    def test_keys_rotate(self) -> None:
        channel = self.channel(self.serve_with_auth())
        old, new = self.key.sign(self.claims()), self.next_key.sign(self.claims())
        self.assertEqual(self.ping(channel, bearer(old)), "OK")
        self.issuer.keys = [self.next_key.public()]
        self.assertIn(self.ping(channel, bearer(new)), ("UNAVAILABLE ISSUER_UNAVAILABLE", "OK"))
        wait_until(lambda: self.ping(channel, bearer(new)) == "OK", "the new key is known")
        # Remembered as verified, but with a key that is gone, which is no outage.
        self.assertEqual(self.ping(channel, bearer(old)), INVALID)
        self.assertEqual(self.ping(channel, bearer(self.key.sign(self.claims()))), INVALID)

    def test_an_unknown_key_asks_the_issuer_now_and_then(self) -> None:
        channel = self.channel(self.serve_with_auth())
        forged = self.next_key.sign(self.claims())
        wait_until(lambda: self.ping(channel, bearer(forged)) == INVALID, "it is unknown")
        before = self.issuer.requests
        for _ in range(50):
            self.assertEqual(self.ping(channel, bearer(forged)), INVALID)
        self.assertLessEqual(self.issuer.requests, before + 1)

    def test_keys_stay_while_the_issuer_is_away(self) -> None:
        server = self.serve_with_auth()
        channel = self.channel(server)
        self.issuer.keys = None
        forged = self.next_key.sign(self.claims())
        self.assertEqual(self.ping(channel, bearer(forged)), "UNAVAILABLE ISSUER_UNAVAILABLE")
        wait_until(lambda: "keys of tokens NOT read" in server.log(), "the outage is reported")
        self.assertEqual(self.ping(channel, bearer(self.key.sign(self.claims()))), "OK")

    def test_a_server_starts_while_the_issuer_is_away(self) -> None:
        self.issuer.keys = None
        channel = self.channel(self.serve_with_auth())
        token = self.key.sign(self.claims())
        self.assertEqual(self.ping(channel, bearer(token)), "UNAVAILABLE ISSUER_UNAVAILABLE")
        self.issuer.keys = [self.key.public()]
        wait_until(lambda: self.ping(channel, bearer(token)) == "OK", "the keys are there")


class TlsIssuerTest(AuthCase):
    """Keys over real TLS: from whom they are taken, and from whom not."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.key = JwtKey(cls.class_folder, "k1")
        cls.ca = Authority(cls.class_folder, "idp-authority")
        cls.other_ca = Authority(cls.class_folder, "other-authority")
        cls.here = cls.ca.issue("here", "IP:127.0.0.1")
        cls.elsewhere = cls.ca.issue("elsewhere", "DNS:idp.example")

    def issuer(self, pair: tuple[Path, Path] | None) -> KeyServer:
        issuer = KeyServer(pair)
        self.addCleanup(issuer.close)
        issuer.keys = [self.key.public()]
        return issuer

    def answer(self, issuer: KeyServer, ca_file: Path | None) -> tuple[str, str]:
        """What a good token gets, and the server's log."""
        entry = {
            "issuer": ISSUER,
            "audience": "quotaplane",
            "keys": issuer.url,
            "groups": {"readers": [{"role": "viewer", "org": "acme"}]},
        }
        if ca_file is not None:
            entry["ca_file"] = str(ca_file)
        self.write_auth(issuers=[entry])
        server = self.serve_with_auth()
        claims = {"iss": ISSUER, "aud": "quotaplane", "sub": "alice", "groups": ["readers"]}
        token = self.key.sign(claims | {"exp": int(time.time()) + 3600})
        self.secrets.append(token)
        return self.ping(self.channel(server), bearer(token)), server.log()

    def assert_not_taken(self, issuer: KeyServer, ca_file: Path | None, why: str) -> None:
        outcome, log = self.answer(issuer, ca_file)
        self.assertEqual(outcome, "UNAVAILABLE ISSUER_UNAVAILABLE")
        self.assertRegex(log, f"keys of tokens NOT read.*{why}")

    def test_an_issuer_of_the_authority_that_is_named(self) -> None:
        outcome, log = self.answer(self.issuer(self.here), self.ca.cert)
        self.assertEqual(outcome, "OK", log)

    def test_an_unknown_authority(self) -> None:
        issuer = self.issuer(self.here)
        self.assert_not_taken(issuer, self.other_ca.cert, "certificate")
        self.assertEqual(issuer.requests, 0)

    def test_an_authority_that_the_system_does_not_know(self) -> None:
        self.assert_not_taken(self.issuer(self.here), None, "certificate")

    def test_another_name(self) -> None:
        issuer = self.issuer(self.elsewhere)
        self.assert_not_taken(issuer, self.ca.cert, "[Nn]ame")
        self.assertEqual(issuer.requests, 0)

    def test_a_file_that_is_no_authority(self) -> None:
        self.assert_not_taken(self.issuer(self.here), self.folder / "none.crt", "none.crt")

    def test_a_redirect_to_plain_http(self) -> None:
        plain, issuer = self.issuer(None), self.issuer(self.here)
        issuer.redirect = plain.url
        self.assert_not_taken(issuer, self.ca.cert, "HTTP status 302")
        self.assertEqual((issuer.requests, plain.requests), (1, 0))

    def test_a_key_set_without_end(self) -> None:
        issuer = self.issuer(self.here)
        issuer.padding = 2 << 20
        self.assert_not_taken(issuer, self.ca.cert, "more than 1048576 bytes")


class ListenTest(AuthCase):
    def start(self, *flags: object) -> subprocess.CompletedProcess:
        command = [OPTIONS.program, "serve", "--data-dir", self.folder / "data", *flags]
        return subprocess.run(command, capture_output=True, text=True, timeout=30)

    def test_others_are_not_let_in_by_mistake(self) -> None:
        _, entry = self.token("a", ("viewer", "acme"))
        self.write_auth(tokens=[entry])
        for flags, missing, there in (
            ((), ("--tls-cert", "--auth"), ()),
            (("--auth", self.auth_file), ("--tls-cert",), ("--auth)",)),
        ):
            ended = self.start("--listen", "0.0.0.0:0", *flags)
            self.assertEqual(ended.returncode, 1)
            self.assertEqual(ended.stdout, "")
            self.assertIn("will not listen on 0.0.0.0:0", ended.stderr)
            for flag in (*missing, "--insecure"):
                self.assertIn(flag, ended.stderr)
            for flag in there:
                self.assertNotIn(flag, ended.stderr)
        # Nothing was started.
        self.assertFalse((self.folder / "data").exists())

    def test_insecure_is_said_out_loud(self) -> None:
        server = self.serve("--insecure", listen="0.0.0.0:0")
        self.assertIn("insecure: others reach 0.0.0.0:0", server.log())

    def test_an_open_server_says_so(self) -> None:
        server = self.serve()
        self.assertIn("everybody on this machine may do everything", server.log())
        self.assertNotIn("others reach the metrics", server.log())

    def test_metrics_that_others_reach_are_said(self) -> None:
        server = self.serve(metrics="0.0.0.0:0")
        self.assertIn("others reach the metrics on 0.0.0.0:0, without TLS", server.log())

    def test_flags_that_do_not_fit_together(self) -> None:
        for flags, message in (
            (("--tls-cert", "c"), "--tls-cert and --tls-key need each other"),
            (("--tls-client-ca", "c"), "--tls-client-ca needs --tls-cert"),
            (
                ("--tls-client-ca", "c", "--tls-cert", "c", "--tls-key", "k"),
                "--tls-client-ca needs --auth",
            ),
            (("--tls-cert", "nowhere.crt", "--tls-key", "k"), "nowhere.crt"),
            (("--auth", "nowhere.yaml"), "nowhere.yaml"),
        ):
            ended = self.start(*flags)
            self.assertEqual(ended.returncode, 1)
            self.assertIn(message, ended.stderr)


class QuotactlTest(AuthCase):
    def setUp(self) -> None:
        super().setUp()
        self.home = self.folder / "home"

    def quotactl(self, *arguments: object, stdin: str = "", **env: str):
        ended = subprocess.run(
            [OPTIONS.quotactl, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]} | env,
        )
        self.assert_no_secret(ended.stderr)
        return ended

    def test_a_token_is_made_used_kept_and_forgotten(self) -> None:
        made = self.quotactl(
            *("token", "new", "--name", "ci", "--role", "viewer", "--role", "gateway"),
            *("--org", "acme", "--expires", FAR, "--json"),
        )
        self.assertEqual(made.returncode, 0, made.stderr)
        made = json.loads(made.stdout)
        token = made["token"]
        self.secrets.append(token)
        self.auth_file.write_text("tokens:\n" + made["yaml"])
        server = self.serve_with_auth()
        there = ("--server", server.address)
        usage = ("usage", "--org", "acme", "--user", "alice", *there)

        refused = self.quotactl(*usage)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("UNAUTHENTICATED CREDENTIALS_MISSING", refused.stderr)
        self.assertIn("quotactl login", refused.stderr)
        self.assertEqual(self.quotactl(*usage, QUOTAPLANE_TOKEN=token).returncode, 0)
        file = self.folder / "token"
        file.write_text(token + "\n")
        self.assertEqual(self.quotactl(*usage, "--token-file", file).returncode, 0)

        wrong = self.quotactl("login", *there, stdin=new_token())
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("TOKEN_UNKNOWN", wrong.stderr)
        kept = self.quotactl("login", *there, stdin=token + "\n")
        self.assertEqual(kept.returncode, 0, kept.stderr)
        self.assert_no_secret(kept.stdout)
        store = self.home / ".config" / "quotaplane" / "tokens.json"
        self.assertEqual(store.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.quotactl(*usage).returncode, 0)
        denied = self.quotactl("usage", "--org", "globex", *there)
        self.assertEqual(denied.returncode, 1)
        self.assertIn("ROLE_MISSING", denied.stderr)

        self.assertEqual(self.quotactl("logout", *there).returncode, 0)
        self.assertNotIn(token, store.read_text())
        self.assertEqual(self.quotactl(*usage).returncode, 1)

    def test_a_token_goes_into_a_file_that_is_new(self) -> None:
        out = self.folder / "t"
        flags = ("token", "new", "--name", "a", "--role", "admin", "--org", "*")
        flags += ("--expires", "1d", "--token-out", out)
        made = self.quotactl(*flags)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(out.stat().st_mode & 0o777, 0o600)
        self.assertNotIn(out.read_text().strip(), made.stdout)
        self.assertEqual(self.quotactl(*flags).returncode, 1)

    def test_a_token_stays_here_without_tls(self) -> None:
        token = new_token()
        self.secrets.append(token)
        ended = self.quotactl("usage", "--server", "192.0.2.1:7411", QUOTAPLANE_TOKEN=token)
        self.assertEqual(ended.returncode, 2)
        self.assertIn("in plain", ended.stderr)


if __name__ == "__main__":
    main(__doc__)
