"""One process of each role, over a Redis and a database of its own: plain, or with TLS and tokens as
production has it."""

import json
import signal
import subprocess
import urllib.request
from pathlib import Path

from cluster.certificates import Authority
from cluster.credentials import Credentials
from cluster.layout import POSTGRES, SERVERS, ClusterError, Layout
from cluster.postgres import Postgres
from cluster.processes import Processes, wait_until

from . import redis, usage
from .databases import PostgresLedger, SqliteLedger

ORG = "acme"
# Roles, and the names of their processes.
ROLES = {role: f"{role}-1" for role, _ in SERVERS.values()}
CONCURRENCY = 16


class Deployment:
    """In `folder`, which is new. Nothing of it outlives this program."""

    def __init__(self, folder: Path, programs: Path, policy: str, tls: bool, sqlite: bool = False) -> None:  # fmt: skip
        self.layout = Layout(folder)
        self._processes = Processes(self.layout, bound=True)
        self._policy = folder / "policy.yaml"
        self.layout.claim()
        self.layout.create(programs, self._policy)
        self.layout.write(self._policy, policy)
        self._credentials = Credentials(self.layout)
        self._credentials.create()
        authority = Authority(self.layout)
        authority.create()
        authority.issue_missing((*ROLES.values(), redis.NAME, POSTGRES))
        self._tls = tls
        # Where the load goes.
        self.address = self.layout.address(ROLES["quota"])
        self.redis = redis.Redis(self.layout, self._processes, self._credentials, tls)
        self._postgres = None
        if sqlite:
            file = folder / "ledger.db"
            self.ledger: SqliteLedger | PostgresLedger = SqliteLedger(file)
            self._ledger_url = f"sqlite:{file}"
        else:
            self._postgres = Postgres(self.layout, self._processes, self._credentials)
            self.ledger = PostgresLedger(self.layout, self._credentials, tls)
            url = self._postgres.url
            self._ledger_url = url if tls else url.partition("?")[0] + "?sslmode=disable"

    def up(self, roles: tuple[str, ...] = tuple(ROLES)) -> "Deployment":
        if self._postgres is not None:
            self._postgres.up()
        self.redis.up()
        for role in roles:
            self.start(role)
        return self

    def start(self, role: str) -> None:
        name = ROLES[role]
        cert, key = self.layout.pair(name)
        command = [
            *(self.layout.programs / "quotaplane", "serve", "--roles", role),
            *("--data-dir", self.layout.data / name, "--listen", self.layout.address(name)),
            *("--metrics-listen", f"127.0.0.1:{self.layout.metrics_port(name)}"),
            *("--policy", self._policy),
        ]
        if self._tls:
            command += ["--auth", self._credentials.auth_file, "--tls-cert", cert, "--tls-key", key]
        env = {"QUOTAPLANE_REDIS": self.redis.url, "QUOTAPLANE_LEDGER": self._ledger_url}
        self._processes.start(name, command, lambda: "ready:" in self._processes.output(name), env)

    def set_policy(self, document: str) -> None:
        """Returns when every process that is asked by it, or charges by it, has it."""
        name = "quotaplane_snapshot_changes_total"
        running = [role for role in ("quota", "ledger") if role in self._pids()]
        before = {role: self.metric(role, name) for role in running}
        self.layout.write(self._policy, document)
        for role in running:
            wait_until(lambda: self.metric(role, name) > before[role], f"{role} reads the policy")

    def down(self) -> None:
        for name in (*reversed(ROLES.values()), redis.NAME):
            self._processes.stop(name)
        self._processes.stop(POSTGRES, signal.SIGINT)

    def __enter__(self) -> "Deployment":
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def _pids(self) -> dict[str, int]:
        """By role, of what runs."""
        names = ROLES | {"redis": redis.NAME, "postgres": POSTGRES}
        found = {role: self._processes.pid(name) for role, name in names.items()}
        return {role: pid for role, pid in found.items() if pid is not None}

    def cpu_s(self) -> dict[str, float]:
        return {role: usage.cpu_s(pid) for role, pid in self._pids().items()}

    def memory_mib(self) -> dict[str, float]:
        return {role: usage.memory_mib(pid) for role, pid in self._pids().items()}

    def metric(self, role: str, name: str) -> float:
        url = f"http://127.0.0.1:{self.layout.metrics_port(ROLES[role])}/metrics"
        with urllib.request.urlopen(url, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    @property
    def port(self) -> int:
        """Where gateways call."""
        return self.layout.port(ROLES["quota"])

    def _access(self, token: str) -> list[object]:
        if not self._tls:
            return []
        return ["--tls-ca", self.layout.ca, "--token-file", self._credentials.token_file(token)]

    def apply(self, document: Path, org: str) -> None:
        """An org's whole state."""
        command = [
            *(self.layout.programs / "quotactl", "apply", "-f", document, "--org", org, "--yes"),
            *("--server", self.layout.address(ROLES["admin"]), "--timeout", "120s"),
            *self._access("root"),
        ]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode != 0:
            raise ClusterError(f"quotactl apply: {done.stdout}{done.stderr}")

    def loadgen(self, requests: int, *more: object) -> subprocess.Popen:
        command = [
            *(self.layout.programs / "loadgen", "--server", self.address),
            *("--org", ORG, "--json", "--requests", requests, "--concurrency", CONCURRENCY),
            *(*self._access("gateway"), *more),
        ]
        return subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def charge(self, requests: int, *more: object) -> dict:
        """Requests, as fast as they go unless `more` says otherwise; ends when nothing waits for the
        ledger, where that runs. What loadgen tells."""
        process = self.loadgen(requests, *more)
        out, errors = process.communicate()
        if process.returncode != 0:
            raise ClusterError(f"loadgen failed: {errors}")
        if "ledger" in self._pids():
            self.redis.wait_until_drained()
        return json.loads(out)
