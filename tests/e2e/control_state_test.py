#!/usr/bin/env python3
"""quotactl on whole states, from staging to production, and on the audit log: read, followed, and
broken behind the server's back.

Usage: control_state_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC [UNITTEST…]
"""

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import poll
from client_case import OPTIONS, PRICES
from control_case import FAILED, ControlCase, main
from python_client import Server

HASH = r"[0-9a-f]{64}"


class StateTest(ControlCase):
    def test_applied_twice_changes_nothing(self) -> None:
        self.says("ann", "limits", "set", "user=alice: 300 usd a month")
        self.says("ann", "key", "create", "--team", "search")
        out = self.path / "state.yaml"
        self.assertEqual(self.says("ann", "export", "--out", out), "")
        self.assertEqual(out.read_text(), self.says("ann", "export"))
        self.assertEqual(self.message("ExportStateResponse", "ann", "export").yaml, out.read_text())
        for more in ((), ("--yes",), ("--dry-run",)):
            self.assertEqual(self.says("ann", "apply", "-f", out, *more), "No changes.\n")

        changed = out.read_text().replace("amount: 100\n", "amount: 120\n")
        out.write_text(changed)
        before = self.says("ann", "export")
        change = r"^~  policy\.limits\[user-month\]\.amount +100 -> 120\n"
        dry = self.says("ann", "apply", "-f", out, "--dry-run")
        self.assertRegex(dry, change + r"Nothing was changed: a dry run\.\n$")
        self.assertEqual(self.says("ann", "export"), before)
        self.assertEqual(
            self.run_by("ann", "apply", "-f", "-", "--dry-run", stdin=changed).stdout, dry
        )
        text = self.says("ann", "apply", "-f", out, "--yes", "--reason", "commit 4f2c9d1")
        self.assertRegex(text, change + r"applied: policy version 2\n$")
        again = self.message("ApplyStateResponse", "ann", "apply", "-f", out, "--yes")
        self.assertEqual(len(again.changes), 0)
        self.assertEqual(self.says("ann", "export"), changed)
        self.assertRegex(
            self.says("eve", "audit", "list", "--action", "ApplyState"), r"OK +commit 4f2c9d1 "
        )

        self.assertIn("nowhere.yaml", self.wrong("ann", "apply", "-f", "nowhere.yaml", code=FAILED))
        bad = self.write("bad.yaml", changed.replace("window: month", "window: fortnight"))
        self.assertRegex(
            self.wrong("ann", "apply", "-f", bad, "--yes"), r"yaml: \S*:\d+: .*window: "
        )
        self.assertEqual(self.says("ann", "export"), changed)

    def test_from_staging_to_production(self) -> None:
        self.says("ann", "limits", "set", "team=search: 5000 usd a month", "--on-outage", "deny")
        for name in ("CI", "laptop"):
            self.says(
                "ann", "key", "create", "--team", "search", "--name", name, "--expires", "90d"
            )
        self.asked_for("900", "release")
        exported = self.path / "promoted.yaml"
        self.says("ann", "export", "--out", exported)

        folder = tempfile.TemporaryDirectory(prefix="qp-production-")
        self.addCleanup(folder.cleanup)
        production = Server(OPTIONS.program, Path(folder.name), self.POLICY, PRICES, self.more())
        self.addCleanup(production.stop)
        there = ("--server", production.address)
        dry = self.says("ann", "apply", "-f", exported, "--dry-run", *there)
        self.assertRegex(dry, r"\+ +keys\[(.|\n)*Nothing was changed: a dry run")
        self.says("ann", "apply", "-f", exported, "--yes", *there)
        self.assertEqual(self.says("ann", "export", *there), exported.read_text())
        self.assertEqual(
            self.says("ann", "apply", "-f", exported, "--yes", *there), "No changes.\n"
        )
        # What was asked for there is asked for here, in the applier's name.
        self.assertRegex(
            self.says("val", "exception", "list", *there), r"requested .* token:ann +release\n"
        )


class AuditTest(ControlCase):
    def changes(self, many: int) -> None:
        for i in range(many):
            self.says(
                "ann", "limits", "set", f"user=u{i}: {i + 1} usd a month", "--reason", f"r{i}"
            )

    def test_lists(self) -> None:
        self.assertEqual(self.says("eve", "audit", "list"), "No rows.\n")
        self.changes(3)
        self.run_by("val", "limits", "set", "user=a: 1 usd a month", code=FAILED)
        text = poll(lambda: (t := self.says("eve", "audit", "list")).count("\n") == 5 and t)
        self.assertRegex(
            text,
            r"^ROW  TIME \(UTC\) +ACTOR +ACTION +TARGET +OUTCOME +REASON +ADDR\w+\n"
            r"  1  20\S+ \S+  token:ann  SetLimit  policy/1 +OK +r0 +ipv4:127\.",
        )
        self.assertRegex(text, r"\n  4 .* token:val  SetLimit .* PERMISSION_DENIED ROLE_MISSING ")
        listed = self.message("ListAuditResponse", "eve", "audit", "list", "--most", 2)
        self.assertEqual([r.number for r in listed.rows], [3, 4])
        self.assertTrue(listed.rows[0].before and listed.rows[0].after)
        listed = self.message(
            "ListAuditResponse", "eve", "audit", "list", "--after", 1, "--most", 1
        )
        self.assertEqual([r.number for r in listed.rows], [2])
        for filter, rows in (
            (("--actor", "token:val"), [4]),
            (("--target", "policy/2"), [2]),
            (("--action", "CreateKey"), []),
        ):
            found = self.message("ListAuditResponse", "eve", "audit", "list", *filter)
            self.assertEqual([r.number for r in found.rows], rows, filter)
        self.assertIn("ROLE_MISSING", self.wrong("val", "audit", "list", code=FAILED))

    def test_a_tail_goes_on_after_a_restart(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-tail-")
        self.addCleanup(folder.cleanup)
        # An address that nobody else has, so that its port is still free afterwards.
        host = f"127.{self.server.pid >> 8 & 255}.{self.server.pid & 255}.77"
        serve = (OPTIONS.program, Path(folder.name), self.POLICY, PRICES, self.more())
        server = Server(*serve, listen=f"{host}:0")
        there = ("--server", server.address)
        self.says("ann", "limits", "set", "user=a: 1 usd a month", *there)
        tail = subprocess.Popen(
            **self.command("eve", ("audit", "tail", "--after", 0, *there)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(tail.stdout.close)
        self.addCleanup(tail.stderr.close)
        self.addCleanup(tail.wait)
        self.addCleanup(tail.kill)
        rows = [json.loads(tail.stdout.readline())]
        self.assertEqual((rows[0]["actor"], rows[0]["action"]), ("token:ann", "SetLimit"))
        self.says("ann", "limits", "set", "user=a: 2 usd a month", *there)
        rows.append(json.loads(tail.stdout.readline()))
        server.stop()
        server = Server(*serve, listen=server.address)
        self.addCleanup(server.stop)
        self.says("ann", "limits", "set", "user=a: 3 usd a month", *there)
        rows.append(json.loads(tail.stdout.readline()))
        self.assertEqual([row["number"] for row in rows], ["1", "2", "3"])
        self.assertRegex(rows[2]["hash"], HASH)
        self.assertEqual(rows[2]["previous_hash"], rows[1]["hash"])
        tail.terminate()
        self.assertEqual(tail.wait(30), -signal.SIGTERM)
        self.assertIn("trying again", tail.stderr.read())
        refused = self.run_by("val", "audit", "tail", *there, code=FAILED)
        self.assertIn("ROLE_MISSING", refused.stderr)

    def test_a_broken_chain_is_found(self) -> None:
        self.changes(4)
        text = self.says("eve", "audit", "verify")
        self.assertRegex(
            text, rf"^intact: 4 rows follow each other unchanged\.\n(.|\n)*\n4:{HASH}\n$"
        )
        mark = text.splitlines()[-1]
        whole = self.json("eve", "audit", "verify", "--expect", mark)
        self.assertEqual(whole, {"intact": True, "rows": 4, "mark": mark})
        self.assertIn("--expect: ", self.wrong("eve", "audit", "verify", "--expect", "4:abc"))
        other = self.run_by(
            "eve", "audit", "verify", "--expect", mark[:-1] + "fe"[mark[-1] == "f"], code=FAILED
        )
        self.assertIn("broken: row 4 ", other.stderr)
        self.says("eve", "audit", "verify", "--deployment")

        columns = (
            "org, number, at_us, actor, action, target, outcome, reason, address, before_json, "
            "after_json, previous_hash, hash"
        )
        copy = columns.replace("number", "5")
        me = f"org = '{self.org}'"
        for damage, said in (
            (f"UPDATE audit_log SET actor = 'token:bob' WHERE {me} AND number = 2", "row 2 "),
            (f"UPDATE audit_log SET at_us = at_us + 1 WHERE {me} AND number = 1", "row 1 "),
            (
                f"DELETE FROM audit_log WHERE {me} AND number = 3",
                "row 4 follows row 2: row 3 is missing",
            ),
            (
                f"DELETE FROM audit_log WHERE {me} AND number = 1",
                "row 2 follows row 0: row 1 is missing",
            ),
            (
                f"DELETE FROM audit_log WHERE {me} AND number >= 3",
                "rows 3 to 4 are missing from the end",
            ),
            (f"DELETE FROM audit_log WHERE {me}", "rows 1 to 4 are missing from the end"),
            (
                f"INSERT INTO audit_log ({columns}) SELECT {copy} FROM audit_log WHERE {me} "
                "AND number = 4",
                "row 5 ",
            ),
            (
                f"UPDATE audit_log SET number = 9 - number WHERE {me} AND number IN (2); "
                f"UPDATE audit_log SET number = 2 WHERE {me} AND number = 3; "
                f"UPDATE audit_log SET number = 3 WHERE {me} AND number = 7",
                "row 2 ",
            ),
        ):
            with self.subTest(damage):
                self.assertIn(f"broken: {said}", self.verified_after(damage))
        self.assertIn(mark, self.says("eve", "audit", "verify"))

    def verified_after(self, damage: str) -> str:
        """What verify says of the damage, which is then taken back."""
        mine = "audit_log WHERE org = ?", (self.org,)
        rows = self.database().execute(f"SELECT * FROM {mine[0]}", mine[1]).fetchall()
        self.behind_its_back([(statement, ()) for statement in damage.split("; ")])
        done = self.run_by("eve", "audit", "verify", code=FAILED)
        verdict = json.loads(self.run_by("eve", "audit", "verify", "--json", code=FAILED).stdout)
        self.assertFalse(verdict["intact"])
        self.assertIn(verdict["error"], done.stderr)
        insert = f"INSERT INTO audit_log VALUES ({', '.join('?' * len(rows[0]))})"
        restore = [(f"DELETE FROM {mine[0]}", mine[1])] + [(insert, row) for row in rows]
        self.behind_its_back(restore)
        return done.stderr

    def behind_its_back(self, statements: list[tuple[str, tuple]]) -> None:
        """Whoever owns the file is not held up by its triggers."""
        database = self.database()
        triggers = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_log'"
        ).fetchall()
        self.assertTrue(triggers)
        database.execute("BEGIN IMMEDIATE")
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        for statement, values in statements:
            database.execute(statement, values)
        for _, trigger in triggers:
            database.execute(trigger)
        database.execute("COMMIT")


if __name__ == "__main__":
    main(__doc__)
