#!/usr/bin/env python3
"""quotactl's requests against a real server: exit codes, JSON, tables, errors, colour.

Usage: cli_test.py --program QUOTAPLANE --quotactl QUOTACTL --loadgen LOADGEN --protoc PROTOC
       [unittest's arguments]
"""

import json
import os
import pty
import re
import subprocess

from google.protobuf import json_format

from cli_case import ALLOWED, DENIED, FAILED, OPTIONS, WRONG_USE, ServerCase, main, run
from python_client import Protos


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

    def test_whether_the_server_takes_calls(self) -> None:
        self.assertEqual(self.quotactl("health").stdout, "The server takes calls.\n")
        done = self.quotactl("health", "ReportService")
        self.assertEqual(done.stdout, "ReportService takes calls.\n")
        self.assertEqual(self.json("health", "quotaplane.v1.AdminService"), {"status": "SERVING"})
        done = self.quotactl("health", "NoService", code=FAILED)
        self.assertIn("no such service", done.stderr)

    def test_no_server_says_how_to_start_one(self) -> None:
        nowhere = ["--server", "127.0.0.1:1"]
        done = self.quotactl(*nowhere, "usage", code=FAILED)
        self.assertIn("No server answers at 127.0.0.1:1", done.stderr)
        self.assertIn("quotaplane serve", done.stderr)
        # Global flags are taken after the subcommand as well.
        self.quotactl("usage", *nowhere, code=FAILED)
        self.assertEqual(self.json(*nowhere, "usage", code=FAILED)["code"], 14)


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


if __name__ == "__main__":
    main(__doc__)
