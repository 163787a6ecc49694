#!/usr/bin/env python3
"""quotactl over files: policies that are checked, price maps that are imported.

Usage: cli_files_test.py --program QUOTAPLANE --quotactl QUOTACTL --loadgen LOADGEN --protoc PROTOC
       [unittest's arguments]
"""

import json
import tempfile
import unittest
from pathlib import Path

from cli_case import FAILED, OPTIONS, POLICY, UNLIMITED_POLICY, main, run, test_data
from python_client import Server


class PolicyTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-cli-")
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "policy.yaml"

    def validate(self, text: str, *more: str):
        self.path.write_text(text)
        return run(OPTIONS.quotactl, "policy", "validate", self.path, *more)

    def test_a_valid_policy_is_shown(self) -> None:
        done = self.validate(POLICY)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(
            done.stdout, r"team-month +team +usd +\$1\.00 +month UTC +deny +0 +50%, 80%, 100%\n"
        )
        self.assertRegex(done.stdout, r"limit-exhausted +threshold +at 100% +critical")
        self.assertIn("valid: 4 limits, 0 overrides, 1 model rules", done.stdout)
        verdict = json.loads(self.validate(POLICY, "--json").stdout)
        self.assertEqual((verdict["valid"], verdict["limits"]), (True, 4))
        self.assertEqual(verdict["alert_rules"][0]["id"], "limit-exhausted")

    def test_every_error_names_its_line(self) -> None:
        broken = POLICY.replace("window: 60s", "window: 60x").replace("amount: 1,", "amont: 1,")
        done = self.validate(broken)
        self.assertEqual(done.returncode, FAILED)
        self.assertEqual(done.stdout, "")
        self.assertIn(f"{self.path}:7: ", done.stderr)
        self.assertIn(f"{self.path}:8: ", done.stderr)
        verdict = json.loads(self.validate(broken, "--json").stdout)
        self.assertFalse(verdict["valid"])
        self.assertGreaterEqual(len(verdict["errors"]), 2)

    def test_a_missing_file_is_named(self) -> None:
        done = run(OPTIONS.quotactl, "policy", "validate", "/nonexistent/policy.yaml")
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("/nonexistent/policy.yaml", done.stderr)

    def test_the_demo_policy_is_valid(self) -> None:
        demo = Path(__file__).parents[2] / "tools/loadgen/demo_policy.yaml"
        self.assertEqual(run(OPTIONS.quotactl, "policy", "validate", demo).returncode, 0)


class PricesTest(unittest.TestCase):
    MAP = {
        "sample_spec": {"input_cost_per_token": 0},
        "good": {
            "mode": "chat",
            "litellm_provider": "x",
            "input_cost_per_token": 3e-06,
            "output_cost_per_token": 1.5e-05,
        },
        "picture": {"mode": "image_generation", "input_cost_per_pixel": 1e-08},
    }

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.map = self.folder / "map.json"
        self.map.write_text(json.dumps(self.MAP))

    def import_(self, *more: object):
        done = run(OPTIONS.quotactl, "prices", "import", self.map, "--from", "2026-11-01", *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_the_book_goes_to_stdout_and_the_report_to_stderr(self) -> None:
        done = self.import_()
        self.assertIn('model: "good"', done.stdout)
        self.assertIn("2026-11-01", done.stdout)
        self.assertRegex(done.stderr, r"(?m)^SKIPPED +WHY +FOR EXAMPLE$")
        self.assertIn("picture", done.stderr)

    def test_out_and_json(self) -> None:
        out = self.folder / "prices.yaml"
        report = json.loads(self.import_("--out", out, "--json", "--verbose").stdout)
        self.assertEqual(report["models"], 1)
        self.assertEqual(report["skipped"], sum(report["skipped_by_reason"].values()))
        self.assertIn("picture", [each["model"] for each in report["skipped_keys"]])
        server = Server(OPTIONS.program, self.folder, UNLIMITED_POLICY, out.read_text())
        self.addCleanup(server.stop)
        call = ["check", "--model", "good", "--input-tokens", 1_000_000]
        done = run(OPTIONS.quotactl, "--server", server.address, *call)
        self.assertRegex(done.stdout, r"estimated cost +\$3\.00\n")

    def test_what_is_no_map_is_said(self) -> None:
        self.map.write_text("[]")
        done = run(OPTIONS.quotactl, "prices", "import", self.map)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn(str(self.map), done.stderr)

    def test_the_real_map(self) -> None:
        data = test_data()
        if data is None:
            return
        self.map = data / "prices/litellm_model_prices.json"
        out = self.folder / "prices.yaml"
        report = json.loads(self.import_("--out", out, "--json").stdout)
        self.assertGreater(report["models"], 1000)
        self.assertGreater(report["exact_prices"], 50 * report["rounded_prices"])
        server = Server(OPTIONS.program, self.folder, UNLIMITED_POLICY, out.read_text())
        self.addCleanup(server.stop)
        call = ["check", "--model", "claude-sonnet-4-5", "--input-tokens", 1000]
        done = run(OPTIONS.quotactl, "--server", server.address, *call)
        self.assertRegex(done.stdout, r"estimated cost +\$0\.003\n", done.stderr)


if __name__ == "__main__":
    main(__doc__)
