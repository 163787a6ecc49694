#!/usr/bin/env python3
"""The commands of docs/failures.md; each promise there has tests.

Usage: failures_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import re
import sys
import unittest

sys.dont_write_bytecode = True
import document
from blocks import ROOT

POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
limits:
  - {id: org-month, per: [org], unit: usd, amount: 1000, window: month}
"""


class FailuresTest(document.Case):
    DOCUMENT = "docs/failures.md"

    def follow(self) -> None:
        self.serve("--policy", self.write("policy.yaml", POLICY))
        self.paste()


class PromisesTest(unittest.TestCase):
    def test_each_has_tests(self) -> None:
        text = (ROOT / FailuresTest.DOCUMENT).read_text()
        promises = re.split(r"(?m)^### \d+\. ", text.split("## When something fails")[0])[1:]
        self.assertEqual(len(promises), 10)
        for promise in promises:
            self.assertRegex(promise, r"\*\*Attacked by\*\* \[\w+\]\(\.\./\S+_test\.(cc|py)\)")


if __name__ == "__main__":
    document.main(__doc__)
