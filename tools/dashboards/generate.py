#!/usr/bin/env python3
"""Writes the dashboards of helm/quotaplane/files/dashboards.

Usage: tools/dashboards/generate.py [--check]

  --check   changes nothing; names what is not as it would be written, and ends with 1
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import anomalies
import limits
import service
import spend

FOLDER = Path(__file__).resolve().parents[2] / "helm/quotaplane/files/dashboards"


def texts() -> dict[Path, str]:
    boards = [each.board().document() for each in (spend, limits, service, anomalies)]
    return {FOLDER / f"{board['uid']}.json": json.dumps(board, indent=1) + "\n" for board in boards}


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    wanted = texts()
    there = {path: path.read_text() for path in FOLDER.glob("*.json")}
    stale = sorted(path for path in wanted | there if wanted.get(path) != there.get(path))
    if arguments:
        for path in stale:
            print(f"{path.name} is not what tools/dashboards/generate.py writes")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in stale:
        if path in wanted:
            path.write_text(wanted[path])
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
