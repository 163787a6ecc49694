"""The base of the tests of upgrades: one Redis, one database, processes of one role each, and
schemas to come, which `next_schema` applies as a later version's `quotaplane migrate` would."""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from auth_case import wait_until
from client_case import PRICES
from postgres_server import PostgresServer
from python_client import ROOT, Client, Protos, Server

ROLES = ("quota", "ledger", "reports", "admin", "alerts")
POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
limits:
  - {id: team-month, per: [team], unit: usd, amount: 1000, window: month, on_exceed: deny}
  - {id: user-month, per: [user], unit: requests, amount: 1000000, window: month}
"""
MIGRATIONS = sorted((ROOT / "migrations/sqlite").glob("*.sql"))
VERSION = len(MIGRATIONS)
OPTIONS = argparse.Namespace()


def additive_schema(directory: Path) -> Path:
    """A migration that adds to every table there is, and works with this version."""
    lines = [f"-- works from: {VERSION}", "CREATE TABLE later (id BIGINT PRIMARY KEY);"]
    schema = "".join(map(Path.read_text, MIGRATIONS))
    for table in re.findall(r"(?m)^CREATE TABLE (\w+) \(", schema):
        lines.append(f"ALTER TABLE {table} ADD COLUMN later_note TEXT;")
        lines.append(f"ALTER TABLE {table} ADD COLUMN later_count INTEGER NOT NULL DEFAULT 0;")
    path = directory / f"{VERSION + 1:04}_additive.sql"
    path.write_text("\n".join(lines) + "\n")
    return path


def breaking_schema(directory: Path) -> Path:
    path = directory / f"{VERSION + 1:04}_breaking.sql"
    path.write_text("ALTER TABLE rollup_day RENAME COLUMN requests TO calls;\n")
    return path


class UpgradeCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-upgrade-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o711)  # PostgreSQL's user passes through
        self.protos = Protos(OPTIONS.protoc, self.folder)
        self.redis = self.start_redis()
        self.servers: dict[str, Server] = {}

    def start_redis(self) -> str:
        socket = self.folder / "redis.sock"
        redis = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", socket, "--save", ""]
            + ["--appendonly", "yes", "--appendfsync", "no", "--dir", self.folder],
            stdout=subprocess.DEVNULL,
        )
        self.addCleanup(redis.wait)
        self.addCleanup(redis.kill)
        wait_until(socket.exists, "redis-server listens")
        return f"unix://{socket}"

    def sqlite(self) -> str:
        return f"sqlite:{self.folder}/ledger.db"

    def postgres(self) -> str:
        server = PostgresServer(self.folder / "postgres")
        self.addCleanup(server.stop)
        wait_until(server.ready, "PostgreSQL answers")
        return server.url

    # Programs

    def run_program(self, *command: object, code: int = 0) -> str:
        """What it printed."""
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def migrate(self, ledger: str, *flags: str, code: int = 0) -> str:
        return self.run_program(OPTIONS.program, "migrate", "--ledger", ledger, *flags, code=code)

    def migrate_further(self, ledger: str, *files: Path) -> None:
        self.run_program(OPTIONS.next_schema, ledger, *files)

    def serve(self, name: str, role: str, ledger: str) -> Server:
        """Ends with the test, if not before."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        more = ("--roles", role, "--redis", self.redis, "--ledger", ledger)
        server = Server(OPTIONS.program, folder, POLICY, PRICES, more)
        self.addCleanup(lambda: server.ended() is None and server.kill())
        self.servers[name] = server
        return server

    def quotactl(self, server: Server, *arguments: object, code: int = 0) -> str:
        flags = ("--server", server.address)
        return self.run_program(OPTIONS.quotactl, *arguments, *flags, code=code)

    def client(self, server: Server) -> Client:
        client = Client(server.address, self.protos)
        self.addCleanup(client.close)
        return client


def take_programs(programs: Path, protoc: str) -> None:
    """Of one folder."""
    OPTIONS.program, OPTIONS.quotactl = programs / "quotaplane", programs / "quotactl"
    OPTIONS.next_schema, OPTIONS.protoc = programs / "next_schema", protoc


def main(usage: str) -> None:
    parser = argparse.ArgumentParser(description=usage, add_help=False)
    for name in ("program", "quotactl", "next-schema"):
        parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
    parser.add_argument("--protoc", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
