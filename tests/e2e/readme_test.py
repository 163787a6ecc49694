#!/usr/bin/env python3
"""The README's worked example, as a reader pastes it: each command, in order, and what it says.

Usage: readme_test.py --program QUOTAPLANE --quotactl QUOTACTL [UNITTEST…]
"""

import argparse
import re
import shlex
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]

from cli_test import ALLOWED, DENIED, OPTIONS, run  # noqa: E402
from python_client import Server  # noqa: E402

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?s)```{language}\n(.*?)```", README)


def commands(program: str) -> list[list[str]]:
    """The arguments of each `build/release/bin/PROGRAM …`."""
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line) for line in lines]
    return [w[1:] for w in words if w and w[0] == f"build/release/bin/{program}"]


class ReadmeTest(unittest.TestCase):
    def test_the_worked_example_works(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-readme-")
        self.addCleanup(folder.cleanup)
        path = Path(folder.name)
        (policy,) = blocks("yaml")
        prices = (ROOT / "libs/config/default_prices.yaml").read_text()
        server = Server(OPTIONS.program, path, policy, prices)
        self.addCleanup(server.stop)
        expected = [
            ("policy validate", ALLOWED, r"valid: 2 limits, 1 overrides"),
            ("reserve", ALLOWED, r"ALLOW\n(.|\n)*estimated cost +\$0\.0156\n"),
            ("reserve", DENIED, r"DENY\n(.|\n)*user-month .* over the limit"),
            ("commit", ALLOWED, r"charged +\$0\.00978\n"),
            ("usage", ALLOWED, r"user-month .* \$0\.00978 +\$0\.00 +\$0\.02 "),
            ("policy draft", ALLOWED, r"Version 1 of acme\n +state +draft\n"),
            ("policy backtest", ALLOWED, r"1 refused \(100\.0%\), which cost \$0\.00978; 1 users"),
            ("policy activate", ALLOWED, r"state +active\n"),
            ("limits set", ALLOWED, r"in force: limit user-month, version 2\n"),
            ("policy rollback", ALLOWED, r"Version 3 of acme\n +state +active\n"),
            ("exception request", ALLOWED, r"raise +user-month to \$0\.05\n"),
            ("key create", ALLOWED, r"stands for +team=search\n(.|\n)*\nqpk_\w+"),
            ("audit verify", ALLOWED, r"intact: 6 rows "),
        ]
        found = commands("quotactl")
        self.assertEqual(len(found), len(expected))
        for arguments, (subcommand, code, text) in zip(found, expected):
            with self.subTest(arguments):
                self.assertEqual(" ".join(arguments)[: len(subcommand)], subcommand)
                here = [path / a if a == "policy.yaml" else a for a in arguments]
                env = {"QUOTAPLANE_SERVER": server.address}
                done = run(OPTIONS.quotactl, *here, env=env)
                # A reader types no faster than the ledger writes.
                deadline = time.monotonic() + 30
                while "backtest" in here and "0 charges" in done.stdout:
                    self.assertLess(time.monotonic(), deadline, done.stdout)
                    done = run(OPTIONS.quotactl, *here, env=env)
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)
                self.assertRegex(done.stdout, text)

    def test_its_server_is_started_with_flags_that_exist(self) -> None:
        (arguments,) = commands("quotaplane")
        self.assertEqual(arguments.pop(), "&")
        flags = re.findall(r"(?m)^  (--[a-z-]+)", run(OPTIONS.program, "serve", "--help").stdout)
        self.assertLessEqual({a for a in arguments if a.startswith("--")}, set(flags))

    def test_its_links_lead_somewhere(self) -> None:
        links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
        self.assertGreater(len(links), 5)
        for link in links:
            self.assertTrue((ROOT / link).exists(), link)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    for name in ("program", "quotactl"):
        parser.add_argument(f"--{name}", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(argv=[sys.argv[0], *rest])
