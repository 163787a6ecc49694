#!/usr/bin/env python3
"""Prints the failed tests of a JUnit file of ctest, each with the end of what it said, and nothing where none failed.

Usage: tools/failed_tests.py FILE

A log of two thousand tests hides its one failure in the middle; this is what tools/test ends with instead.
"""

import sys
import xml.etree.ElementTree as ElementTree

LINES_OF_ONE = 40
SHOWN = 10


def failed(root):
    """(name, why, output) of every test that neither passed nor was left out on purpose."""
    for case in root.iter("testcase"):
        status = case.get("status")
        if status not in ("run", "disabled"):
            yield case.get("name"), f"{status}, after {float(case.get('time') or 0):.1f} s", case.findtext("system-out") or ""


def report(root):
    """Lines for a reader."""
    tests = list(failed(root))
    for name, why, output in tests[:SHOWN]:
        yield f"✗ {name}: {why}"
        lines = output.splitlines()
        if len(lines) > LINES_OF_ONE:
            yield f"    … {len(lines) - LINES_OF_ONE} lines before"
        for line in lines[-LINES_OF_ONE:]:
            yield f"    {line}"
    for name, why, _ in tests[SHOWN:]:
        yield f"✗ {name}: {why}"


def main():
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if len(sys.argv) == 2 else 2
    for line in report(ElementTree.parse(sys.argv[1]).getroot()):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
