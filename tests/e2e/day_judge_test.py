#!/usr/bin/env python3
"""Would a day that over-admits fail? All the way from a server, by loadgen, to the verdict of `tools/bench day`.

Usage: day_judge_test.py --program QUOTAPLANE --quotactl QUOTACTL --loadgen LOADGEN --protoc PROTOC [unittest's arguments]
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).resolve().parent), str(ROOT / "tools/python")]
from cli_case import OPTIONS, ServerCase, main, run
from cluster.processes import wait_until
from day import verdict

REQUESTS = 200


def policy(team_requests: int) -> str:
    limit = {"id": "team-ever", "per": ["team"], "unit": "requests", "window": "lifetime"}
    limits = [limit | {"amount": team_requests}]
    # JSON is YAML.
    return json.dumps({"defaults": {"on_outage": "deny", "time_zone": "UTC"}, "limits": limits})


class DayJudgeTest(ServerCase):
    POLICY = policy(1_000_000)

    def load(self, requests: int) -> dict:
        done = run(
            *(OPTIONS.loadgen, "--server", self.server.address, "--org", self.org, "--json"),
            *("--requests", requests, "--timeline", self.folder / "timeline.jsonl"),
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def over(self, result: dict) -> list[str]:
        return [each.limit for each in verdict.over_admissions(verdict.excesses([result]))]

    def test_what_is_past_a_hard_limit_is_seen_and_no_excuse_covers_it(self) -> None:
        well = self.load(REQUESTS)
        self.assertEqual(self.over(well), [])
        self.assertEqual(well["unheld"], 0)

        # As if all those had been admitted against the limit.
        self.write("policy.yaml", policy(1))
        wait_until(self.one_is_the_limit, "the server reads the policy")
        past = self.load(1)
        self.assertIn("team-ever", self.over(past))
        by = sum(each.by + 1 for each in verdict.excesses([past]))
        self.assertEqual(by, well["committed"])

    def one_is_the_limit(self) -> bool:
        usage = self.json("usage", "--team", "search")
        return usage["limits"][0]["amount"] == "1"


if __name__ == "__main__":
    main(__doc__)
