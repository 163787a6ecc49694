"""The command line of tools/bench sizing."""

import argparse
import json
import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from cluster.layout import ClusterError

from . import measure, plan, report


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/bench sizing",
        description="What a deployment takes: processor time of a request in each process, with and "
        "without TLS, with few limits and many; bytes in Redis and in the ledger's database; memory. "
        "Real servers, a real Redis, PostgreSQL and SQLite, one after the other. Then what a company "
        "of some size needs (docs/operating.md).",
    )
    parser.add_argument(
        "--requests", type=int, default=100_000,
        help="of each of the two long runs, PostgreSQL and SQLite; others have a part: %(default)s",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="the figures go to this file")
    parser.add_argument("--from", type=Path, dest="known", metavar="FILE",
                        help="measures nothing: the figures of this file")  # fmt: skip
    company = parser.add_argument_group("the company")
    company.add_argument("--people", type=int, default=500, help="%(default)s")
    company.add_argument("--requests-a-day", type=int, default=2_000_000, help="%(default)s")
    company.add_argument("--peak", type=float, default=5,
                         help="the busiest minutes, as a multiple of the day's mean: %(default)s")  # fmt: skip
    company.add_argument("--limits", type=int, default=6,
                         help="that count a request: %(default)s")  # fmt: skip
    parser.add_argument("--programs", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--commit", default="unknown", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.requests < 1000:
        parser.error("--requests: fewer than 1000 show nothing")
    return options


def machine() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def measured(options: argparse.Namespace) -> dict:
    begin = time.monotonic()
    seen = measure.measure(measure.Plan(options.programs, options.requests, say))
    run = {
        "requests": options.requests,
        "elapsed_s": time.monotonic() - begin,
        "machine": machine(),
        "cores": os.cpu_count(),
        "commit": options.commit,
        "date": datetime.now(timezone.utc).date().isoformat(),
    }
    return {"run": run} | seen


def main() -> int:
    options = arguments()
    demand = plan.Demand(
        options.people, options.requests_a_day, options.peak, options.limits
    )
    if options.known:
        print(report.plan_text(json.loads(options.known.read_text()), demand), end="")
        return 0
    try:
        seen = measured(options)
    except ClusterError as error:
        print(f"tools/bench sizing: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(seen, indent=1) + "\n")
    print(report.figures_text(seen))
    print(report.plan_text(seen, demand), end="")
    if options.json:
        print("", options.json, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
