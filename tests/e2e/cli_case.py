"""The base of the tests of the command-line programs: a real server, and quotactl and loadgen as
people and scripts call them."""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from python_client import Server

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


def write_trace(path: Path, rows: list[tuple[int, int]]) -> None:
    """CR LF, and no end after the last line: the worst of what real traces do."""
    lines = ["TIMESTAMP,ContextTokens,GeneratedTokens"]
    lines += [f"2023-11-16 18:17:{i % 60:02}.9799600,{c},{g}" for i, (c, g) in enumerate(rows)]
    path.write_bytes("\r\n".join(lines).encode())


def test_data() -> Path | None:
    folder = os.environ.get("QUOTAPLANE_TESTDATA")
    if not folder:
        print("left out: QUOTAPLANE_TESTDATA is not set", file=sys.stderr)
        return None
    return Path(folder)


def main(usage: str) -> None:
    parser = argparse.ArgumentParser(description=usage, add_help=False)
    for name in ("program", "quotactl", "loadgen", "protoc"):
        parser.add_argument(f"--{name}", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
