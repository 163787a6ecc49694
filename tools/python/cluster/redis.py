"""The counter store: Redis servers, some of them masters, each of which others are ready to replace.

What both topologies have in common, and what is asked of them: a Redis Cluster (redis_cluster.py), or
one master with Sentinels (redis_sentinel.py).
"""

import signal
import time
from abc import ABC, abstractmethod
from pathlib import Path

from .credentials import Credentials
from .layout import ClusterError, Layout
from .processes import Processes, wait_for, wait_until
from .resp import Resp, RespError

# Without a sign of life, a master counts as failed.
SILENCE_MS = 1_500
# Over which calls are counted.
RATE_S = 0.5
COUNTERS_MAY = "~{p* ~{quotaplane}* +@read +@write +@scripting +@connection +time"
AWAY = (OSError, RespError)  # the latter: it still loads its data


def fields(info: str) -> dict[str, str]:
    return dict(line.split(":", 1) for line in info.splitlines() if ":" in line)


class Redis(ABC):
    """Servers over TLS, users with passwords. That of the counters may do what they need, and no more."""

    # Beyond COUNTERS_MAY.
    counters_may_also: str

    def __init__(self, layout: Layout, processes: Processes, credentials: Credentials) -> None:
        self.layout = layout
        self.processes = processes
        self.credentials = credentials
        self.nodes = layout.redis_nodes

    @property
    @abstractmethod
    def url(self) -> str:
        """What Quotaplane is given."""

    @abstractmethod
    def up(self) -> None:
        """Starts what does not run; returns when all is well."""

    @abstractmethod
    def is_well(self) -> bool:
        """All run, every master has its replicas, and everybody agrees on who is what."""

    @abstractmethod
    def _config(self, name: str) -> list[str]:
        """Lines of one node's configuration, beyond what every one has."""

    @abstractmethod
    def _replicas_of(self, master: str) -> list[str]:
        """Those that may take over from it."""

    @abstractmethod
    def _hand_over(self, master: str, replicas: list[str]) -> None:
        """Sees to it that one of them becomes master, and no write is lost."""

    def tls_config(self, name: str) -> list[str]:
        cert, key = self.layout.pair(name)
        return [
            *("port 0", "bind 127.0.0.1", f"tls-port {self.layout.port(name)}"),
            *(f"tls-cert-file {cert}", f"tls-key-file {key}", f"tls-ca-cert-file {self.layout.ca}"),
            *("tls-auth-clients no", "tls-replication yes"),
        ]

    def folder(self, name: str) -> Path:
        path = self.layout.data / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def _configure(self, name: str) -> None:
        password, admin = map(self.credentials.password, ("redis", "redis-admin"))
        folder = self.folder(name)
        lines = [
            *self.tls_config(name),
            *(f"dir {folder}", "appendonly yes", "appendfsync everysec", 'save ""'),
            # Rarely: while a master and its replica rewrite, they take two cores from everybody else.
            "auto-aof-rewrite-min-size 512mb",
            *("maxmemory-policy noeviction", "repl-diskless-sync-delay 0"),
            # The default user stays on, with a password. Redis 7.0 reads its append-only file as that
            # user, and passes over every transaction in it, that is over every charge, that the user
            # may not make.
            *(f"user default on >{admin} ~* &* +@all", f"masterauth {admin}"),
            f"user quotaplane on >{password} {COUNTERS_MAY} {self.counters_may_also}",
            *self._config(name),
        ]
        self.layout.write(folder / "redis.conf", "\n".join(lines) + "\n")

    def connect(self, name: str) -> Resp:
        password = self.credentials.password("redis-admin")
        return Resp(self.layout.port(name), self.layout.ca, "default", password)

    def ask(self, name: str, *command: object) -> object:
        with self.connect(name) as redis:
            return redis(*command)

    def answers(self, name: str) -> bool:
        try:
            return self.ask(name, "PING") == "PONG"
        except AWAY:
            return False

    def start(self, name: str) -> None:
        if self.processes.pid(name) is None:
            self._configure(name)
        command = ["redis-server", self.folder(name) / "redis.conf"]
        self.processes.start(name, command, lambda: self.answers(name))

    def wait_until_well(self) -> None:
        wait_until(self.is_well, "Redis is well")

    def role(self, name: str) -> str:
        try:
            role = fields(self.ask(name, "INFO", "replication"))["role"]
        except AWAY:
            return "away"
        return "master" if role == "master" else "replica"

    def restart(self, name: str) -> None:
        """A master hands over first."""
        if self.role(name) == "master":
            self._take_over_from(name, planned=True)
        self.processes.stop(name)
        self.start(name)
        self.wait_until_well()

    def _scripts_run(self, name: str) -> int:
        stats = fields(self.ask(name, "INFO", "commandstats")).get("cmdstat_evalsha", "calls=0")
        return int(stats.split(",")[0].removeprefix("calls="))

    def _busiest(self) -> str:
        """Of the masters, by the calls of gateways, which are scripts; replicas that look at the board
        are not."""
        masters = [name for name in self.nodes if self.role(name) == "master"]
        if not masters:
            raise ClusterError("no Redis master answers")
        before = {name: self._scripts_run(name) for name in masters}
        time.sleep(RATE_S)
        return max(masters, key=lambda name: self._scripts_run(name) - before[name])

    def _is_master(self, name: str) -> bool:
        """And is known to be."""
        return self.role(name) == "master"

    def successor_among(self, replicas: list[str]) -> str:
        """Whoever of them becomes master."""
        return wait_for(
            lambda: next(filter(self._is_master, replicas), None),
            f"{' or '.join(replicas)} becomes master",
        )

    def _take_over_from(self, master: str, planned: bool) -> str:
        """By whom, which is master when this returns."""
        replicas = self._replicas_of(master)
        if planned:
            self._hand_over(master, replicas)
        else:
            self.processes.stop(master, signal.SIGKILL)
        return self.successor_among(replicas)

    def fail_over(self, planned: bool) -> tuple[str, str]:
        """The busiest master goes and a replica takes over; who, and who. Planned: it hands over and
        nothing is lost. Otherwise it is killed. It comes back as a replica."""
        away = [name for name in self.layout.redis_processes if self.processes.pid(name) is None]
        if away:
            raise ClusterError(f"{', '.join(away)} must run first: `up` starts what does not")
        self.wait_until_well()
        master = self._busiest()
        successor = self._take_over_from(master, planned)
        self.start(master)
        self.wait_until_well()
        return master, successor

    def reload_certificate(self, name: str) -> None:
        cert, key = self.layout.pair(name)
        self.ask(name, "CONFIG", "SET", "tls-cert-file", cert, "tls-key-file", key)
