"""The base of the tests that change what is in force with quotactl: people with tokens, in pipes
and at a terminal."""

import argparse
import json
import os
import pty
import re
import subprocess
import sys
import unittest
from pathlib import Path

from google.protobuf import json_format

from admin_case import PeopleCase
from client_case import OPTIONS

DONE, FAILED, WRONG_USE = 0, 1, 2


def main(usage: str) -> None:
    parser = argparse.ArgumentParser(description=usage, add_help=False)
    for name in ("program", "quotactl", "protoc"):
        parser.add_argument(f"--{name}", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])


class ControlCase(PeopleCase):
    """Ann is admin, Bob and Bea approve, Eve audits, Val looks, Gil is a gateway."""

    @property
    def address(self) -> str:
        return self.server.address

    def command(self, who: str, arguments) -> dict:
        """What to start, and its environment: the token is in that, never in argv."""
        home = self.path / "home"
        home.mkdir(exist_ok=True)
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "QUOTAPLANE_ORG": self.org}
        env |= {"QUOTAPLANE_SERVER": self.address}
        if who:
            env["QUOTAPLANE_TOKEN"] = self.token(who)
        return {"args": [OPTIONS.quotactl, *map(str, arguments)], "env": env}

    def check(self, done, code: int):
        self.assertEqual(done.returncode, code, f"{done.args}\n{done.stdout}\n{done.stderr}")
        for name in self.PEOPLE:
            self.assertNotIn(self.token(name), done.stdout + done.stderr)
        return done

    def run_by(self, who: str, *arguments: object, code: int = DONE, stdin: str = ""):
        """Without a terminal."""
        done = subprocess.run(
            **self.command(who, arguments), input=stdin, capture_output=True, text=True, timeout=60
        )
        return self.check(done, code)

    def typed_by(self, who: str, typed: str, *arguments: object, code: int = DONE):
        """With a terminal to be asked at, where `typed` is the answer."""
        ours, theirs = pty.openpty()
        try:
            os.write(ours, typed.encode())
            done = subprocess.run(
                **self.command(who, arguments), stdin=theirs, capture_output=True, text=True,
                timeout=60,
            )  # fmt: skip
        finally:
            os.close(ours)
            os.close(theirs)
        return self.check(done, code)

    def says(self, who: str, *arguments: object) -> str:
        return self.run_by(who, *arguments).stdout

    def wrong(self, who: str, *arguments: object, code: int = WRONG_USE) -> str:
        """What is said of it; the same by JSON, and nothing on stdout without."""
        done = self.run_by(who, *arguments, code=code)
        self.assertEqual(done.stdout, "")
        status = json.loads(self.run_by(who, *arguments, "--json", code=code).stdout)
        # But for what time it is.
        said, by_json = (re.sub(r"[\d.]+", "#", t) for t in (done.stderr, status["message"]))
        self.assertIn(by_json.splitlines()[0], said)
        return done.stderr

    def asked_for(self, to: str, reason: str, *more: object) -> str:
        """Val asks for a raise of alice's month, for three days; what is said of it."""
        return self.says(
            "val", "exception", "request", "--scope", "user=alice", "--raise", f"user-month={to}",
            "--until", "3d", "--reason", reason, *more,
        )  # fmt: skip

    def json(self, who: str, *arguments: object) -> dict:
        return json.loads(self.says(who, *arguments, "--json"))

    def message(self, kind: str, who: str, *arguments: object):
        """The answer, which must be the public JSON of that message, defaults written out."""
        text = self.says(who, *arguments, "--json")
        protos = (self.a, self.protos.policies, self.protos.alerts)
        of = next(module for module in protos if hasattr(module, kind))
        message = json_format.Parse(text, getattr(of, kind)())
        again = json_format.MessageToDict(
            message, preserving_proto_field_name=True, including_default_value_fields=True
        )
        self.assertEqual(json.loads(text), again)
        return message

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.write_text(text)
        return path
