#!/usr/bin/env python3
"""A database whose schema is newer than the program: where it works with the program, every role
starts, serves and drains; where it does not, all that need the database refuse, and requests go on.

Usage: upgrade_test.py --program QUOTAPLANE --quotactl QUOTACTL --next-schema NEXT_SCHEMA
       --protoc PROTOC [unittest's arguments]
"""

import json
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from auth_case import wait_until
from python_client import ROOT, Client
from upgrade_case import OPTIONS, ROLES, VERSION, UpgradeCase, additive_schema, breaking_schema
from upgrade_case import main

WORKS = f"version {VERSION + 1} already, newer than this program's {VERSION}, which works with it"
REFUSED = (
    f"the database has schema version {VERSION + 1}, which needs a program of version {VERSION + 1}"
    f" or later; this one is of version {VERSION}: start a newer one, or restore the database's"
    " backup of before the upgrade"
)


class NewerSchemaTest(UpgradeCase):
    def test_a_schema_that_works_with_this_version_on_sqlite(self) -> None:
        self.a_schema_that_works_with_this_version(self.sqlite())

    def test_a_schema_that_works_with_this_version_on_postgres(self) -> None:
        self.a_schema_that_works_with_this_version(self.postgres())

    def test_a_schema_that_does_not_on_sqlite(self) -> None:
        self.a_schema_that_does_not(self.sqlite())

    def test_a_schema_that_does_not_on_postgres(self) -> None:
        self.a_schema_that_does_not(self.postgres())

    def a_schema_that_works_with_this_version(self, ledger: str) -> None:
        plan = self.migrate(ledger, "--dry-run")
        self.assertIn("the ledger's schema is at version 0; to be applied:\n  0001_ledger:", plan)
        self.assertIn("at version 0;", self.migrate(ledger, "--dry-run"), "nothing was applied")
        self.migrate_further(ledger, additive_schema(self.folder))
        for flags in ((), ("--dry-run",)):
            self.assertIn(WORKS, self.migrate(ledger, *flags))

        for role in ROLES:
            self.serve(role, role, ledger)
        self.everything_is_done_once(self.client(self.servers["quota"]))
        for role, server in self.servers.items():
            said = f"the database has schema version {VERSION + 1}, newer than this program's"
            self.assertEqual(said in server.log(), role != "quota", server.log())
            self.assertNotRegex(server.log(), r'"level":"(error|critical)"')
            self.assertEqual(server.stop(), 0, role)

    def everything_is_done_once(self, client: Client) -> None:
        """What writes to the tables, and reads from them."""
        ledger, reports = self.servers["ledger"], self.servers["reports"]
        admin, alerts = self.servers["admin"], self.servers["alerts"]
        for i in range(4):
            self.charge(client, f"r{i}", user=f"user-{i % 2}")
        self.quotactl(ledger, "verify", "--org", "acme", "--patience", "30s")
        self.assertEqual(self.requests_reported(reports), 4)
        adjust = ("adjust", "--org", "acme", "--of", "r0", "--all", "--reason", "ours")
        self.quotactl(ledger, *adjust, "--actor", "finance")
        erase = ("erase-user", "--org", "acme", "--user", "user-1", "--yes", "--actor", "privacy")
        self.quotactl(ledger, *erase)
        self.quotactl(ledger, "verify", "--org", "acme", "--patience", "30s")
        exported = self.quotactl(reports, "report", "export", "--org", "acme")
        self.assertIn("correction", exported)
        self.assertNotIn("user-1", exported)

        cap = ("limits", "set", "team=search: 5 usd a month", "--on-outage", "deny")
        self.quotactl(admin, *cap, "--org", "acme")
        wait_until(lambda: self.cap_of(client) == 5_000_000_000, "the cap is in force")
        self.quotactl(admin, "key", "create", "--org", "acme", "--team", "search", "--name", "ci")
        self.quotactl(admin, "audit", "verify", "--org", "acme")
        # Half of the cap and more: a crossing, an alert.
        for i in range(2):
            self.charge(client, f"big{i}", output=100_000)
        wait_until(
            lambda: "team" in self.quotactl(alerts, "alert", "list", "--org", "acme"), "it is told"
        )

    def charge(self, client: Client, id: str, user: str = "user-0", output: int = 500) -> None:
        quota = self.protos.quota
        subject = quota.Subject(org="acme", team="search", user=user, model="large")
        usage = quota.Usage(meters={"input": 1000, "output": output})
        held = client.call(
            "Reserve", quota.ReserveRequest(reservation_id=id, subject=subject, estimate=usage)
        )
        self.assertEqual(held.decision, quota.DECISION_ALLOW, held)
        attempts = [quota.Attempt(usage=usage)]
        client.call(
            "Commit", quota.CommitRequest(reservation_id=id, subject=subject, attempts=attempts)
        )

    def requests_reported(self, reports) -> int:
        said = self.quotactl(reports, "report", "usage", "--org", "acme", "--json")
        return int(json.loads(said)["total"]["requests"])

    def cap_of(self, client: Client) -> int:
        quota = self.protos.quota
        subject = quota.Subject(org="acme", team="search", user="user-0", model="large")
        answer = client.call("GetUsage", quota.GetUsageRequest(subject=subject))
        return min(limit.amount for limit in answer.limits if limit.unit == "usd")

    def a_schema_that_does_not(self, ledger: str) -> None:
        self.migrate_further(ledger, breaking_schema(self.folder))
        for flags in ((), ("--dry-run",)):
            self.assertIn(REFUSED, self.migrate(ledger, *flags, code=1))
        for role in ROLES:
            if role != "quota":
                with self.assertRaises(RuntimeError) as refused:
                    self.serve(role, role, ledger)
                self.assertIn(REFUSED, str(refused.exception))
        client = self.client(self.serve("quota", "quota", ledger))
        self.charge(client, "r1")


class SourceTest(UpgradeCase):
    def test_no_statement_counts_columns(self) -> None:
        """One that did would break as soon as a migration adds a column."""
        counting = re.compile(
            r"SELECT (\w+\.)?\*(?! FROM unnest)|INSERT INTO \w+ VALUES|RETURNING \*"
        )
        for folder in ("libs", "services", "tools"):
            for path in (ROOT / folder).rglob("*.cc"):
                if not path.name.endswith("_test.cc"):
                    # A text goes on from line to line.
                    text = re.sub(r'"\s*"', "", path.read_text())
                    self.assertNotRegex(text, counting, path)


if __name__ == "__main__":
    main(__doc__)
