"""A server with every role in which every metric has something to say: TLS, tokens, a policy with
limits of all kinds, an org with a policy of its own, three days of history, a closed month, messages
that get through and messages that do not; and load."""

import contextlib
import datetime
import http.server
import json
import os
import re
import sqlite3
import subprocess
import threading
import urllib.request
from pathlib import Path

from certificates import Authority
from grafana import ROOT
from ledger_history import DAY_US, HOUR_US, add_use, last_hour_us
from python_client import Server

HISTORY_HOURS = 80
ORGS = ("acme", "initech")
# Beside what tools/loadgen is limited by: what the history will have used up in some days.
BUDGETS = """
  - {id: ever, per: [team], unit: usd, amount: 100, window: lifetime, on_exceed: soft}
  - {id: org-year, per: [org], unit: usd, amount: 100, window: year, on_exceed: soft}
  - {id: model-month, per: [model], unit: usd, amount: 5000, window: month, on_exceed: soft}
  - {id: by-key, per: [api_key], unit: usd, amount: 5000, window: month, on_exceed: soft}
"""
COST_CENTERS = "cost_centers:\n  - {cost_center: R-100, when: {team: [search, assistant]}}\n"


def policy() -> str:
    text = (ROOT / "tools/loadgen/demo_policy.yaml").read_text()
    return text.replace("\nalerts:\n", f"{BUDGETS}\n{COST_CENTERS}\nalerts:\n", 1)


class Taker(http.server.BaseHTTPRequestHandler):
    """A receiver that takes everything."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Deployment:
    """Stopped by `close`."""

    def __init__(self, folder: Path, options: object) -> None:
        self._folder = folder
        self._options = options
        self._ends = contextlib.ExitStack()
        try:
            self._start()
        except BaseException:
            self._ends.close()
            raise

    def close(self) -> None:
        self._ends.close()

    def _start(self) -> None:
        self._authority = Authority(self._folder, "ca")
        self._certificate, self._key = self._authority.issue("server", "DNS:localhost", "IP:127.0.0.1")
        self._tokens()
        self._receivers()
        self.ledger = self._folder / "ledger.db"
        self._run(self._options.program, "migrate", "--ledger", f"sqlite:{self.ledger}")
        self._seed_history()
        folder = self._folder / "server"
        folder.mkdir()
        prices = (ROOT / "libs/config/default_prices.yaml").read_text()
        more = ("--ledger", f"sqlite:{self.ledger}", "--auth", self._folder / "auth.yaml")
        more += ("--receivers", self._folder / "receivers.yaml", "--tls-client-ca", self._authority.cert)
        more += ("--tls-cert", self._certificate, "--tls-key", self._key)
        self.server = Server(self._options.program, folder, policy(), prices, more)
        self._ends.callback(self.server.kill)
        self.policy = folder / "policy.yaml"
        self.metrics = re.search(r"metrics on http://(\S+)/metrics", self.server.log()).group(1)
        self._env = os.environ | {
            "QUOTAPLANE_SERVER": f"localhost:{self.server.address.split(':')[-1]}",
            "QUOTAPLANE_TLS_CA": str(self._authority.cert),
            "QUOTAPLANE_TOKEN": (self._folder / "root.token").read_text().strip(),
        }
        self._set_up()

    def _run(self, *command: object, fails: bool = False) -> str:
        env = getattr(self, "_env", None)
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=env, timeout=120)
        if (done.returncode != 0) != fails:
            raise RuntimeError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}\n{self._log()}")
        return done.stdout

    def _log(self) -> str:
        return self.server.log() if hasattr(self, "server") else ""

    def quotactl(self, *arguments: object, fails: bool = False) -> str:
        return self._run(self._options.quotactl, *arguments, fails=fails)

    def _tokens(self) -> None:
        roles = ("gateway", "admin", "finance", "auditor", "approver")
        flags = [flag for role in roles for flag in ("--role", role)]
        token = ("--org", "*", "--expires", "1d", "--token-out", self._folder / "root.token")
        entry = self.quotactl("token", "new", "--name", "root", *flags, *token)
        (self._folder / "auth.yaml").write_text("tokens:\n" + entry)

    def _receivers(self) -> None:
        taker = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        thread = threading.Thread(target=taker.serve_forever)
        thread.start()
        for end in (thread.join, taker.server_close, taker.shutdown):
            self._ends.callback(end)
        # Nobody listens on the second: its messages wait.
        away = {"kind": "webhook", "url": "http://127.0.0.1:1/", "secret_file": "hook.secret"}
        hook = away | {"url": f"http://127.0.0.1:{taker.server_port}/"}
        (self._folder / "hook.secret").write_text("0123456789abcdef0123456789abcdef\n")
        receivers = {"receivers": {"hook": hook, "away": away}, "default": ["hook", "away"]}
        (self._folder / "receivers.yaml").write_text(json.dumps(receivers))

    def _seed_history(self) -> None:
        """A dollar in each of the last hours, so that there are forecasts; and some in the month before."""
        now = datetime.datetime.now(datetime.timezone.utc)
        hour = last_hour_us(now)
        before = (now.replace(day=1) - datetime.timedelta(days=10)).replace(hour=0, minute=0)
        self._month_before = before.strftime("%Y-%m")
        day = int(before.timestamp()) // 86_400 * DAY_US
        times = {hour - i * HOUR_US for i in range(1, HISTORY_HOURS)} | {day}
        with contextlib.closing(sqlite3.connect(self.ledger, timeout=30)) as ledger, ledger:
            for org in ORGS:
                for at in times:
                    add_use(ledger, org, "search", at, 1)

    def _set_up(self) -> None:
        for org in ORGS:
            limit = ("team=growth: 900000 requests a day", "--on-outage", "deny")
            self.quotactl("limits", "set", *limit, "--org", org)
            self.quotactl("report", "close", "--org", org, "--month", self._month_before, "--yes")
        # A mistake of a caller's, and a caller whom nobody knows.
        self.quotactl("reserve", "--id", "x", "--org", "a\nb", "--model", "m", fails=True)
        self._env["QUOTAPLANE_TOKEN"], good = "qpt_" + 43 * "A", self._env["QUOTAPLANE_TOKEN"]
        self.quotactl("usage", "--org", "acme", fails=True)
        self._env["QUOTAPLANE_TOKEN"] = good

    def load(self, requests: int, seed: int) -> None:
        """Some of what a company sends, of each org. Comes back when it is answered."""
        for org in ORGS:
            self._run(self._options.loadgen, "--org", org, "--requests", requests, "--seed", seed)

    def scrape(self) -> str:
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=10) as answer:
            return answer.read().decode()
