#!/usr/bin/env python3
"""quotactl and loadgen against a real server: exit codes, JSON, tables, errors, replays."""

import argparse
import csv
import itertools
import json
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from google.protobuf import json_format

from python_client import Protos, Server

POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
unpriced_models: deny
models:
  - {id: interns-small-models, when: {team: interns}, allow: ["small*"]}
limits:
  - {id: user-minute, per: [user], unit: requests, amount: 2, window: 60s}
  - {id: team-month, per: [team], unit: usd, amount: 1, window: month}
  - id: project-day
    per: [project]
    unit: total_tokens
    amount: 1000
    window: day
    on_exceed: soft
  - {id: agent-lifetime, per: [labels.agent], unit: mcp_tool_calls, amount: 5, window: lifetime}
"""
# Every team has a budget of one cent, but one.
TIGHT_POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
limits:
  - {id: org-month, per: [org], unit: usd, amount: 100, window: month}
  - id: team-month
    per: [team]
    unit: usd
    amount: 0.01
    window: month
    overrides: [{team: search, amount: 50}]
"""
UNLIMITED_POLICY = "defaults: {on_outage: deny, time_zone: UTC}\nlimits: []\n"
PRICES = """
version: "test"
models:
  - {model: large, from: 2020-01-01, usd_per_million: {input: 3, output: 15}}
  - {model: small, from: 2020-01-01, usd_per_million: {input: 0.25, output: 1.25}}
  - {model: claude-sonnet-4-5, from: 2020-01-01, usd_per_million: {input: 3, output: 15}}
  - {model: claude-opus-4-5, from: 2020-01-01, usd_per_million: {input: 5, output: 25}}
  - {model: claude-haiku-4-5, from: 2020-01-01, usd_per_million: {input: 1, output: 5}}
  - {model: gpt-5-mini, from: 2020-01-01, usd_per_million: {input: 0.25, output: 2}}
"""
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
    ["report", "reconcile"],
    ["replay"],
    ["policy", "validate"],
    ["prices", "import"],
)
USD = 1_000_000_000
ALLOWED, FAILED, WRONG_USE, DENIED = 0, 1, 2, 3

OPTIONS = argparse.Namespace()


def run(program: str, *arguments: object, env: dict[str, str] | None = None):
    environment = {"PATH": os.environ["PATH"]} | (env or {})
    return subprocess.run(
        [program, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


class ServerCase(unittest.TestCase):
    """One server for all tests of a class; each test is an org of its own."""

    POLICY = POLICY
    MORE: tuple[object, ...] = ()
    orgs = itertools.count()

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-cli-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.server = Server(OPTIONS.program, cls.folder, cls.POLICY, PRICES, cls.MORE)
        cls.addClassCleanup(lambda: cls.server.stop())

    def setUp(self) -> None:
        self.org = f"org-{next(self.orgs)}"

    def quotactl(self, *arguments: object, code: int = ALLOWED, env: dict[str, str] | None = None):
        env = {"QUOTAPLANE_SERVER": self.server.address, "QUOTAPLANE_ORG": self.org} | (env or {})
        done = run(OPTIONS.quotactl, *arguments, env=env)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def json(self, *arguments: object, code: int = ALLOWED) -> dict:
        return json.loads(self.quotactl(*arguments, "--json", code=code).stdout)

    def reserve(self, id: str, *more: object, code: int = ALLOWED) -> dict:
        tokens = ["--input-tokens", 1000, "--max-output-tokens", 1000]
        return self.json("reserve", "--id", id, "--model", "large", *tokens, *more, code=code)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, newline="")
        return path


class RequestTest(ServerCase):
    def test_life_of_a_request(self) -> None:
        subject = ["--team", "search", "--user", "alice", "--model", "large"]
        tokens = ["--input-tokens", 1000, "--max-output-tokens", 1000]
        reserved = self.quotactl("reserve", "--id", "r-1", *subject, *tokens).stdout
        self.assertIn("ALLOW\n", reserved)
        self.assertRegex(reserved, r"reservation +r-1\n")
        self.assertRegex(reserved, r"estimated cost +\$0\.018\n")
        self.assertRegex(reserved, r"user-minute +\{org=\S+, user=alice\} +requests +1 +2 +1")

        used = ["--input-tokens", 1000, "--output-tokens", 200]
        committed = self.quotactl("commit", "--id", "r-1", *subject, *used).stdout
        self.assertIn("COMMITTED\n", committed)
        self.assertRegex(committed, r"charged +\$0\.006\n")
        self.assertRegex(committed, r"held +\$0\.018\n")

        usage = self.quotactl("usage", "--team", "search", "--user", "alice").stdout
        self.assertRegex(usage, r"team-month .* deny +usd +\$0\.006 +\$0\.00 +\$1\.00 +\$0\.994 ")
        self.assertRegex(usage, r"user-minute .* 60s +deny +requests +1 +0 +2 +1 \(50%\)")

    def test_json_is_that_of_the_proto(self) -> None:
        folder = self.folder / "protos"
        folder.mkdir()
        quota = Protos(OPTIONS.protoc, folder).quota
        subject = ["--user", "alice", "--model", "large"]
        used = ["--input-tokens", 10, "--output-tokens", 5]
        calls = {
            "Reserve": ["reserve", "--id", "r-1", *subject, *used],
            "Extend": ["extend", "--id", "r-1", "--sequence", 1, *subject, "--ttl", "1h"],
            "Commit": ["commit", "--id", "r-1", *subject, *used],
            "Check": ["check", *subject, *used],
            "Record": ["record", "--id", "rec-1", *subject, *used],
            "GetUsage": ["usage", *subject],
        }
        for name, arguments in calls.items():
            with self.subTest(name):
                text = self.quotactl(*arguments, "--json").stdout
                message = json_format.Parse(text, getattr(quota, f"{name}Response")())
                # Field names as in the .proto, defaults written out.
                again = json_format.MessageToDict(
                    message,
                    preserving_proto_field_name=True,
                    including_default_value_fields=True,
                )
                self.assertEqual(json.loads(text), again)
        self.reserve("r-2", "--user", "bob")
        released = self.quotactl("release", "--id", "r-2", "--json").stdout
        message = json_format.Parse(released, quota.ReleaseResponse())
        self.assertEqual(message.outcome, quota.ReleaseResponse.OUTCOME_RELEASED)

    def test_a_generated_id_is_printed_and_works(self) -> None:
        subject = ["--user", "alice", "--model", "large"]
        text = self.quotactl("reserve", *subject, "--input-tokens", 10).stdout
        id = re.search(r"reservation +(r-[0-9a-f]{32})\n", text)[1]
        commit = self.json("commit", "--id", id, *subject, "--input-tokens", 10)
        self.assertFalse(commit["unreserved"])
        done = self.quotactl("reserve", *subject, "--input-tokens", 10, "--json")
        self.assertRegex(done.stderr, r"^reservation id: r-[0-9a-f]{32}\n$")
        self.assertEqual(json.loads(done.stdout)["decision"], "DECISION_ALLOW")

    def test_a_refusal_is_exit_code_3_and_says_why(self) -> None:
        for id in ("r-1", "r-2"):
            self.reserve(id, "--user", "alice")
        denied = self.reserve("r-3", "--user", "alice", code=DENIED)
        self.assertEqual(denied["decision"], "DECISION_DENY")
        self.assertEqual(denied["exceeded"][0]["limit_id"], "user-minute")
        subject = ["--user", "alice", "--model", "large"]
        text = self.quotactl("check", *subject, "--input-tokens", 1, code=DENIED).stdout
        self.assertIn("DENY\n", text)
        self.assertRegex(text, r"user-minute .* over the limit +deny +requests +2 +1 +2")

    def test_extend_denied_is_exit_code_3(self) -> None:
        self.reserve("r-1", "--team", "search")
        more = ["--team", "search", "--model", "large", "--max-output-tokens", 100_000]
        arguments = ["extend", "--id", "r-1", "--sequence", 1, *more]
        self.assertIn("cut the stream", self.quotactl(*arguments, code=DENIED).stdout)

    def test_extend_raises_the_hold(self) -> None:
        self.reserve("r-1", "--team", "search")
        more = ["--team", "search", "--model", "large", "--input-tokens", 1000]
        extended = self.json(
            "extend", "--id", "r-1", "--sequence", 1, *more, "--max-output-tokens", 2000
        )
        self.assertEqual(extended["estimated_cost_nano_usd"], str(33_000_000))
        usage = self.json("usage", "--team", "search")
        self.assertEqual(usage["limits"][0]["held"], str(33_000_000))

    def test_a_soft_limit_allows_and_is_shown(self) -> None:
        text = self.quotactl(
            "reserve", "--project", "p", "--model", "large", "--input-tokens", 5000
        ).stdout
        self.assertIn("ALLOW (a soft or shadow limit is exceeded)", text)
        self.assertRegex(text, r"project-day .* soft +total_tokens +0 +5,000 +1,000")

    def test_a_model_rule_is_shown(self) -> None:
        arguments = ["check", "--team", "interns", "--model", "large", "--input-tokens", 1]
        text = self.quotactl(*arguments, code=DENIED).stdout
        self.assertRegex(text, r"interns-small-models .* model not allowed")

    def test_labels_and_custom_meters(self) -> None:
        call = ["reserve", "--model", "large", "--label", "agent=ci", "--label", "session=s"]
        self.json(*call, "--meter", "mcp_tool_calls=5")
        self.json(*call, "--meter", "mcp_tool_calls=1", code=DENIED)

    def test_a_chain_of_attempts_is_priced_attempt_by_attempt(self) -> None:
        self.reserve("r-1")
        chain = ["--attempt", "model=large,input=1000,output=0"]
        chain += ["--attempt", "model=small,input=1000,output=1000"]
        commit = self.json("commit", "--id", "r-1", "--model", "large", *chain)
        self.assertEqual(int(commit["cost_nano_usd"]), 3_000_000 + 250_000 + 1_250_000)

    def test_record_twice_is_charged_once(self) -> None:
        record = ["record", "--id", "log-1", "--model", "large", "--input-tokens", 1000]
        self.assertFalse(self.json(*record, "--team", "search")["replayed"])
        again = self.quotactl(*record, "--team", "search").stdout
        self.assertRegex(again, r"note +a retry")
        usage = self.json("usage", "--team", "search")
        self.assertEqual(usage["limits"][0]["used"], str(3_000_000))

    def test_release_gives_the_hold_back(self) -> None:
        self.reserve("r-1", "--team", "search")
        self.assertIn("RELEASED\n", self.quotactl("release", "--id", "r-1").stdout)
        self.assertEqual(self.json("usage", "--team", "search")["limits"][0]["held"], "0")

    def test_no_limit_applies(self) -> None:
        self.assertIn("No limit of the policy applies", self.quotactl("usage").stdout)


class ErrorTest(ServerCase):
    def test_a_field_the_server_refuses_is_wrong_use(self) -> None:
        call = ["reserve", "--id", "r-1", "--input-tokens", 1]
        done = self.quotactl(*call, code=WRONG_USE)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"(?m)^INVALID_ARGUMENT: ")
        self.assertRegex(done.stderr, r"(?m)^  subject\.model  ")
        status = self.json(*call, code=WRONG_USE)
        self.assertEqual(status["code"], 3)
        self.assertEqual(status["details"][0]["field_violations"][0]["field"], "subject.model")

    def test_bad_flags_are_wrong_use(self) -> None:
        wrong = (
            [],
            ["reserve", "--colour"],
            ["reserve", "--input-tokens", "many"],
            ["reserve", "--output-tokens", 1, "--max-output-tokens", 2],
            ["reserve", "--label", "agent"],
            ["reserve", "--ttl", "soon"],
            ["reserve", "--tier", "BATCH"],
            ["check", "--timeout", "0s"],
            ["usage", "--server", ""],
            ["usage", "--server", "localhost"],
            ["usage", "--server", "127.0.0.1:99999"],
            ["usage", "--server", "http://localhost:7411"],
            ["commit", "--model", "large"],
            ["commit", "--id", "r-1", "--attempt", "input=1", "--input-tokens", 1],
            ["extend", "--id", "r-1"],
            ["release"],
            ["replay"],
            ["replay", "x.csv", "--concurrency", 0],
            ["policy"],
            ["prices", "import", "x.json", "--from", "soon"],
            ["destroy"],
        )
        for arguments in wrong:
            with self.subTest(arguments):
                done = self.quotactl(*arguments, code=WRONG_USE)
                self.assertNotEqual(done.stderr + done.stdout, "")

    def test_an_unknown_subcommand_is_named(self) -> None:
        self.assertIn('no subcommand "destroy"', self.quotactl("destroy", code=WRONG_USE).stderr)
        wrong = self.quotactl("policy", "destroy", code=WRONG_USE)
        self.assertIn('no subcommand "destroy"', wrong.stderr)
        server = run(OPTIONS.program, "destroy")
        self.assertEqual(server.returncode, WRONG_USE, server.stderr)
        self.assertEqual(run(OPTIONS.program, "serve", "--help").returncode, ALLOWED)

    def test_a_reason_comes_with_advice(self) -> None:
        done = self.quotactl("release", "--id", "never-made", code=FAILED)
        self.assertIn("NOT_FOUND RESERVATION_UNKNOWN", done.stderr)
        self.assertIn("Check --id and --org", done.stderr)
        self.reserve("r-1")
        self.quotactl("release", "--id", "r-1")
        commit = ["commit", "--id", "r-1", "--model", "large", "--input-tokens", 1]
        self.assertIn("RESERVATION_RELEASED", self.quotactl(*commit, code=FAILED).stderr)
        status = self.json(*commit, code=FAILED)
        self.assertEqual(status["details"][0]["reason"], "RESERVATION_RELEASED")

    def test_another_request_under_the_same_id(self) -> None:
        self.reserve("r-1")
        call = ["reserve", "--id", "r-1", "--model", "small", "--input-tokens", 7]
        self.assertIn("RESERVATION_MISMATCH", self.quotactl(*call, code=FAILED).stderr)

    def test_no_server_says_how_to_start_one(self) -> None:
        nowhere = ["--server", "127.0.0.1:1"]
        done = self.quotactl(*nowhere, "usage", code=FAILED)
        self.assertIn("No server answers at 127.0.0.1:1", done.stderr)
        self.assertIn("quotaplane serve", done.stderr)
        # Global flags are taken after the subcommand as well.
        self.quotactl("usage", *nowhere, code=FAILED)
        self.assertEqual(self.json(*nowhere, "usage", code=FAILED)["code"], 14)


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


class ColourTest(ServerCase):
    def on_a_terminal(self, env: dict[str, str]) -> str:
        ours, theirs = pty.openpty()
        env = {"QUOTAPLANE_SERVER": self.server.address, "TERM": "xterm"} | env
        call = [OPTIONS.quotactl, "check", "--model", "large", "--input-tokens", "1"]
        subprocess.run(call, env=env, stdout=theirs, check=True, timeout=60)
        os.close(theirs)
        text = os.read(ours, 1 << 16).decode()
        os.close(ours)
        return text

    def test_colour_is_for_terminals_that_want_it(self) -> None:
        self.assertIn("\x1b[32mALLOW\x1b[0m", self.on_a_terminal({}))
        self.assertNotIn("\x1b", self.on_a_terminal({"NO_COLOR": "1"}))
        plain = self.quotactl("check", "--model", "large", "--input-tokens", 1).stdout
        self.assertNotIn("\x1b", plain)


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
        self.assertRegex(done.stdout, r"team-month +team +usd +\$1\.00 +month UTC +deny +0\n")
        self.assertIn("valid: 4 limits, 0 overrides, 1 model rules", done.stdout)
        verdict = json.loads(self.validate(POLICY, "--json").stdout)
        self.assertEqual((verdict["valid"], verdict["limits"]), (True, 4))

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


def write_trace(path: Path, rows: list[tuple[int, int]]) -> None:
    """CR LF, and no end after the last line: the worst of what real traces do."""
    lines = ["TIMESTAMP,ContextTokens,GeneratedTokens"]
    lines += [f"2023-11-16 18:17:{i % 60:02}.9799600,{c},{g}" for i, (c, g) in enumerate(rows)]
    path.write_bytes("\r\n".join(lines).encode())


class ReplayTest(ServerCase):
    POLICY = UNLIMITED_POLICY
    ROWS = [(100 + 7 * i, 3 * i) for i in range(200)]
    TOTALS = {
        "requests": 200,
        "committed": 200,
        "denied": 0,
        "input_tokens": sum(c for c, _ in ROWS),
        "output_tokens": sum(g for _, g in ROWS),
        "cost_nano_usd": sum(3000 * c + 15000 * g for c, g in ROWS),
    }

    def setUp(self) -> None:
        super().setUp()
        self.trace = self.folder / "trace.csv"
        write_trace(self.trace, self.ROWS)

    def test_totals_are_exact(self) -> None:
        for concurrency in (1, 32):
            totals = self.json("replay", self.trace, "--concurrency", concurrency)
            self.assertEqual(totals, self.TOTALS)

    def test_a_run_taken_up_again_gives_the_same_totals(self) -> None:
        arguments = ["replay", self.trace, "--run-id", f"run-{self.org}"]
        self.assertEqual(self.json(*arguments), self.TOTALS)
        self.assertEqual(self.json(*arguments), self.TOTALS)

    def test_people_get_a_table(self) -> None:
        done = self.quotactl("replay", self.trace, "--model", "small")
        self.assertRegex(done.stdout, r"committed +200\n")
        self.assertRegex(done.stdout, r"input tokens committed +159,300\n")
        self.assertRegex(done.stdout, r"run [0-9a-f]{16}\n$")

    def test_a_broken_trace_is_named_and_nothing_is_sent(self) -> None:
        path = self.write("broken.csv", self.trace.read_text() + "\nsoon,1,2\n")
        done = self.quotactl("replay", path, code=FAILED)
        self.assertIn(f"{path}:202: TIMESTAMP", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_model_without_a_price_is_denied(self) -> None:
        totals = self.json("replay", self.trace, "--model", "unheard-of")
        self.assertEqual((totals["committed"], totals["denied"]), (0, 200))

    def test_the_real_trace(self) -> None:
        data = test_data()
        if data is None:
            return
        totals = self.json("replay", data / "traces/azure_llm_code_2023.csv")
        expected = {
            "requests": 8819,
            "committed": 8819,
            "denied": 0,
            "input_tokens": 18_059_974,
            "output_tokens": 245_896,
            "cost_nano_usd": 57_868_362_000,
        }
        self.assertEqual(totals, expected)


class TightTest(ServerCase):
    POLICY = TIGHT_POLICY

    def spent(self, *subject: str) -> dict[str, int]:
        limits = self.json("usage", *subject)["limits"]
        return {limit["limit_id"]: int(limit["used"]) for limit in limits}

    def test_a_replay_never_goes_over(self) -> None:
        data = test_data()
        if data is None:
            path = self.folder / "trace.csv"
            write_trace(path, [(2000, 30)] * 2000)
        else:
            path = data / "traces/azure_llm_code_2023.csv"
        with path.open(newline="") as file:
            rows = sum(1 for _ in csv.DictReader(file))
        totals = self.json("replay", path, "--concurrency", 64)
        self.assertEqual(totals["committed"] + totals["denied"], rows)
        self.assertGreater(totals["denied"], 0)
        self.assertEqual(self.spent()["org-month"], totals["cost_nano_usd"])
        for team in ("assistant", "platform", "data-science", "support", "growth"):
            self.assertLessEqual(self.spent("--team", team)["team-month"], USD // 100)
        table = self.quotactl("replay", path).stdout
        self.assertRegex(table, r"DENIED BY +REQUESTS\nteam-month +[\d,]+\n")

    def test_loadgen_adds_up(self) -> None:
        arguments = ["--server", self.server.address, "--org", self.org, "--requests", 600]
        done = run(OPTIONS.loadgen, *arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["requests"], 600)
        self.assertEqual(result["allowed"] + result["refused"], 600)
        self.assertEqual(result["committed"] + result["released"], result["allowed"])
        self.assertGreater(result["refused"], 0)
        self.assertGreater(result["retries"], 0)
        self.assertEqual(result["limits"][0]["limit_id"], "team-month")
        self.assertEqual(sum(t["spent_nano_usd"] for t in result["teams"]), result["spent_nano_usd"])
        # What the clients were told they spent is what the server counts.
        self.assertEqual(result["org"]["budgets"][0]["used_nano_usd"], result["spent_nano_usd"])
        self.assertEqual(self.spent()["org-month"], result["spent_nano_usd"])
        for call in ("reserve", "commit"):
            self.assertGreaterEqual(result[call]["p99_us"], result[call]["p50_us"])
            self.assertGreater(result[call]["p50_us"], 0)

    def test_loadgen_prints_tables(self) -> None:
        arguments = ["--server", self.server.address, "--org", self.org, "--requests", 300]
        text = run(OPTIONS.loadgen, *arguments).stdout
        self.assertRegex(text, r"(?m)^sent +300 +100\.0%$")
        self.assertRegex(text, r"(?m)^team-month +usd +refused +\d+$")
        self.assertRegex(text, r"(?m)^search +\d+ +\d+ +\$[\d.,]+ +team-month \(month UTC\) ")
        self.assertRegex(text, r"(?m)^Reserve +300 +[\d.]+ ms +[\d.]+ ms$")

    def test_loadgen_without_a_server(self) -> None:
        done = run(OPTIONS.loadgen, "--server", "127.0.0.1:1", "--requests", 1)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("No server answers", done.stderr)


def test_data() -> Path | None:
    folder = os.environ.get("QUOTAPLANE_TESTDATA")
    if not folder:
        print("left out: QUOTAPLANE_TESTDATA is not set", file=sys.stderr)
        return None
    return Path(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    for name in ("program", "quotactl", "loadgen", "protoc"):
        parser.add_argument(f"--{name}", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(argv=[sys.argv[0], *rest])
