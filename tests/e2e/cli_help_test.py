#!/usr/bin/env python3
"""That the programs teach their use, and that the examples they print are understood.

Usage: cli_help_test.py --program QUOTAPLANE --quotactl QUOTACTL --loadgen LOADGEN --protoc PROTOC
       [unittest's arguments]
"""

import re
import shlex
import unittest

from cli_case import FAILED, OPTIONS, main, run

SUBCOMMANDS = (
    ["reserve"],
    ["commit"],
    ["release"],
    ["extend"],
    ["record"],
    ["check"],
    ["usage"],
    ["report", "usage"],
    ["report", "top"],
    ["report", "compare"],
    ["report", "focus"],
    ["report", "export"],
    ["verify"],
    ["rebuild-counters"],
    ["adjust"],
    ["rerate"],
    ["erase-user"],
    ["ledger", "status"],
    ["health"],
    ["log", "level"],
    ["report", "reconcile"],
    ["replay"],
    ["anomaly", "score"],
    ["anomaly", "simulate"],
    ["policy", "validate"],
    ["prices", "import"],
)


class HelpTest(unittest.TestCase):
    def test_every_subcommand_teaches(self) -> None:
        for subcommand in SUBCOMMANDS:
            with self.subTest(subcommand):
                done = run(OPTIONS.quotactl, *subcommand, "--help")
                self.assertEqual(done.returncode, 0)
                examples = done.stdout.split("Examples:\n")[1]
                self.assertGreaterEqual(examples.count(f"quotactl {' '.join(subcommand)}"), 1)
                self.assertGreaterEqual(len(re.findall(r"(?m)^  quota", examples)), 2)
                top = run(OPTIONS.quotactl, "--help").stdout
                self.assertIn(f"  {subcommand[0]} ", top)

    def test_the_server_teaches_too(self) -> None:
        text = run(OPTIONS.program, "serve", "--help").stdout
        options, examples = text.split("Examples:\n")
        known = set(re.findall(r"(?m)^  (--[a-z-]+)", options))
        lines = [line for line in examples.splitlines() if line.startswith("  quotaplane serve")]
        self.assertGreaterEqual(len(lines), 3)
        self.assertLessEqual(set(re.findall(r"--[a-z-]+", "".join(lines))), known)
        self.assertLessEqual(
            set(re.findall(r"export (\w+)=", examples)), set(re.findall(r"Env:(\w+)", options))
        )

    def test_examples_are_understood(self) -> None:
        """Each example of each help, as printed, passes the flags' checks."""
        for subcommand in SUBCOMMANDS:
            if subcommand == ["anomaly", "simulate"]:
                continue  # asks nobody, and does what it says, for minutes
            text = run(OPTIONS.quotactl, *subcommand, "--help").stdout.split("Examples:\n")[1]
            for line in text.replace("\\\n", " ").splitlines():
                if line.split()[:1] != ["quotactl"]:
                    continue
                arguments = shlex.split(line.split(" > ")[0])
                with self.subTest(line):
                    # Nothing listens on port 1: what passes the checks fails to connect, or to find
                    # its file.
                    nowhere = ["--server", "127.0.0.1:1", "--timeout", "1s"]
                    done = run(OPTIONS.quotactl, *arguments[1:], *nowhere)
                    self.assertEqual(done.returncode, FAILED, done.stdout + done.stderr)


if __name__ == "__main__":
    main(__doc__)
