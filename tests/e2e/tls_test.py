#!/usr/bin/env python3
"""TLS and client certificates, exchanged while calls go on.

Usage: tls_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC [unittest's arguments]
"""

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from auth_case import OPTIONS, AuthCase, bearer, main, wait_until
from certificates import Authority

LOCAL = ("DNS:localhost", "IP:127.0.0.1")


class TlsCase(AuthCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.ca = Authority(cls.class_folder, "authority")
        cls.other_ca = Authority(cls.class_folder, "other-authority")
        cls.pairs = {
            name: cls.ca.issue(name, *LOCAL) for name in ("server-1", "server-2", "server-3")
        }
        cls.clients = {
            "known": cls.ca.issue("gateway-1", "DNS:gateway-1.acme.example"),
            "nameless": cls.ca.issue("somebody", "DNS:somebody.example"),
            "foreign": cls.other_ca.issue("gateway-1-forged", "DNS:gateway-1.acme.example"),
        }

    def setUp(self) -> None:
        super().setUp()
        self.token_text, entry = self.token("viewer", ("viewer", "acme"))
        certificate = {
            "match": "gateway-1.acme.example",
            "roles": [{"role": "gateway", "org": "acme"}],
        }
        self.write_auth(tokens=[entry], certificates=[certificate])
        self.cert, self.key = self.folder / "server.crt", self.folder / "server.key"
        self.client_ca = self.folder / "clients.crt"
        self.client_ca.write_bytes(self.ca.cert.read_bytes())
        self.install("server-1")

    def install(self, name: str) -> None:
        """Certificate and key one after the other, as anybody would copy them."""
        for source, target in zip(self.pairs[name], (self.cert, self.key)):
            new = target.with_suffix(".new")
            new.write_bytes(source.read_bytes())
            new.rename(target)

    def serve_tls(self, *flags: object, **more):
        pair = ("--tls-cert", self.cert, "--tls-key", self.key)
        return self.serve_with_auth(*pair, *flags, **more)

    def credentials(self, client: str | None = None) -> grpc.ChannelCredentials:
        root = self.ca.cert.read_bytes()
        if client is None:
            return grpc.ssl_channel_credentials(root)
        cert, key = self.clients[client]
        return grpc.ssl_channel_credentials(root, key.read_bytes(), cert.read_bytes())

    def shown(self, server) -> bytes:
        """The certificate that a new connection sees."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.ca.cert)
        context.set_alpn_protocols(["h2"])
        host, port = server.address.split(":")
        with socket.create_connection((host, int(port)), timeout=20) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as secured:
                return secured.getpeercert(binary_form=True)

    def der(self, name: str) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.pairs[name][0].read_text())


class TlsTest(TlsCase):
    def test_calls_are_made_over_tls_and_not_in_plain(self) -> None:
        server = self.serve_tls()
        secured = self.channel(server, self.credentials())
        self.assertEqual(self.ping(secured, bearer(self.token_text)), "OK")
        self.assertEqual(self.ping(secured), "UNAUTHENTICATED CREDENTIALS_MISSING")
        self.assertEqual(self.ping(self.channel(server)), "UNAVAILABLE")
        distrusting = grpc.ssl_channel_credentials(self.other_ca.cert.read_bytes())
        self.assertEqual(self.ping(self.channel(server, distrusting)), "UNAVAILABLE")

    def test_until_when_certificates_are_good_is_a_metric(self) -> None:
        server = self.serve_tls("--tls-client-ca", self.client_ca)
        for use in ("server", "client_ca"):
            ends = self.metric(
                server, "quotaplane_tls_certificate_expiry_timestamp_seconds", use=use
            )
            self.assertAlmostEqual(ends, time.time() + 2 * 86_400, delta=600)
        plain = self.serve(folder=self.class_folder)
        self.assertNotIn("quotaplane_tls_certificate", self.metrics(plain))

    def test_others_may_be_listened_to(self) -> None:
        server = self.serve_tls(listen="0.0.0.0:0")
        self.assertNotIn("insecure", server.log())

    def test_a_client_certificate_stands_for_a_token(self) -> None:
        server = self.serve_tls("--tls-client-ca", self.client_ca)
        known = self.channel(server, self.credentials("known"))
        self.assertEqual(self.ping(known), "OK")
        usage = ("QuotaService/GetUsage", "acme")
        self.assertEqual(self.outcome(known, *usage), "OK")
        refused = "PERMISSION_DENIED ROLE_MISSING"
        self.assertEqual(self.outcome(known, "QuotaService/GetUsage", "globex"), refused)
        self.assertEqual(self.outcome(known, "ReportService/QueryUsage", "acme"), refused)
        # A token counts where there are both: the viewer's, who may not reserve.
        reserve = ("QuotaService/Reserve", "acme", bearer(self.token_text))
        self.assertEqual(self.outcome(known, *reserve), refused)
        nameless = self.channel(server, self.credentials("nameless"))
        self.assertEqual(self.ping(nameless), "UNAUTHENTICATED CERTIFICATE_UNKNOWN")
        self.assertEqual(self.ping(nameless, bearer(self.token_text)), "OK")
        # Of an authority that the server does not trust: no connection.
        foreign = self.channel(server, self.credentials("foreign"))
        self.assertEqual(self.ping(foreign, bearer(self.token_text)), "UNAVAILABLE")
        without = self.channel(server, self.credentials())
        self.assertEqual(self.ping(without), "UNAUTHENTICATED CREDENTIALS_MISSING")
        self.assertEqual(self.ping(without, bearer(self.token_text)), "OK")

    def test_a_client_certificate_means_nothing_where_none_is_asked_for(self) -> None:
        server = self.serve_tls()
        channel = self.channel(server, self.credentials("foreign"))
        self.assertEqual(self.ping(channel), "UNAUTHENTICATED CREDENTIALS_MISSING")

    def test_quotactl_over_tls(self) -> None:
        server = self.serve_tls("--tls-client-ca", self.client_ca)
        env = {"HOME": str(self.folder), "PATH": os.environ["PATH"]}

        def usage(*flags: object, **more: str) -> subprocess.CompletedProcess:
            command = [OPTIONS.quotactl, "usage", "--org", "acme", "--server", server.address]
            return subprocess.run(
                [*command, *map(str, flags)],
                capture_output=True, text=True, timeout=60, env=env | more,
            )  # fmt: skip

        ca = ("--tls-ca", self.ca.cert)
        cert, key = self.clients["known"]
        mutual = usage(*ca, "--tls-cert", cert, "--tls-key", key)
        self.assertEqual(mutual.returncode, 0, mutual.stderr)
        by_token = usage(*ca, QUOTAPLANE_TOKEN=self.token_text)
        self.assertEqual(by_token.returncode, 0, by_token.stderr)
        self.assertEqual(usage(*ca).returncode, 1)
        self.assertEqual(usage(QUOTAPLANE_TOKEN=self.token_text).returncode, 1)


class RotationTest(TlsCase):
    def test_a_certificate_is_exchanged_under_load(self) -> None:
        server = self.serve_tls()
        self.assertEqual(self.shown(server), self.der("server-1"))
        stop = threading.Event()
        failures: list[str] = []
        calls = [0, 0]

        def on_one_connection() -> None:
            channel = self.channel(server, self.credentials())
            while not stop.is_set():
                outcome = self.ping(channel, bearer(self.token_text))
                calls[0] += 1
                if outcome != "OK":
                    failures.append(f"old connection: {outcome}")

        def on_new_connections() -> None:
            while not stop.is_set():
                channel = self.channel(server, self.credentials())
                outcome = self.ping(channel, bearer(self.token_text))
                channel.close()
                calls[1] += 1
                if outcome != "OK":
                    failures.append(f"new connection: {outcome}")

        threads = [threading.Thread(target=on_one_connection)]
        threads += [threading.Thread(target=on_new_connections) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for name in ("server-2", "server-3", "server-1"):
                before = list(calls)
                self.install(name)
                wait_until(lambda: self.shown(server) == self.der(name), f"{name} is shown")
                wait_until(
                    lambda: calls[0] > before[0] + 20 and calls[1] > before[1] + 20, "calls go on"
                )
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])

    def test_a_half_exchanged_pair_is_not_taken(self) -> None:
        server = self.serve_tls()
        self.cert.write_bytes(self.pairs["server-2"][0].read_bytes())
        wait_until(lambda: "is not the key of the certificate" in server.log(), "it is reported")
        self.assertEqual(self.shown(server), self.der("server-1"))
        self.cert.write_text("no certificate")
        wait_until(lambda: "has no certificate in PEM" in server.log(), "it is reported")
        self.assertEqual(self.shown(server), self.der("server-1"))
        self.install("server-2")
        wait_until(lambda: self.shown(server) == self.der("server-2"), "the pair is whole")
        self.assertNotIn("PRIVATE KEY", server.log())

    def test_authorities_of_clients_are_exchanged(self) -> None:
        server = self.serve_tls("--tls-client-ca", self.client_ca)
        self.assertEqual(self.ping(self.channel(server, self.credentials("foreign"))), "UNAVAILABLE")
        self.client_ca.write_bytes(self.other_ca.cert.read_bytes())
        wait_until(
            lambda: self.ping(self.channel(server, self.credentials("foreign"))) == "OK",
            "the other authority is trusted",
        )
        self.assertEqual(self.ping(self.channel(server, self.credentials("known"))), "UNAVAILABLE")


if __name__ == "__main__":
    main(__doc__)
