#!/usr/bin/env python3
"""The commands of docs/cluster.md, checked by the programs that they are for: e2e/cluster_test
brings up a cluster, does to it what they say, and spends a short day.

Usage: cluster_test.py --programs FOLDER --protoc PROTOC --build FOLDER [UNITTEST…]
"""

import sys

sys.dont_write_bytecode = True
import document
from blocks import ROOT

# Reads its command line as the tool does, and does no more.
READS = """#!/usr/bin/env bash
set -euo pipefail
{first}
export PYTHONPATH={root}/tools/python
exec /usr/bin/python3 -B -c 'from {module}.__main__ import arguments; arguments()' "$@" {more}
"""
CLUSTER = READS.format(first="", root=ROOT, module="cluster", more="")
DAY = READS.format(
    first="[[ $1 == day ]]; shift", root=ROOT, module="day", more="--programs build/release/bin"
)


class ClusterTest(document.Case):
    DOCUMENT = "docs/cluster.md"

    def follow(self) -> None:
        self.stand_in("tools/cluster", CLUSTER)
        self.stand_in("tools/bench", DAY)
        for wrong in ("tools/cluster upp", "tools/cluster up --fast", "tools/bench day --hours 2"):
            self.aside(wrong, 2)
        while self.left:
            self.paste()


if __name__ == "__main__":
    document.main(__doc__)
