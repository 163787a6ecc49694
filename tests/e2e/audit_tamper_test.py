#!/usr/bin/env python3
"""The audit log changed in the database, behind the server's back: what a verification finds by
itself, and what it finds by an end that was written down elsewhere.

Usage: audit_tamper_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC
"""

import argparse
import hashlib
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import AdminCase
from client_case import OPTIONS

ROWS = 8
TEXTS = ("actor", "action", "target", "outcome", "reason", "address", "before_json", "after_json")
COLUMNS = ("org", "number", "at_us", *TEXTS, "previous_hash", "hash")


def hash_of(row: dict) -> bytes:
    """As libs/control/audit_chain.h says, by another hand."""

    def field(value) -> bytes:
        data = struct.pack("<q", value) if isinstance(value, int) else value
        data = data.encode() if isinstance(data, str) else data
        return struct.pack("<I", len(data)) + data

    fields = ["quotaplane audit 1", row["previous_hash"], row["org"], row["number"], row["at_us"]]
    fields += [row[name] for name in TEXTS]
    return hashlib.blake2b(b"".join(map(field, fields)), digest_size=32).digest()


class TamperTest(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        for i in range(ROWS):
            self.admin("SetLimit", set={"limit_id": "user-month", "amount": f"{i + 1}"}, reason="r")
        self.end = self.verified()
        self.sql = self.database()
        self.sql.isolation_level = None
        # Whoever owns the database is not stopped by what is in it.
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'"
        for (name,) in self.sql.execute(triggers).fetchall():
            self.sql.execute(f"DROP TRIGGER {name}")

    def quotactl(self, *more: str) -> subprocess.CompletedProcess:
        command = [OPTIONS.quotactl, "audit", "verify", "--org", self.org]
        command += ["--server", self.server.address, *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def verified(self) -> str:
        """The chain is whole; its end as one writes it down."""
        ended = self.quotactl()
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        end = next(line for line in ended.stdout.splitlines() if ":" in line and len(line) > 64)
        page = self.admin("ListAudit")
        self.assertEqual(end.strip(), f"{page.last_number}:{page.last_hash}")
        return end.strip()

    def assert_broken(self, row: int, *more: str) -> None:
        ended = self.quotactl("--json", *more)
        self.assertEqual(ended.returncode, 1, ended.stdout + ended.stderr)
        self.assertIn(f"row {row}", ended.stdout + ended.stderr)

    def assert_found_by_the_end_alone(self) -> None:
        """By itself what is there is a whole chain."""
        self.assertEqual(self.quotactl().returncode, 0)
        ended = self.quotactl("--expect", self.end)
        self.assertEqual(ended.returncode, 1, ended.stdout + ended.stderr)

    # The database

    def rows(self) -> list[dict]:
        query = f"SELECT {', '.join(COLUMNS)} FROM audit_log WHERE org = ? ORDER BY number"
        return [dict(zip(COLUMNS, row)) for row in self.sql.execute(query, (self.org,))]

    def write(self, rows: list[dict], head: dict | None) -> None:
        self.sql.execute("BEGIN IMMEDIATE")
        self.sql.execute("DELETE FROM audit_log WHERE org = ?", (self.org,))
        marks = ", ".join("?" * len(COLUMNS))
        for row in rows:
            self.sql.execute(
                f"INSERT INTO audit_log ({', '.join(COLUMNS)}) VALUES ({marks})",
                [row[name] for name in COLUMNS],
            )
        if head is None:
            self.sql.execute("DELETE FROM audit_heads WHERE org = ?", (self.org,))
        else:
            self.sql.execute(
                "UPDATE audit_heads SET number = ?, hash = ? WHERE org = ?",
                (head["number"], head["hash"], self.org),
            )
        self.sql.execute("COMMIT")

    @staticmethod
    def chained(rows: list[dict]) -> list[dict]:
        """Numbers and hashes made anew, as somebody who knows how would."""
        previous, chain = b"\0" * 32, []
        for number, row in enumerate(rows, 1):
            row = row | {"number": number, "previous_hash": previous}
            row["hash"] = previous = hash_of(row)
            chain.append(row)
        return chain

    # Attacks

    def test_the_rows_are_what_the_header_says(self) -> None:
        rows = self.rows()
        self.assertEqual(len(rows), ROWS)
        self.assertEqual(self.chained(rows), rows)

    def test_a_changed_cell(self) -> None:
        rows = self.rows()
        changes = [("at_us", 5)] + [(name, "x") for name in TEXTS]
        changes += [("previous_hash", b"x" * 32), ("hash", b"x" * 32)]
        for name, value in changes:
            with self.subTest(name):
                changed = [dict(row) for row in rows]
                changed[3][name] = value
                self.write(changed, rows[-1])
                self.assert_broken(4)
                if "hash" not in name:
                    changed[3]["hash"] = hash_of(changed[3])
                    self.write(changed, rows[-1])
                    self.assert_broken(5)
        self.write(rows, rows[-1])
        self.assertEqual(self.quotactl("--expect", self.end).returncode, 0)

    def test_rows_that_are_gone_came_or_moved(self) -> None:
        rows = self.rows()
        gone = rows[:3] + rows[4:]
        self.write(gone, rows[-1])
        self.assert_broken(4)
        closed = [row | {"number": number} for number, row in enumerate(gone, 1)]
        self.write(closed, closed[-1])
        self.assert_broken(4)
        came = rows[:3] + [rows[3] | {"actor": "nobody"}] + rows[3:]
        came = [row | {"number": number} for number, row in enumerate(came, 1)]
        came[3]["hash"] = hash_of(came[3])
        self.write(came, came[-1])
        self.assert_broken(5)
        moved = rows[:3] + [rows[4] | {"number": 4}, rows[3] | {"number": 5}] + rows[5:]
        self.write(moved, rows[-1])
        self.assert_broken(4)

    def test_a_tail_that_is_gone(self) -> None:
        rows = self.rows()
        self.write(rows[:-2], rows[-1])
        self.assert_broken(ROWS)  # the head is of a row that is not there
        self.write(rows[:-2], rows[-3])
        self.assert_found_by_the_end_alone()
        # Nor does it help to write as many rows again.
        self.admin("SetLimit", set={"limit_id": "user-month", "amount": "77"})
        self.admin("SetLimit", set={"limit_id": "user-month", "amount": "78"})
        self.assertEqual(self.admin("ListAudit").last_number, ROWS)
        self.assert_found_by_the_end_alone()

    def test_a_chain_that_was_written_anew(self) -> None:
        rows = self.rows()
        changed = rows[:4] + [rows[4] | {"actor": "token:innocent"}] + rows[5:]
        changed = self.chained(changed)
        self.write(changed, changed[-1])
        self.assert_found_by_the_end_alone()
        # An end of before the change says nothing about what came after it.
        before = f"4:{rows[3]['hash'].hex()}"
        self.assertEqual(self.quotactl("--expect", before).returncode, 0)
        fifth = f"5:{rows[4]['hash'].hex()}"
        self.assertEqual(self.quotactl("--expect", fifth).returncode, 1)

    def test_a_log_that_is_gone_as_a_whole(self) -> None:
        self.write([], None)
        self.assert_found_by_the_end_alone()

    def test_another_orgs_rows(self) -> None:
        rows = self.rows()
        first, self.org = self.org, f"org-{next(self.orgs)}"
        for i in range(ROWS):
            self.admin("SetLimit", set={"limit_id": "user-month", "amount": f"{i + 1}"})
        moved = [row | {"org": self.org} for row in rows]
        self.write(moved, moved[-1])
        self.assert_broken(1)
        self.org = first
        self.assertEqual(self.verified(), self.end)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    for option in ("--program", "--quotactl", "--protoc"):
        parser.add_argument(option, required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(argv=[sys.argv[0], *rest])
