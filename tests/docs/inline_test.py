#!/usr/bin/env python3
"""Commands within a document's sentences are none that one pastes; but there are such subcommands,
with such options, and such files.

Usage: inline_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import functools
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
import document
from blocks import ROOT, documents, prose_of

SPAN = re.compile(r"`((?:quotactl|quotaplane|loadgen|tools/[\w.]+)(?:\s[^`]*)?)`")
# Lists of subcommands, steps and benchmarks begin their lines with a name.
LISTED = re.compile(r"(?m)^ {2,4}([a-z][a-z_-]*) {2,}")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
# tools/ that take no subcommand, or are none that one calls.
PLAIN = ("tools/quickstart", "tools/build", "tools/test", "tools/helm")


@functools.cache
def help_of(program: str, *subcommands: str) -> str:
    if program.startswith("tools/"):
        path = ROOT / program
    else:
        path = document.OPTIONS.programs / program
    done = subprocess.run(
        [path, *subcommands, "--help"], capture_output=True, text=True, timeout=60
    )
    return done.stdout if done.returncode == 0 else ""


def wrong_with(command: str) -> str:
    """What of it is not there; empty where all is."""
    program, *words = command.split()
    if program.startswith("tools/"):
        if not (ROOT / program).exists():
            return program
        if not words or "." in program:
            return ""
    subcommands: list[str] = []
    for word in words:
        known = set(LISTED.findall(help_of(program, *subcommands)))
        if word.startswith("-") or not known or program in PLAIN:
            break
        if not re.fullmatch(r"[a-z][a-z_-]*", word):
            break
        if word not in known:
            return " ".join((program, *subcommands, word))
        if program.startswith("tools/"):
            break
        subcommands.append(word)
    known = set(OPTION.findall(help_of(program, *subcommands)))
    return next((option for option in OPTION.findall(command) if option not in known), "")


class InlineTest(unittest.TestCase):
    def test_what_is_named_is_there(self) -> None:
        checked = 0
        for name, text in documents().items():
            for span in SPAN.findall(prose_of(text)):
                with self.subTest(f"{name}: {span}"):
                    self.assertEqual(wrong_with(span), "")
                    checked += 1
        self.assertGreater(checked, 50)

    def test_what_is_not_there_is_found(self) -> None:
        for command in (
            "quotactl verfy",
            "quotactl policy validat FILE",
            "quotactl report usage --group",
            "quotaplane serve --polizy FILE",
            "loadgen --request 4",
            "tools/quickstart --keap",
            "tools/bench hotpaths",
            "tools/check helmet",
            "tools/cluster upp",
            "tools/none",
        ):
            with self.subTest(command):
                self.assertNotEqual(wrong_with(command), "")


if __name__ == "__main__":
    document.main(__doc__)
