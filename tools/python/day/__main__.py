"""The command line of tools/bench day."""

import argparse
import json
import signal
import sys
import time
import traceback
from pathlib import Path

from cluster.cluster import Cluster
from cluster.layout import SENTINEL, ClusterError

from . import checks, picture, report, spend
from .folder import Folder


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/bench day",
        description="A day pressed into minutes, on a cluster of its own (docs/cluster.md): traffic with "
        "the shape of a recorded trace (QUOTAPLANE_TESTDATA), or of a made-up day, at the highest rate "
        "that holds, while every role is restarted, a Redis master killed, PostgreSQL restarted, the "
        "policy changed, and all certificates exchanged. Then: is any limit past its amount, do the "
        "books balance, and what did Reserve's callers see? Exits with 1 where a promise did not hold.",
    )
    parser.add_argument("--requests", type=int, default=10_000_000, help="how many: %(default)s")
    parser.add_argument(
        "--rate", type=float,
        help="requests a second where the day is busiest; without it, what a trial finds",
    )  # fmt: skip
    parser.add_argument(
        "--sentinel", action="store_const", const=SENTINEL, dest="topology",
        help="Redis as a master with replicas and Sentinels in place of a Redis Cluster",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="the numbers go to this file")
    parser.add_argument("--picture", type=Path, help="a page goes to this file")
    parser.add_argument("--programs", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--commit", default="unknown", help=argparse.SUPPRESS)
    parser.add_argument("--dir", type=Path, help="an empty one for the cluster, which stays there")
    options = parser.parse_args()
    if options.requests < 1 or (options.rate is not None and options.rate <= 0):
        parser.error("--requests and --rate are above zero")
    return options


def tell(day: dict, options: argparse.Namespace) -> None:
    print(report.text(day), end="")
    if options.picture:
        options.picture.write_text(picture.page(day))
    if options.json:
        options.json.write_text(
            json.dumps({k: v for k, v in day.items() if k != "slices"}, indent=1)
        )
    print("", *filter(None, (options.json, options.picture)), sep="\n", flush=True)


def run(options: argparse.Namespace, folder: Folder) -> int:
    """The exit code. Nothing runs any more when it returns."""
    cluster = Cluster(folder.path / "cluster", bound=True)
    wanted = spend.Wanted(
        options.requests, options.rate, options.topology, options.programs, options.commit
    )
    good = False
    try:
        day = spend.spend(cluster, folder.path, wanted, say)
        tell(day, options)
        good = checks.held(day["checks"])
    except (ClusterError, OSError) as error:
        say(f"tools/bench day: {error}")
    except Exception:
        say(traceback.format_exc())
    finally:
        cluster.down()
    if not good:
        folder.keep()
        say(
            f"why, may stand in {cluster.layout.logs} and {cluster.layout.run}; "
            f"`tools/cluster up --dir {cluster.layout.dir}` starts it again as it ended"
        )
    return 0 if good else 1


def main() -> int:
    options = arguments()
    # As Ctrl-C: what was started is stopped, what was written is removed.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        folder = Folder(options.dir)
        try:
            return run(options, folder)
        finally:
            folder.leave()
    except KeyboardInterrupt:
        say("tools/bench day: interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
