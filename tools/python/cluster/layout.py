"""What there is, and where: names, ports and files of a cluster in its directory."""

import json
import os
import random
import socket
from pathlib import Path

# Blocks of ports begin here; they end below those that the kernel gives to clients.
FIRST_PORT = 17_400
LAST_PORT = 32_000
PORTS = 50

# Name, role, and its place in the block of ports.
SERVERS = {
    "quota-1": ("quota", 1),
    "quota-2": ("quota", 2),
    "quota-3": ("quota", 3),
    "ledger-1": ("ledger", 4),
    "ledger-2": ("ledger", 5),
    "reports-1": ("reports", 6),
    "admin-1": ("admin", 7),
    "alerts-1": ("alerts", 8),
}
ROLES = ("quota", "ledger", "reports", "admin", "alerts")
METRICS_OFFSET = 10
# How Redis is set up, and its servers: three masters with a replica each, or one with two.
CLUSTER, SENTINEL = "cluster", "sentinel"
REDIS = {
    CLUSTER: tuple(f"redis-{i + 1}" for i in range(6)),
    SENTINEL: tuple(f"redis-{i + 1}" for i in range(3)),
}
REDIS_OFFSET = 20
SENTINELS = tuple(f"sentinel-{i + 1}" for i in range(3))
SENTINELS_OFFSET = 26
BUS_OFFSET = 30
POSTGRES, PROMETHEUS, ALERTMANAGER = "postgres", "prometheus", "alertmanager"
OTHERS = {POSTGRES: 40, PROMETHEUS: 41, ALERTMANAGER: 42}
DEMO_POLICY = Path(__file__).resolve().parents[3] / "tools/loadgen/demo_policy.yaml"


class ClusterError(Exception):
    """What went wrong, for people."""


def default_dir() -> Path:
    return Path(f"/var/tmp/quotaplane-cluster-{os.geteuid()}")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_block() -> int:
    """Any one, since others may look for theirs at the same time."""
    blocks = range(FIRST_PORT, LAST_PORT, PORTS)
    for base in random.sample(blocks, len(blocks)):
        if all(is_free(port) for port in range(base, base + PORTS)):
            return base
    raise ClusterError("there is no block of free ports on 127.0.0.1")


class Layout:
    """Paths below `dir`, and ports, which stay the same as long as the directory does."""

    def __init__(self, dir: Path) -> None:
        self.dir = dir.absolute()
        self.certificates = self.dir / "certificates"
        self.secrets = self.dir / "secrets"
        self.logs = self.dir / "logs"
        self.run = self.dir / "run"
        self.data = self.dir / "data"
        self._state_file = self.dir / "state.json"

    def exists(self) -> bool:
        return self._state_file.exists()

    def claim(self) -> None:
        """The directory, which nobody else has a use for."""
        try:
            self.dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        except OSError as error:
            raise ClusterError(f"{self.dir}: {error.strerror}") from None
        if self.dir.stat().st_uid != os.geteuid():
            raise ClusterError(f"{self.dir} is somebody else's")
        if not self.exists() and any(self.dir.iterdir()):
            raise ClusterError(f"{self.dir} has other things in it: --dir another one")

    def create(
        self, programs: Path, policy: Path | None = None, topology: str | None = None
    ) -> None:
        """State and what is below; what is there stays. `topology` is that of Redis. Of both, none: as
        it is, or else the demonstration's, and a Cluster."""
        if self.exists() and topology not in (None, self.topology):
            raise ClusterError(
                f"Redis in {self.dir} is {self.topology!r}, and stays so: --dir another one, or "
                "`down --remove` first"
            )
        if self.exists():
            state = self._state()
        else:
            state = {"base_port": free_block(), "topology": topology or CLUSTER}
            policy = policy or DEMO_POLICY
        state["programs"] = str(programs.absolute())
        if policy is not None:
            state["policy"] = str(policy.absolute())
        self.write(self._state_file, json.dumps(state))
        # PostgreSQL runs as a user of its own and passes through.
        self.dir.chmod(0o711)
        for folder in (self.certificates, self.secrets, self.logs, self.run, self.data):
            folder.mkdir(mode=0o700, exist_ok=True)
        self.data.chmod(0o711)

    def _state(self) -> dict:
        if not self.exists():
            raise ClusterError(f"there is no cluster in {self.dir}")
        return json.loads(self._state_file.read_text())

    def write(self, path: Path, text: str, mode: int = 0o600) -> None:
        """In one step, as a reader may look at any time."""
        new = path.with_name(path.name + ".new")
        new.write_text(text)
        new.chmod(mode)
        new.rename(path)

    @property
    def programs(self) -> Path:
        return Path(self._state()["programs"])

    @property
    def policy(self) -> Path:
        return Path(self._state()["policy"])

    @property
    def topology(self) -> str:
        return self._state().get("topology", CLUSTER)

    @property
    def redis_nodes(self) -> tuple[str, ...]:
        return REDIS[self.topology]

    @property
    def redis_processes(self) -> tuple[str, ...]:
        """As they start."""
        return self.redis_nodes + (SENTINELS if self.topology == SENTINEL else ())

    @property
    def certified(self) -> tuple[str, ...]:
        """Those that show a certificate."""
        return (*SERVERS, *self.redis_processes, POSTGRES)

    def port(self, name: str) -> int:
        base = self._state()["base_port"]
        if name in SERVERS:
            return base + SERVERS[name][1]
        if name in SENTINELS:
            return base + SENTINELS_OFFSET + SENTINELS.index(name)
        if name in self.redis_nodes:
            return base + REDIS_OFFSET + self.redis_nodes.index(name)
        return base + OTHERS[name]

    def ports(self, name: str) -> list[int]:
        """All that a process listens on."""
        ports = [self.port(name)]
        if name in SERVERS:
            ports.append(self.metrics_port(name))
        if name in self.redis_nodes and self.topology == CLUSTER:
            ports.append(self.bus_port(name))
        return ports

    def metrics_port(self, server: str) -> int:
        return self.port(server) + METRICS_OFFSET

    def bus_port(self, redis: str) -> int:
        return self.port(redis) + BUS_OFFSET - REDIS_OFFSET

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.port(name)}"

    def pair(self, name: str) -> tuple[Path, Path]:
        """Certificate and key."""
        return self.certificates / f"{name}.crt", self.certificates / f"{name}.key"

    @property
    def ca(self) -> Path:
        return self.certificates / "authority.crt"
