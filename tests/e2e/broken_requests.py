"""Requests with one thing wrong: how that is put in, and what has to come of it.

Mixed into a case of people (admin_case.PeopleCase) whose methods each have a caller of their own, named as they are,
beside "maker".
"""

import re

from admin_bad_input_cases import Bad
from python_client import CallError

WHY = "because"
MAX_BYTES = 64 * 1024


def place(message, path: str, value) -> None:
    """Puts a value where `path` says: a mapping, a list, a time as (seconds, nanos), None for
    nothing."""
    *parents, name = path.split(".")
    for parent in parents:
        message = getattr(message, parent)
    field = message.DESCRIPTOR.fields_by_name[name]
    if value is None:
        message.ClearField(name)
    elif field.message_type is not None and field.message_type.GetOptions().map_entry:
        message.ClearField(name)
        getattr(message, name).update(value)
    elif field.label == field.LABEL_REPEATED:
        message.ClearField(name)
        for each in value:
            if isinstance(each, dict):
                getattr(message, name).add(**each)
            else:
                getattr(message, name).append(each)
    elif field.message_type is None:
        setattr(message, name, value)
    elif field.message_type.name == "Timestamp":
        getattr(message, name).seconds, getattr(message, name).nanos = value
    elif field.message_type.name == "FieldMask":
        message.ClearField(name)
        getattr(message, name).paths.extend(value)
    else:
        fill(getattr(message, name), value)


def fill(message, fields: dict) -> None:
    message.Clear()
    message.SetInParent()
    for name, value in fields.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            getattr(message, name).update(value)
        elif field.label == field.LABEL_REPEATED:
            for each in value:
                fill(getattr(message, name).add(), each)
        elif field.message_type is not None:
            fill(getattr(message, name), value)
        else:
            setattr(message, name, value)


def printable(text: str) -> str:
    """As the audit log has it."""
    return re.sub(r"[\x00-\x1f\x7f\x80-\x9f]", "?", text)


def cut(name: str) -> str:
    return name.encode()[:128].decode(errors="ignore")


class BrokenRequests:
    """`org` is the one that the requests are of; `deployment_rows` the last row of the deployment's own log before."""

    def attempts(self, method: str, *orgs: str) -> list:
        """The audit rows of the method's own caller."""
        rows = []
        for org in {self.org, "", *orgs}:
            after = 0 if org else self.deployment_rows
            rows += self.audit(
                self.token("maker"), org=org, actor=f"token:{method}", after_number=after
            )
        return rows

    def assert_named(self, error: CallError, fields: set[str]) -> None:
        self.assertEqual(set(error.violations), fields)
        for field, rule in error.violations.items():
            self.assertGreater(len(rule), 3)
            self.assertIn(field, error.message)

    def assert_in_the_log(self, method: str, audited: list[Bad]) -> None:
        orgs = {cut(printable(b.value)) for b in audited if b.path in ("org", "key.org")}
        rows = self.attempts(method, *orgs)
        self.assertEqual(len(rows), len(audited))
        for row in rows:
            self.assertEqual((row.actor, row.action), (f"token:{method}", method))
            self.assertTrue(row.address.startswith("ipv4:127.0.0.1:"), row.address)
            self.assertNotEqual(row.outcome, "OK")
            self.assertIn("error", row.after)
        outcomes = sorted(row.outcome for row in rows)
        expected = sorted(f"{bad.code.name} {bad.reason}".rstrip() for bad in audited)
        self.assertEqual(outcomes, expected)
        if {"reason", "comment"} & set(self.methods[method].input_type.fields_by_name):
            said = sum(row.reason == WHY for row in rows)
            other = sum(bad.path in ("reason", "comment") for bad in audited)
            self.assertEqual(said, len(audited) - other)
