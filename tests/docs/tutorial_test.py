#!/usr/bin/env python3
"""The commands of docs/tutorial.md, and what it shows of each.

Usage: tutorial_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import re
import socket
import sys

sys.dont_write_bytecode = True
import document
from blocks import ROOT

# Installs nothing: all of it is there already, where these tests run.
APT_GET = """#!/usr/bin/env bash
set -euo pipefail
[[ $1 == install ]]
shift
for word in "$@"; do
  [[ $word == --* ]] || grep -q "^$word " {packages}
done
"""

# What these show comes by itself, and sooner than a reader has got there.
IN_A_MOMENT = (
    "cat told.txt",
    "quotactl alert list",
    "quotactl check",
    "quotactl exception list",
    "quotactl policy plan",
    "quotactl report usage",
)


class TutorialTest(document.Case):
    DOCUMENT = "docs/tutorial.md"

    def follow(self) -> None:
        self.only_check("tools/quickstart")
        self.stand_in("apt-get", APT_GET.format(packages=ROOT / "tools/packages.txt"))
        self.have("proto")
        self.have_build()
        self.replace["7480"] = str(self.reserve_port())
        # Nobody waits a minute here.
        self.replace["--until 1m"] = "--until 12s"
        while self.left:
            if self.left[0].text.startswith(IN_A_MOMENT):
                self.paste_until()
            else:
                self.paste()

    def reserve_port(self) -> int:
        """Nobody else is given it; the program that is meant to have it reuses addresses."""
        held = socket.socket()
        self.addCleanup(held.close)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


if __name__ == "__main__":
    document.main(__doc__)
