#!/usr/bin/env python3
"""The commands of docs/security.md, as a reader pastes them, one after the other.

Usage: security_doc_test.py --program QUOTAPLANE --quotactl QUOTACTL --protoc PROTOC [unittest's arguments]
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from auth_case import OPTIONS, AuthCase, main
from python_client import ROOT

DOC = (ROOT / "docs/security.md").read_text()
BLOCKS = re.findall(r"(?s)```bash\n(.*?)```", DOC)


class SecurityDocTest(AuthCase):
    def bash(self, script: str, server: str = "") -> str:
        """Its output; `server` in place of the document's."""
        path = f"{Path(OPTIONS.quotactl).resolve().parent}:{os.environ['PATH']}"
        env = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        env |= {"HOME": str(self.folder), "PATH": path, "QUOTAPLANE_SERVER": server}
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace("localhost:7411", server)],
            cwd=self.folder, env=env, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        return ended.stdout

    def test_the_commands_work(self) -> None:
        authority, tokens, serve, first_calls, client = BLOCKS
        self.bash(authority)
        self.bash(tokens)
        for name in ("gateway.token", "root.token"):
            self.secrets.append((self.folder / name).read_text().strip())

        program, command, *flags = serve.split()
        self.assertEqual([program, command, flags[0]], ["quotaplane", "serve", "--listen"])
        host = flags[1].rsplit(":", 1)[0]
        files = [flag if flag.startswith("--") else self.folder / flag for flag in flags[2:]]
        server = self.serve(*files, listen=f"{host}:0")
        there = f"localhost:{server.address.rsplit(':', 1)[1]}"
        self.assertIn(f"{there} accepts the token", self.bash(first_calls, there))

        # The same server, which now also asks for certificates.
        entry = {"match": "gateway-1.acme.example", "roles": [{"role": "gateway", "org": "acme"}]}
        with self.auth_file.open("a") as file:
            file.write(f"certificates: {json.dumps([entry])}\n")
        (self.folder / "mutual").mkdir()
        mutual = self.serve(*files, "--tls-client-ca", self.folder / "ca.crt",
                            folder=self.folder / "mutual")  # fmt: skip
        there = f"localhost:{mutual.address.rsplit(':', 1)[1]}"
        self.bash(client, there)


if __name__ == "__main__":
    main(__doc__)
