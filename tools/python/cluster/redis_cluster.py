"""A Redis Cluster: three masters, each with a replica."""

from .processes import wait_until
from .redis import AWAY, SILENCE_MS, Redis, fields
from .resp import RespError

MASTERS = 3
SLOTS = 16_384


class RedisCluster(Redis):
    counters_may_also = "+cluster|slots"

    @property
    def url(self) -> str:
        nodes = ",".join(map(self.layout.address, self.nodes))
        password = self.credentials.password("redis")
        return f"rediss+cluster://quotaplane:{password}@{nodes}?cafile={self.layout.ca}"

    def _config(self, name: str) -> list[str]:
        bus = self.layout.bus_port(name)
        return [
            *("cluster-enabled yes", "tls-cluster yes", "cluster-announce-ip 127.0.0.1"),
            *(f"cluster-port {bus}", f"cluster-announce-bus-port {bus}"),
            f"cluster-node-timeout {SILENCE_MS}",
            *("cluster-replica-validity-factor 0", "cluster-allow-replica-migration no"),
            # Orgs whose partition is well go on while another's has no master.
            "cluster-require-full-coverage no",
        ]

    def up(self) -> None:
        for name in self.nodes:
            self.start(name)
        if not all(map(self._is_formed, self.nodes)):
            self._form()
        self.wait_until_well()

    def _is_formed(self, name: str) -> bool:
        """By what it has written down: true from when the cluster was well for the first time."""
        with self.connect(name) as redis:
            slots = int(fields(redis("CLUSTER", "INFO"))["cluster_slots_assigned"])
            flags = [line.split()[2] for line in redis("CLUSTER", "NODES").splitlines()]
        replicas = sum("slave" in each for each in flags)
        return (slots, len(flags), replicas) == (SLOTS, len(self.nodes), len(self.nodes) - MASTERS)

    def _form(self) -> None:
        for name in self.nodes:
            # Whoever came this far may have been killed. A master that has data refuses.
            self.ask(name, "CLUSTER", "RESET", "HARD")
        ids = {name: self.ask(name, "CLUSTER", "MYID") for name in self.nodes}
        for i, name in enumerate(self.nodes):
            self.ask(name, "CLUSTER", "SET-CONFIG-EPOCH", i + 1)
            if i < MASTERS:
                first, end = SLOTS * i // MASTERS, SLOTS * (i + 1) // MASTERS
                self.ask(name, "CLUSTER", "ADDSLOTSRANGE", first, end - 1)
            # Everybody meets everybody: faster than waiting for gossip to spread the word.
            for other in self.nodes[:i]:
                port, bus = self.layout.port(other), self.layout.bus_port(other)
                self.ask(name, "CLUSTER", "MEET", "127.0.0.1", port, bus)
        for i, name in enumerate(self.nodes[MASTERS:]):
            wait_until(lambda: self._follow(name, ids[self.nodes[i]]), f"{name} follows its master")

    def _follow(self, name: str, master_id: str) -> bool:
        try:
            return self.ask(name, "CLUSTER", "REPLICATE", master_id) == "OK"
        except RespError:  # it has not heard of its master
            return False

    def _view(self, name: str) -> list[tuple[str, ...]] | None:
        """Who is whose, as one node sees it; none where something is not well."""
        try:
            with self.connect(name) as redis:
                info = fields(redis("CLUSTER", "INFO"))
                nodes = [line.split() for line in redis("CLUSTER", "NODES").splitlines()]
                replication = fields(redis("INFO", "replication"))
        except AWAY:
            return None
        if info["cluster_state"] != "ok" or int(info["cluster_slots_ok"]) != SLOTS:
            return None
        if any("fail" in node[2] or "handshake" in node[2] for node in nodes):
            return None
        if replication["role"] == "slave":
            if replication["master_link_status"] != "up":
                return None
        elif (
            int(replication["connected_slaves"]) != 1 or "state=online" not in replication["slave0"]
        ):
            return None
        return sorted((node[0], node[2].replace("myself,", ""), node[3]) for node in nodes)

    def is_well(self) -> bool:
        views = [self._view(name) for name in self.nodes]
        return (
            None not in views
            and len(views[0]) == len(self.nodes)
            and all(view == views[0] for view in views)
        )

    def _replicas_of(self, master: str) -> list[str]:
        with self.connect(master) as redis:
            listed = redis("CLUSTER", "REPLICAS", redis("CLUSTER", "MYID"))
        ports = {int(line.split()[1].split("@")[0].rpartition(":")[2]) for line in listed}
        return [name for name in self.nodes if self.layout.port(name) in ports]

    def _hand_over(self, master: str, replicas: list[str]) -> None:
        self.ask(replicas[0], "CLUSTER", "FAILOVER")
