"""Quotaplane's own processes, one role each."""

import json
import os
import socket
import ssl
import subprocess

from .credentials import Credentials
from .layout import ALERTMANAGER, SERVERS, ClusterError, Layout
from .processes import Processes, wait_until


class Servers:
    def __init__(
        self,
        layout: Layout,
        processes: Processes,
        credentials: Credentials,
        redis_url: str,
        ledger_url: str,
    ) -> None:
        self._layout = layout
        self._processes = processes
        self._credentials = credentials
        # In the environment, since everybody on a machine can read command lines.
        self._env = {"QUOTAPLANE_REDIS": redis_url, "QUOTAPLANE_LEDGER": ledger_url}

    def migrate(self) -> None:
        done = subprocess.run(
            [self._layout.programs / "quotaplane", "migrate"],
            env=os.environ | self._env, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode != 0:
            raise ClusterError(f"quotaplane migrate: {done.stderr}")

    def write_receivers(self) -> None:
        receiver = {"kind": "alertmanager", "url": f"http://{self._layout.address(ALERTMANAGER)}"}
        document = {"receivers": {"alertmanager": receiver}, "default": ["alertmanager"]}
        self._layout.write(self._layout.secrets / "receivers.yaml", json.dumps(document))

    def start(self, name: str) -> None:
        role, _ = SERVERS[name]
        cert, key = self._layout.pair(name)
        command = [
            *(self._layout.programs / "quotaplane", "serve", "--roles", role),
            *("--data-dir", self._layout.data / name, "--listen", self._layout.address(name)),
            *("--metrics-listen", f"127.0.0.1:{self._layout.metrics_port(name)}"),
            *("--policy", self._layout.policy, "--auth", self._credentials.auth_file),
            *("--tls-cert", cert, "--tls-key", key),
        ]
        if role == "alerts":
            command += ["--receivers", self._layout.secrets / "receivers.yaml"]
        self._processes.start(
            name, command, lambda: "ready:" in self._processes.output(name), self._env
        )

    def restart(self, name: str) -> None:
        """As a rolling update does: it drains, ends, and comes back."""
        self._processes.stop(name)
        self.start(name)

    def shown_certificate(self, name: str) -> bytes:
        """What a new connection sees."""
        context = ssl.create_default_context(cafile=str(self._layout.ca))
        context.set_alpn_protocols(["h2"])
        with socket.create_connection(("127.0.0.1", self._layout.port(name)), timeout=20) as raw:
            with context.wrap_socket(raw, server_hostname="127.0.0.1") as secured:
                return secured.getpeercert(binary_form=True)

    def wait_for_certificate(self, name: str) -> None:
        wanted = ssl.PEM_cert_to_DER_cert(self._layout.pair(name)[0].read_text())
        wait_until(
            lambda: self.shown_certificate(name) == wanted, f"{name} shows its new certificate"
        )
