#!/usr/bin/env python3
"""failed_tests.py over the file that a real ctest writes: a test that passes, one that fails, one that takes too long."""

import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import failed_tests

TESTS = """
add_test(good "true")
add_test(bad "sh" "-c" "seq {lines}; exit 3")
add_test(slow "sleep" "20")
set_tests_properties(slow PROPERTIES TIMEOUT 0.1)
add_test(nowhere "/no/such/program")
"""


class FailedTestsTest(unittest.TestCase):
    def report(self, lines: int) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "CTestTestfile.cmake").write_text(TESTS.format(lines=lines))
            results = Path(folder) / "results.xml"
            run = subprocess.run(["ctest", "--output-junit", results], cwd=folder, capture_output=True, check=False)
            self.assertNotEqual(run.returncode, 0)
            return list(failed_tests.report(ElementTree.parse(results).getroot()))

    def test_each_failed_one_is_named(self) -> None:
        names = [line.split(":")[0] for line in self.report(3) if line.startswith("✗")]
        self.assertEqual(names, ["✗ bad", "✗ slow", "✗ nowhere"])

    def test_a_short_output_is_shown_whole(self) -> None:
        lines = self.report(3)
        self.assertIn("✗ bad: fail, after 0.0 s", lines)
        self.assertEqual([line for line in lines if line.strip().isdigit()], ["    1", "    2", "    3"])

    def test_of_a_long_output_the_end_is_shown(self) -> None:
        lines = self.report(60)
        self.assertIn("    … 20 lines before", lines)
        self.assertEqual([int(line) for line in lines if line.strip().isdigit()], list(range(21, 61)))


if __name__ == "__main__":
    unittest.main()
