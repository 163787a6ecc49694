#!/usr/bin/env python3
"""The tests of helm/quotaplane, over the real Helm.

Usage: run_tests.py --helm HELM --strict STRICT --program QUOTAPLANE --quotactl QUOTACTL
                    --protoc PROTOC [--update] [NAME…]

  --strict  the program of strict/
  --update  writes golden/ anew instead of comparing with it
  NAME      a test to run, such as golden_test or values_test.SchemaTest; all by default
"""

import argparse
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from chart import OPTIONS  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name in ("helm", "strict", "program", "quotactl", "protoc"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("names", nargs="*")
    parser.parse_args(namespace=OPTIONS)
    loader = unittest.TestLoader()
    names = OPTIONS.names or sorted(path.stem for path in HERE.glob("*_test.py"))
    suite = loader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()
