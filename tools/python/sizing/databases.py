"""What the ledger's database has in it, and what that takes."""

import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from cluster.credentials import Credentials
from cluster.layout import POSTGRES, ClusterError, Layout

FAMILIES = {
    "ledger_keys": "keys",
    "ledger_entries": "entries",
    "rollup_hour": "hours",
    "rollup_day": "days",
}
ROWS = {name: f"SELECT count(*) FROM {table}" for table, name in FAMILIES.items()}
# Of sums: how many people had some in how many hours or days.
PEOPLE = {
    name: f"SELECT count(*) FROM (SELECT DISTINCT user_name, bucket_us FROM {table}) AS each"
    for table, name in FAMILIES.items()
    if table.startswith("rollup")
}
# A family of tables: bytes of the tables and of their indexes, rows, people.
Sizes = dict[str, dict[str, int]]


def family(table: str) -> str:
    """Months are tables of their own."""
    return next((name for prefix, name in FAMILIES.items() if table.startswith(prefix)), "others")


def sizes_of(rows: list[tuple[str, int, int]], count: Callable[[str], int]) -> Sizes:
    """Of (table, bytes, bytes of indexes); `count` answers a question with a number."""
    sizes: Sizes = {name: {"table": 0, "index": 0} for name in (*FAMILIES.values(), "others")}
    for what, questions in (("rows", ROWS), ("people", PEOPLE)):
        for name, question in questions.items():
            sizes[name][what] = count(question)
    for table, bytes_, index in rows:
        sizes[family(table)]["table"] += bytes_
        sizes[family(table)]["index"] += index
    return sizes


class PostgresLedger:
    """As its owner asks, over TCP."""

    def __init__(self, layout: Layout, credentials: Credentials, tls: bool) -> None:
        self._address = ("-h", "127.0.0.1", "-p", str(layout.port(POSTGRES)))
        self._env = os.environ | {
            "PGPASSWORD": credentials.password("postgres"),
            "PGSSLMODE": "require" if tls else "disable",
        }

    def _ask(self, sql: str) -> list[list[str]]:
        done = subprocess.run(
            ["psql", *self._address, "-U", "quotaplane", "-d", "quotaplane", "-XAtqc", sql],
            env=self._env, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode != 0:
            raise ClusterError(f"psql: {done.stderr}")
        return [line.split("|") for line in done.stdout.splitlines()]

    def sizes(self) -> Sizes:
        tables = self._ask(
            "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        return sizes_of(
            [(name, int(a), int(b)) for name, a, b in tables], lambda sql: int(self._ask(sql)[0][0])
        )

    def log_bytes(self) -> int:
        """Written to the write-ahead log, since the beginning."""
        return int(self._ask("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")[0][0])


class SqliteLedger:
    def __init__(self, file: Path) -> None:
        self._file = file

    def sizes(self) -> Sizes:
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=60)) as ledger:
            objects = ledger.execute(
                "SELECT tbl_name, sum(CASE type WHEN 'table' THEN pgsize ELSE 0 END), "
                "sum(CASE type WHEN 'index' THEN pgsize ELSE 0 END) "
                "FROM dbstat JOIN sqlite_schema USING (name) GROUP BY tbl_name"
            ).fetchall()
            return sizes_of(objects, lambda sql: ledger.execute(sql).fetchone()[0])
