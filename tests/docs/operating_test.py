#!/usr/bin/env python3
"""docs/operating.md as a reader pastes it, in one terminal: an embedded server moves to a Redis and a
PostgreSQL, is stopped, gets another replica, is restored from a backup, loses its Redis, and moves to a
Cluster. Nothing that was charged is lost on the way. (Its figures: operating_figures_test.py.)

Usage: operating_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
import document
from blocks import ROOT, blocks_in
from waiting import poll

sys.path.append(str(ROOT / "tools/python"))
from cluster.certificates import Authority
from cluster.credentials import Credentials
from cluster.layout import POSTGRES, Layout
from cluster.postgres import Postgres
from cluster.processes import Processes
from sizing.redis import Redis

DOC = (ROOT / "docs/operating.md").read_text()
BLOCK = re.compile(r"(?s)```bash\n(.*?)```")
POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
unpriced_models: flag
limits:
  - {id: user-month, per: [user], unit: usd, amount: 100, window: month}
"""
# What the document calls them, and whose they are here.
PORTS = {"741": "quota-1", "742": "ledger-1", "743": "quota-2", "744": "admin-1"}
PLAN_BLOCK = next(block for block in BLOCK.findall(DOC) if "tools/bench" in block)
READY = "curl -fsS --retry 60 --retry-delay 1 --retry-connrefused http://127.0.0.1:7412/readyz"
EMBEDDED = "--server localhost:7441"
GATEWAY = "--server localhost:7411 --token-file gateway.token"
USD = 10**9
CHARGE = 800_000_000  # a million tokens of claude-3-5-haiku
PASTE_S = 120
WAIT_S = 60


class ClusterOfOne(Redis):
    """A Redis Cluster whose one master has every slot."""

    @property
    def url(self) -> str:
        return super().url.replace("rediss:", "rediss+cluster:")

    def _config(self) -> list[str]:
        bus = self._layout.bus_port(self.name)
        more = [f"cluster-port {bus}", "cluster-announce-ip 127.0.0.1", "tls-cluster yes"]
        return [*super()._config(), "cluster-enabled yes", *more]

    def up(self) -> None:
        super().up()
        self.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16383)


class Terminal:
    """A shell in which blocks are pasted, one after the other. What they start ends with it."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._folder = folder
        self._blocks = 0
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=folder, env=env, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        # Also where this program is killed, and its input ends.
        self._shell.stdin.write("trap 'kill $(jobs -p) 2> /dev/null' EXIT\n")

    def paste(self, block: str) -> str:
        """What it prints; it ends well."""
        self._blocks += 1
        end = f"== the end of block {self._blocks}"
        file = self._folder / f"block-{self._blocks}.sh"
        file.write_text(block)
        self._shell.stdin.write(f"set -euo pipefail; source {file} < /dev/null; echo; echo '{end}'\n")
        self._shell.stdin.flush()
        watch = threading.Timer(PASTE_S, self._signal, [signal.SIGKILL])
        watch.start()
        lines: list[str] = []
        for line in self._shell.stdout:
            if line.strip() == end:
                break
            lines.append(line)
        watch.cancel()
        if self._shell.poll() is not None or not line.startswith(end):
            raise AssertionError(f"{block}\n{''.join(lines)}")
        return "".join(lines)

    def _signal(self, how: signal.Signals) -> bool:
        try:
            os.killpg(self._shell.pid, how)
        except ProcessLookupError:
            return False
        return True

    def close(self) -> None:
        deadline = time.monotonic() + 30
        how = signal.SIGTERM
        while self._signal(how):
            self._shell.poll()
            if time.monotonic() > deadline:
                how = signal.SIGKILL
            time.sleep(0.05)
        self._shell.wait()
        self._shell.stdin.close()
        self._shell.stdout.close()


class OperatingTest(document.Followed):
    DOCUMENT = "docs/operating.md"

    def setUp(self) -> None:
        super().setUp()
        # PostgreSQL runs as a user of its own and passes through.
        folder = tempfile.TemporaryDirectory(prefix="qp-operating-", dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o711)
        self.work = self.folder / "work"
        self.work.mkdir()
        (self.work / "tools").symlink_to(ROOT / "tools")
        (self.work / "policy.yaml").write_text(POLICY)
        self.start_stores()
        path = f"{document.OPTIONS.programs}:{os.environ['PATH']}"
        env = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        env |= {"PATH": path, "HOME": str(self.work), "DATABASE_URL": self.postgres.url}
        env |= {"REDIS_URL": self.redis.url, "NEW_REDIS_URL": self.cluster.url}
        self.terminal = Terminal(self.work, env)
        self.addCleanup(self.terminal.close)

    def start_stores(self) -> None:
        self.layout = Layout(self.folder / "stores")
        self.layout.claim()
        self.layout.create(document.OPTIONS.programs, self.work / "policy.yaml")
        processes = Processes(self.layout, bound=True)
        credentials = Credentials(self.layout)
        credentials.create()
        authority = Authority(self.layout)
        authority.create()
        authority.issue_missing((POSTGRES, "redis-1", "redis-2"))
        self.postgres = Postgres(self.layout, processes, credentials)
        self.redis = Redis(self.layout, processes, credentials, tls=True)
        self.cluster = ClusterOfOne(self.layout, processes, credentials, tls=True, name="redis-2")
        for name in ("redis-1", "redis-2"):
            self.addCleanup(processes.stop, name)
        self.addCleanup(processes.stop, POSTGRES, signal.SIGINT)
        for store in (self.postgres, self.redis, self.cluster):
            store.up()

    # The terminal

    def here(self, text: str) -> str:
        """With ports that are free."""

        def port(found: re.Match) -> str:
            name = PORTS[found[1]]
            return str(self.layout.port(name) if found[2] == "1" else self.layout.metrics_port(name))

        return re.sub(r"\b(74[1-4])([12])\b", port, text)

    def run_here(self, command: str) -> str:
        """One of the test's own."""
        return self.terminal.paste(self.here(command))

    def section(self, heading: str) -> list[str]:
        """Pastes its blocks; what each prints."""
        text = re.search(rf"(?ms)^#+ {re.escape(heading)}$(.*?)(?=^##|\Z)", DOC).group(1)
        blocks = BLOCK.findall(text)
        self.assertTrue(blocks, heading)
        return [self.block(block) for block in blocks]

    def block(self, block: str) -> str:
        self.taken(block)
        return self.run_here(block)

    def ask(self, command: str, access: str = "") -> dict:
        text = self.run_here(f"quotactl --json {command} {access}")
        return json.loads(text[text.index("{") :])

    # What is there

    def spend(self, id: str, access: str = GATEWAY) -> None:
        tokens = "--model claude-3-5-haiku --input-tokens 1000000"
        self.run_here(f"quotactl record --id {id} --org acme --user alice {tokens} {access}")

    def used(self, access: str = GATEWAY) -> tuple[int, int]:
        """Of alice's limit: nano-USD, and its amount."""
        (limit,) = self.ask("usage --org acme --user alice", access)["limits"]
        return int(limit["used"]), int(limit["amount"])

    def charged(self, access: str = "") -> int:
        return int(self.ask("report usage --org acme", access)["total"]["cost_nano_usd"])

    def wait_for_charges(self, nano_usd: int, access: str = "") -> None:
        poll(lambda: self.charged(access) == nano_usd, WAIT_S)

    # The story

    def test_it_works_as_pasted(self) -> None:
        for block in blocks_in("docs/security.md")[:2]:  # certificates and tokens
            self.run_here(block.text)
        self.begin_embedded()
        self.move_to_own_stores()
        self.restart_and_scale()
        self.restore()
        self.lose_redis()
        self.move_to_cluster()
        self.taken(PLAN_BLOCK)  # by the other test

    def begin_embedded(self) -> None:
        self.run_here(
            "quotaplane serve --policy policy.yaml --data-dir quotaplane-data --listen 127.0.0.1:7441 "
            "--metrics-listen 127.0.0.1:7442 2>> embedded.log &\n"
            "embedded=$!\n"
            "curl -fsS --retry 60 --retry-delay 1 --retry-connrefused http://127.0.0.1:7442/readyz"
        )
        self.spend("r-1", EMBEDDED)
        self.spend("r-2", EMBEDDED)
        self.run_here(f'quotactl limits set "user=alice: 50 usd a month" --org acme {EMBEDDED}')
        self.wait_for_charges(2 * CHARGE, EMBEDDED)

    def move_to_own_stores(self) -> None:
        (moved,) = self.section("From embedded to Redis and PostgreSQL")
        self.assertRegex(moved, r"\n +2  ledger_keys\n")
        started = self.section("Start")
        self.assertRegex(started[1], r"accepts the token(.|\n)*user-month")
        self.assertEqual(self.charged(), 2 * CHARGE)
        self.assertEqual(self.used(), (2 * CHARGE, 50 * USD))
        self.assertIn("intact", self.run_here("quotactl audit verify --org acme"))
        again = self.run_here("tools/move_ledger quotaplane-data/ledger.db || true")
        self.assertIn("the new ledger is not empty", again)

    def restart_and_scale(self) -> None:
        self.section("Stop")
        self.run_here(READY)
        self.section("One replica more, and one less")
        self.section("What expires, and what is to be exchanged")
        self.spend("r-3")
        self.assertEqual(self.used(), (3 * CHARGE, 50 * USD))
        self.wait_for_charges(3 * CHARGE)

    def restore(self) -> None:
        text = re.search(r"(?ms)^## Backup$(.*?)^### ", DOC).group(1)
        dump, restore, compare = BLOCK.findall(text)
        self.block(dump)
        # What the dump does not have.
        self.spend("r-4")
        self.wait_for_charges(4 * CHARGE)
        self.run_here('quotactl limits set "user=alice: 60 usd a month" --org acme')
        # The ledger's process ends in the middle of it, and a charge waits.
        self.taken(restore)
        stop, rest = restore.split("\n", 1)
        self.run_here(stop)
        self.spend("r-5")
        self.assertEqual(self.used(), (5 * CHARGE, 60 * USD))
        self.run_here(rest)
        books = self.block(compare)
        self.assertRegex(books, r"the books do not balance(.|\n)*1 counter moved(.|\n)*the books balance(.|\n)*intact")
        self.assertEqual(self.charged(), 4 * CHARGE)
        self.assertEqual(self.used(), (4 * CHARGE, 50 * USD))

    def lose_redis(self) -> None:
        self.redis.ask("FLUSHALL")
        self.section("When Redis is lost")
        self.assertEqual(self.used(), (4 * CHARGE, 50 * USD))
        self.assertRegex(self.section("How large it is, and what may go")[0], r"\d+ (kB|MB)")

    def move_to_cluster(self) -> None:
        self.section("Another Redis, or a Cluster")
        self.spend("r-6")
        self.assertEqual(self.used(), (5 * CHARGE, 50 * USD))
        self.wait_for_charges(5 * CHARGE)
        self.assertIn("cluster_enabled:1", self.cluster.ask("INFO", "cluster"))
        self.assertGreater(len(self.cluster.kinds()), 1)


if __name__ == "__main__":
    document.main(__doc__)
