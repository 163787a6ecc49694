#!/usr/bin/env python3
"""The commands of docs/control.md and docs/backtest.md, as a reader pastes them, one after the other.

Usage: control_doc_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC [UNITTEST…]
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from admin_case import poll
from client_case import OPTIONS, PRICES
from control_case import main
from python_client import ROOT, Server

POLICY = """
defaults: {on_outage: deny, time_zone: UTC}
unpriced_models: flag
limits:
  - {id: user-month, per: [user], unit: usd, amount: 500, window: month}
"""
PRODUCTION = "production.example:7411"


def blocks(document: str) -> list[str]:
    return re.findall(r"(?s)```bash\n(.*?)```", (ROOT / document).read_text())


class ControlDocTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = self.new_folder()
        self.server = ""
        self.production = ""

    def new_folder(self) -> Path:
        folder = tempfile.TemporaryDirectory(prefix="qp-doc-")
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def serve(self, *flags: object) -> str:
        server = Server(OPTIONS.program, self.new_folder(), POLICY, PRICES, flags)
        self.addCleanup(server.stop)
        return server.address

    def start(self, script: str) -> subprocess.Popen:
        path = f"{Path(OPTIONS.quotactl).resolve().parent}:{os.environ['PATH']}"
        env = {"HOME": str(self.folder), "PATH": path, "QUOTAPLANE_SERVER": self.server}
        command = ["bash", "-euo", "pipefail", "-c", script.replace(PRODUCTION, self.production)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe,
            text=True, start_new_session=True,
        )  # fmt: skip

    def bash(self, script: str) -> str:
        """Its output; it ends well."""
        started = self.start(script)
        out, err = started.communicate(timeout=60)
        self.assertEqual(started.returncode, 0, f"{script}\n{out}\n{err}")
        return out

    def say(self, script: str, *facts: str) -> None:
        text = self.bash(script)
        for fact in facts:
            self.assertRegex(text, fact)
            text = text[re.search(fact, text).end() :]

    def test_control(self) -> None:
        tokens, login, caps, life, changes, log, tail, exceptions, keys, books, state = blocks(
            "docs/control.md"
        )
        tokens, serve = tokens.rsplit("\n", 2)[:2]
        self.assertEqual(serve, "quotaplane serve --auth auth.yaml &")
        self.bash(tokens)
        self.server = self.serve("--auth", self.folder / "auth.yaml")
        self.production = self.serve("--auth", self.folder / "auth.yaml")
        self.say(login, rf"^{self.server} accepts the token")
        self.say(caps, r"in force: .*, version 1\n", r"team-search-month-usd .* \$5,000\.00 ",
                 r"user-month .* \$500\.00 ")  # fmt: skip
        self.say(life, r"valid: 2 limits", r"Version 2 (.|\n)*?state +draft", r"~  .* 5000 -> 4000",
                 r"0 over at once", r"0 refused", r"token:bob", r"Version 2 (.|\n)*?state +active",
                 r"Version 3 (.|\n)*?state +active", r"\n +3  active")  # fmt: skip
        self.say(changes, r"Version 4 ", r"amount: 700\}", r"state +discarded")
        self.say(log, r"\n  1 .* token:ann +SetLimit +policy/1 +OK", r"\{(.|\n)*?ActivatePolicy",
                 r"intact: [\d,]+ rows", r"\n\d+:[0-9a-f]{64}\n$")  # fmt: skip
        self.follow(tail)
        self.say(exceptions, r"state +requested(.|\n)*?user-month to \$900\.00", r"state +active",
                 r"approved +token:bob", r"user-month .* usd ", r"state +revoked")  # fmt: skip
        self.say(keys, r"\nqpk_\w+_\S+\n", r"user=carol", r"\nqpk_\w+_\S+\n", r"old secret until",
                 r"revoked +token:ann")  # fmt: skip
        (self.folder / "prices.yaml").write_text(PRICES)
        self.say(books, r"Price book 1 (.*): draft", r": scheduled from", r"\n +1  .*scheduled")
        self.server_login(login)
        self.say(
            state, r"No changes\.", r"\+  policy(.|\n)*?a dry run\.", r"applied: policy version 1"
        )

    def server_login(self, login: str) -> None:
        """At the other server, which the document asks for in words."""
        here, self.server = self.server, self.production
        self.bash(login)
        self.server = here

    def follow(self, tail: str) -> None:
        """It never ends by itself."""
        started = self.start(f"exec {tail}")
        file = self.folder / "audit.jsonl"
        poll(lambda: file.exists() and '"action":"RollbackPolicy"' in file.read_text())
        started.terminate()
        self.assertEqual(started.communicate(timeout=30), ("", ""))

    def test_backtest(self) -> None:
        self.server = self.serve()
        spend = "quotactl record --org acme --user alice --model large --input-tokens 10000000"
        self.bash(f"{spend} --id r-1; {spend} --id r-2")
        poll(lambda: "$60.00" in self.bash("quotactl report usage --org acme"))
        (commands,) = blocks("docs/backtest.md")
        text = self.bash(commands)
        self.assertRegex(text, r"Version 1 (.|\n)*?state +draft")
        self.assertRegex(text, r"\n1 over at once(.|\n)*?\n1 refused \(50\.0%\)(.|\n)*?\n0 refused")


if __name__ == "__main__":
    main(__doc__)
