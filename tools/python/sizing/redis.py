"""One Redis server, plain or with TLS, and what is in it."""

import json
import os
import subprocess
from pathlib import Path

from cluster.credentials import Credentials
from cluster.layout import ClusterError, Layout
from cluster.processes import Processes, wait_until

NAME = "redis-1"
# By the letter of a key (libs/counters/redis/layout.h): how many there are, their bytes, and how many
# members those have that have members. Reservations that have ended have a TTL.
KINDS = """
local members = {o = 'XLEN', a = 'XLEN', x = 'ZCARD', g = 'LLEN'}
local kinds, cursor = {}, '0'
repeat
  local page = redis.call('SCAN', cursor, 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    local kind = key:match('^{p%d+}(%a)') or 'other'
    local count = members[kind] and redis.call(members[kind], key) or 0
    if kind == 'r' and redis.call('PTTL', key) >= 0 then kind = 'ended' end
    local seen = kinds[kind] or {keys = 0, bytes = 0, members = 0}
    kinds[kind] = seen
    seen.keys = seen.keys + 1
    seen.bytes = seen.bytes + redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0)
    seen.members = seen.members + count
  end
until cursor == '0'
return cjson.encode(kinds)
"""
WAITING = """
local waiting = 0
for partition = 0, 63 do waiting = waiting + redis.call('XLEN', '{p' .. partition .. '}o') end
return waiting
"""
Kinds = dict[str, dict[str, int]]


class Redis:
    def __init__(
        self, layout: Layout, processes: Processes, credentials: Credentials, tls: bool,
        name: str = NAME,
    ) -> None:  # fmt: skip
        self.name = name
        self._layout = layout
        self._processes = processes
        self._password = credentials.password("redis")
        self._tls = tls
        self._home = layout.data / name
        self._socket = self._home / "redis.sock"

    @property
    def url(self) -> str:
        scheme, query = ("rediss", f"?cafile={self._layout.ca}") if self._tls else ("redis", "")
        return f"{scheme}://:{self._password}@{self._layout.address(self.name)}{query}"

    def _config(self) -> list[str]:
        port = self._layout.port(self.name)
        cert, key = self._layout.pair(self.name)
        tls = [
            *("port 0", f"tls-port {port}", "tls-auth-clients no"),
            *(f"tls-cert-file {cert}", f"tls-key-file {key}"),
            f"tls-ca-cert-file {self._layout.ca}",
        ]
        return [
            *(tls if self._tls else [f"port {port}"]),
            *("bind 127.0.0.1", f"unixsocket {self._socket}", "unixsocketperm 700"),
            *(f"dir {self._home}", f"requirepass {self._password}"),
            *("appendonly yes", "appendfsync everysec", 'save ""', "maxmemory-policy noeviction"),
            # All that is written stays, to be counted.
            "auto-aof-rewrite-percentage 0",
        ]

    def up(self) -> None:
        self._home.mkdir(mode=0o700)
        config = self._home / "redis.conf"
        self._layout.write(config, "\n".join(self._config()) + "\n")
        self._processes.start(self.name, ["redis-server", config], self._answers)

    def _answers(self) -> bool:
        try:
            return self.ask("PING") == "PONG"
        except ClusterError:  # it loads, or has not begun to listen
            return False

    def ask(self, *command: object) -> str:
        done = subprocess.run(
            ["redis-cli", "-s", str(self._socket), "--raw", "-e", *map(str, command)],
            env=os.environ | {"REDISCLI_AUTH": self._password}, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode != 0:
            raise ClusterError(f"redis-cli {command[0]}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def info(self, section: str) -> dict[str, str]:
        lines = self.ask("INFO", section).splitlines()
        return dict(line.strip().split(":", 1) for line in lines if ":" in line)

    def kinds(self) -> Kinds:
        return json.loads(self.ask("EVAL", KINDS, 0))

    def waiting(self) -> int:
        """Charges that the ledger has not taken."""
        return int(self.ask("EVAL", WAITING, 0))

    def wait_until_drained(self) -> None:
        wait_until(lambda: self.waiting() == 0, "the ledger takes what waits", seconds=300)

    def totals(self) -> dict[str, int]:
        """Bytes: in memory, written to the append-only file, received and sent."""
        stats = self.info("stats")
        return {
            "used": int(self.info("memory")["used_memory"]),
            "aof": int(self.info("persistence")["aof_current_size"]),
            "received": int(stats["total_net_input_bytes"]),
            "sent": int(stats["total_net_output_bytes"]),
        }
