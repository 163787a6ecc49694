#!/usr/bin/env python3
"""The commands of docs/security.md; none of their secrets is logged.

Usage: security_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import json
import sys

sys.dont_write_bytecode = True
import document

GATEWAY = {"match": "gateway-1.acme.example", "roles": [{"role": "gateway", "org": "acme"}]}


class SecurityTest(document.Case):
    DOCUMENT = "docs/security.md"

    def follow(self) -> None:
        self.paste()  # certificates
        self.paste()  # tokens
        self.start()
        self.assert_says(self.paste(), f"{self.replace['localhost:7411']} accepts the token")

        # Another server over the same files, which also asks for certificates.
        with (self.here / "auth.yaml").open("a") as file:
            file.write(f"certificates: {json.dumps([GATEWAY])}\n")
        self.serve(
            "--auth", "auth.yaml", "--tls-cert", "server.crt", "--tls-key", "server.key",
            "--tls-client-ca", "ca.crt", "--data-dir", "mutual",
        )  # fmt: skip
        self.paste()

        for name in ("gateway.token", "root.token"):
            self.assertNotIn((self.here / name).read_text().strip(), self.log())
        self.assertIn("metrics on", self.log())


if __name__ == "__main__":
    document.main(__doc__)
