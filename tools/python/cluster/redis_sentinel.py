"""One Redis master with two replicas, and three Sentinels that agree on who it is.

A Sentinel writes into its own configuration what it learns: that file is made once. Quotaplane asks
Sentinels without a password, so whoever comes without one may ask that question, and nothing else.
"""

from .layout import SENTINELS
from .processes import wait_until
from .redis import AWAY, SILENCE_MS, Redis, fields
from .resp import Resp, RespError

MASTER_NAME = "main"
QUORUM = 2
# An election that came to nothing is repeated after twice as long.
FAILOVER_TIMEOUT_MS = 5_000
# Writes wait so long at most while a master hands over.
PAUSE_MS = 10_000
PAUSE_S = PAUSE_MS / 1e3
# On the servers, and among themselves.
SENTINELS_MAY = (
    "allchannels +multi +exec +ping +info +role +replicaof +slaveof +publish +subscribe "
    "+config|rewrite +client|setname +client|kill +script|kill"
)
ANYBODY_MAY = "-@all +ping +sentinel|get-master-addr-by-name"


class RedisSentinel(Redis):
    # Whether it is the master that it is connected to.
    counters_may_also = "+role"

    @property
    def url(self) -> str:
        sentinels = ",".join(map(self.layout.address, SENTINELS))
        login = f"quotaplane:{self.credentials.password('redis')}"
        return f"rediss+sentinel://{login}@{sentinels}/{MASTER_NAME}?cafile={self.layout.ca}"

    def _config(self, name: str) -> list[str]:
        lines = [f"user sentinel on >{self.credentials.password('sentinel')} {SENTINELS_MAY}"]
        port = self._master_port()
        if port != self.layout.port(name):
            lines.append(f"replicaof 127.0.0.1 {port}")
        return lines

    def _configure_sentinel(self, name: str) -> None:
        path = self.folder(name) / "sentinel.conf"
        if path.exists():
            return
        password = self.credentials.password("sentinel")
        lines = [
            *self.tls_config(name),
            *(f"dir {path.parent}", f"user default on nopass {ANYBODY_MAY}"),
            f"user sentinel on >{password} &* +@all",
            *("sentinel sentinel-user sentinel", f"sentinel sentinel-pass {password}"),
            f"sentinel monitor {MASTER_NAME} 127.0.0.1 {self._master_port()} {QUORUM}",
            f"sentinel auth-user {MASTER_NAME} sentinel",
            f"sentinel auth-pass {MASTER_NAME} {password}",
            f"sentinel down-after-milliseconds {MASTER_NAME} {SILENCE_MS}",
            f"sentinel failover-timeout {MASTER_NAME} {FAILOVER_TIMEOUT_MS}",
        ]
        self.layout.write(path, "\n".join(lines) + "\n")

    def connect(self, name: str) -> Resp:
        if name not in SENTINELS:
            return super().connect(name)
        password = self.credentials.password("sentinel")
        return Resp(self.layout.port(name), self.layout.ca, "sentinel", password)

    def _master_port(self) -> int:
        """Who is master, as most Sentinels wrote down; the first node where nobody was asked yet."""
        said = []
        for name in SENTINELS:
            try:
                lines = (self.layout.data / name / "sentinel.conf").read_text().splitlines()
            except FileNotFoundError:
                continue
            words = next(line.split() for line in lines if line.startswith("sentinel monitor "))
            said.append(int(words[4]))
        return max(said, key=said.count, default=self.layout.port(self.nodes[0]))

    def _known_master(self) -> str | None:
        """Of whom all Sentinels say so."""
        try:
            said = {
                self.ask(name, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME)[1]
                for name in SENTINELS
            }
        except AWAY:
            return None
        ports = {str(self.layout.port(name)): name for name in self.nodes}
        return ports.get(said.pop()) if len(said) == 1 else None

    def start(self, name: str) -> None:
        if name not in SENTINELS:
            super().start(name)
        else:
            self._configure_sentinel(name)
            command = ["redis-sentinel", self.folder(name) / "sentinel.conf"]
            self.processes.start(name, command, lambda: self.answers(name))

    def up(self) -> None:
        for name in (*self.nodes, *SENTINELS):
            self.start(name)
        self.wait_until_well()

    def role(self, name: str) -> str:
        return "sentinel" if name in SENTINELS else super().role(name)

    def _sees_all(self, sentinel: str) -> bool:
        def is_well(words: list[str], kind: str) -> bool:
            return dict(zip(words[::2], words[1::2]))["flags"] == kind

        with self.connect(sentinel) as ask:
            master = ask("SENTINEL", "MASTER", MASTER_NAME)
            replicas = ask("SENTINEL", "REPLICAS", MASTER_NAME)
            others = ask("SENTINEL", "SENTINELS", MASTER_NAME)
        return (
            (len(replicas), len(others)) == (len(self.nodes) - 1, len(SENTINELS) - 1)
            and is_well(master, "master")
            and all(is_well(replica, "slave") for replica in replicas)
            and all(is_well(other, "sentinel") for other in others)
        )

    def is_well(self) -> bool:
        master = self._known_master()
        if master is None:
            return False
        try:
            views = {name: fields(self.ask(name, "INFO", "replication")) for name in self.nodes}
            seen = all(map(self._sees_all, SENTINELS))
        except AWAY:
            return False
        of_master = views.pop(master)
        port = str(self.layout.port(master))
        return (
            seen
            and of_master["role"] == "master"
            and all("state=online" in of_master.get(f"slave{i}", "") for i in range(len(views)))
            and all(
                (view.get("master_port"), view.get("master_link_status")) == (port, "up")
                for view in views.values()
            )
        )

    def _replicas_of(self, master: str) -> list[str]:
        return [name for name in self.nodes if name != master]

    def _is_master(self, name: str) -> bool:
        return super()._is_master(name) and self._known_master() == name

    def _hand_over(self, master: str, replicas: list[str]) -> None:
        """Sentinels alone would leave behind what the master was told last, and it would go on as one
        for some seconds. So writes wait until the replicas have all and one of them is master; then
        it becomes a replica, and what waited is refused and goes to the other."""
        with self.connect(master) as redis:
            redis("CLIENT", "PAUSE", PAUSE_MS, "WRITE")
            try:
                written = int(fields(redis("INFO", "replication"))["master_repl_offset"])
                self._wait_for_offset(replicas, written)
                wait_until(self._begin_failover, "Sentinels begin a failover", PAUSE_S)
                successor = self.successor_among(replicas)
                redis("REPLICAOF", "127.0.0.1", self.layout.port(successor))
            finally:
                redis("CLIENT", "UNPAUSE")

    def _wait_for_offset(self, replicas: list[str], offset: int) -> None:
        def has_all(name: str) -> bool:
            return int(fields(self.ask(name, "INFO", "replication"))["slave_repl_offset"]) >= offset

        wait_until(lambda: all(map(has_all, replicas)), "replicas have all", PAUSE_S)

    def _begin_failover(self) -> bool:
        try:
            return self.ask(SENTINELS[0], "SENTINEL", "FAILOVER", MASTER_NAME) == "OK"
        except RespError as error:  # one before it is hardly over
            if "INPROG" in str(error) or "NOGOODSLAVE" in str(error):
                return False
            raise

    def reload_certificate(self, name: str) -> None:
        if name in SENTINELS:  # which read theirs at the start; the others go on meanwhile
            self.restart(name)
        else:
            super().reload_certificate(name)
