"""The whole of it: up, down, and what is done to it while it runs."""

import fcntl
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from .certificates import Authority
from .credentials import Credentials
from .layout import (
    ALERTMANAGER,
    CLUSTER,
    POSTGRES,
    PROMETHEUS,
    ROLES,
    SENTINEL,
    SERVERS,
    ClusterError,
    Layout,
)
from .monitoring import Monitoring
from .postgres import Postgres
from .processes import Processes
from .redis import Redis
from .redis_cluster import RedisCluster
from .redis_sentinel import RedisSentinel
from .servers import Servers

TOPOLOGIES: dict[str, type[Redis]] = {CLUSTER: RedisCluster, SENTINEL: RedisSentinel}


class Cluster:
    """In `dir`, there already or not yet. With `bound`, nothing of it outlives this program."""

    def __init__(self, dir: Path, bound: bool = False) -> None:
        self.layout = Layout(dir)
        self._processes = Processes(self.layout, bound)
        self._lock_fd: int | None = None

    def _assemble(self) -> None:
        credentials = Credentials(self.layout)
        self.authority = Authority(self.layout)
        self.redis = TOPOLOGIES[self.layout.topology](self.layout, self._processes, credentials)
        self.postgres = Postgres(self.layout, self._processes, credentials)
        self.monitoring = Monitoring(self.layout, self._processes)
        self.credentials = credentials
        self.servers = Servers(
            self.layout, self._processes, credentials, self.redis.url, self.postgres.url
        )

    def _lock(self) -> None:
        """One program at a time changes a cluster. Held until this one ends, however it does."""
        if self._lock_fd is None:
            self._lock_fd = os.open(self.layout.dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClusterError(f"another program is at work on {self.layout.dir}") from None

    @property
    def _order(self) -> tuple[str, ...]:
        """As they start; they stop the other way round."""
        return (POSTGRES, *self.layout.redis_processes, ALERTMANAGER, *SERVERS, PROMETHEUS)

    def open(self, to_change: bool = False) -> "Cluster":
        """One that is there."""
        if not self.layout.exists():
            raise ClusterError(f"there is no cluster in {self.layout.dir}; `up` makes one")
        if to_change:
            self._lock()
        self._assemble()
        return self

    def up(
        self,
        programs: Path,
        policy: Path | None,
        topology: str | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """What runs already stays as it is. The rest as Layout.create has it."""
        self.layout.claim()
        self._lock()
        self.layout.create(programs, policy, topology)
        Credentials(self.layout).create()
        authority = Authority(self.layout)
        authority.create()
        authority.issue_missing(self.layout.certified)
        self._assemble()
        say("PostgreSQL")
        self.postgres.up()
        say("Redis")
        self.redis.up()
        say("Quotaplane")
        self.servers.migrate()
        self.servers.write_receivers()
        for name in SERVERS:
            self.servers.start(name)
        say("Prometheus, Alertmanager")
        self.monitoring.up()

    def down(self, remove: bool = False) -> None:
        if not self.layout.exists():
            return
        self._lock()
        for name in reversed(self._order):
            self._processes.stop(name, signal.SIGINT if name == POSTGRES else signal.SIGTERM)
        if remove:
            shutil.rmtree(self.layout.dir)

    def restart(self, what: str) -> list[str]:
        """A role, or a process by its name; one after the other. What was restarted."""
        roles = {name: role for name, (role, _) in SERVERS.items()}
        roles |= {name: name.rpartition("-")[0] for name in self.layout.redis_processes}
        roles |= {name: name for name in (POSTGRES, PROMETHEUS, ALERTMANAGER)}
        names = [name for name, role in roles.items() if what in (name, role)]
        if not names:
            known = ", ".join(dict.fromkeys((*ROLES, *roles.values(), *roles)))
            raise ClusterError(f"there is no {what!r}: {known}")
        for name in names:
            self._restart_one(name)
        return names

    def _restart_one(self, name: str) -> None:
        if name == POSTGRES:
            self.postgres.restart()
        elif name in self.layout.redis_processes:
            self.redis.restart(name)
        elif name in SERVERS:
            self.servers.restart(name)
        else:
            self._processes.stop(name)
            self.monitoring.up()

    def rotate_certificates(self) -> list[str]:
        """New pairs for every server; returns when new connections see them."""
        names = list(self.layout.certified)
        for name in names:
            self.authority.issue(name)
        for name in self.layout.redis_processes:
            self.redis.reload_certificate(name)
        self.postgres.reload_certificate()
        for name in SERVERS:
            self.servers.wait_for_certificate(name)
        return names

    def pids(self) -> dict[str, int]:
        """Of what runs."""
        if not self.layout.exists():
            return {}
        found = {name: self._processes.pid(name) for name in self._order}
        return {name: pid for name, pid in found.items() if pid is not None}

    def status(self) -> list[dict]:
        """A row for each process, as it starts."""
        rows = []
        pids = self.pids()
        for name in self._order:
            row = {"name": name, "role": SERVERS[name][0] if name in SERVERS else name}
            if name in self.layout.redis_processes:
                row["role"] = f"redis {self.redis.role(name)}" if name in pids else "redis"
            row |= {"address": self.layout.address(name), "pid": pids.get(name)}
            if name in SERVERS:
                row["metrics"] = f"127.0.0.1:{self.layout.metrics_port(name)}"
            row |= {"running": name in pids, "log": str(self._processes.log(name))}
            rows.append(row)
        return rows

    def gateways(self) -> str:
        """The addresses of the replicas, as `loadgen --server` takes them."""
        names = [name for name, (role, _) in SERVERS.items() if role == "quota"]
        return ",".join(self.layout.address(name) for name in names)
