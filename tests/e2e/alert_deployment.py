"""The base of the tests that drive a whole deployment with alerts: replicas that answer calls, a
process that tells people, one Redis, one database, and a webhook that is told."""

import http.server
import json
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from admin_case import poll
from client_case import OPTIONS
from python_client import Client, Protos, Server


class Hook(http.server.BaseHTTPRequestHandler):
    """A webhook that takes everything, and knows each message once."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.messages.setdefault(body["id"], []).append(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class AlertDeployment(unittest.TestCase):
    POLICY = ""
    PRICES = ""
    REPLICAS = 4

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-alerts-")
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name)
        self.redis_process, self.redis = self.start_redis()
        self.hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        self.hook.messages = {}
        self.hook.lock = threading.Lock()
        thread = threading.Thread(target=self.hook.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.hook.server_close)
        self.addCleanup(self.hook.shutdown)
        (self.path / "hook.secret").write_text("0123456789abcdef0123456789abcdef\n")
        (self.path / "receivers.yaml").write_text(
            f'receivers: {{hook: {{kind: webhook, url: "http://127.0.0.1:{self.hook.server_port}/", '
            "secret_file: hook.secret}}\ndefault: [hook]\n"
        )
        self.protos = Protos(OPTIONS.protoc, self.path)
        self.quota = self.protos.quota
        self.alerts = self.protos.alerts
        self.servers = [self.serve(f"replica-{i}", "quota") for i in range(self.REPLICAS)]
        self.teller = self.serve("teller", "alerts")
        self.clients = [self.client(server) for server in self.servers]

    def start_redis(self) -> tuple[subprocess.Popen, str]:
        unix = self.path / "redis.sock"
        command = ["redis-server", "--port", "0", "--unixsocket", unix, "--save", "", "--dir", self.path]
        process = subprocess.Popen(map(str, command), stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def up() -> bool:
            with socket.socket(socket.AF_UNIX) as probe:
                return probe.connect_ex(str(unix)) == 0

        poll(up)
        return process, f"unix://{unix}"

    def serve(self, name: str, roles: str) -> Server:
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        more = ("--roles", roles, "--redis", self.redis, "--ledger", f"sqlite:{self.path}/ledger.db")
        more += ("--receivers", self.path / "receivers.yaml")
        server = Server(OPTIONS.program, folder, self.POLICY, self.PRICES, more)
        self.addCleanup(server.kill)
        return server

    def client(self, server: Server) -> Client:
        client = Client(server.address, self.protos)
        self.addCleanup(client.close)
        return client

    def kept(self, org: str = "acme") -> list:
        """All alerts, page by page."""
        client = self.client(self.teller)
        call = client.unary(
            "/quotaplane.v1.AlertService/ListAlerts", self.alerts.ListAlertsResponse
        )
        alerts, token = [], ""
        while True:
            page = call(
                self.alerts.ListAlertsRequest(org=org, page_size=900, page_token=token), timeout=20
            )
            alerts += page.alerts
            token = page.next_page_token
            if not token:
                return alerts
