#!/usr/bin/env python3
"""clang-tidy over our own sources, in parallel, and only over what changed since it was last clean.

Usage: tools/run_tidy.py [--build DIR] [--jobs N] [PATH…]

PATH filters by what the source's path contains. Without one, tests are left out: they are two fifths of all sources, and
the whole check has a bound in time on a machine that knows nothing yet. They are compiled with the same warnings, and run
under the sanitizers.

A source that passed is remembered by a hash over everything its result depends on: its text and that of every header it
includes, its compile command, .clang-tidy and clang-tidy itself. That is kept in the user's cache (XDG_CACHE_HOME,
~/.cache), like the objects of ccache, so that another checkout of the same source has nothing left to do; what was not
looked up for 30 days is forgotten. Build first: the include lists are the compiler's own (ninja -t deps).
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OURS = re.compile(r"(libs|services|tools|tests)/")
TESTS = re.compile(r"tests/|.*_test\.cc$")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "quotaplane/tidy"
KEPT_S = 30 * 86_400
# What GCC understands and clang does not.
GCC_ONLY = ["-Wno-unknown-warning-option", "-Qunused-arguments"]


class Unit(NamedTuple):
    source: str  # relative to ROOT
    stamp: Path  # exists where exactly this input passed before


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("path", nargs="*")
    return parser.parse_args()


def header_lists(build: Path) -> dict[str, list[str]]:
    """Object file -> what it was compiled from, as the compiler reported it."""
    out = subprocess.run(
        ["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True
    ).stdout
    lists: dict[str, list[str]] = {}
    for block in out.split("\n\n"):
        first, *rest = block.splitlines() or [""]
        lists[first.split(": #deps")[0]] = [line.strip() for line in rest]
    return lists


class Fingerprints:
    """Hashes of files, each read once. System headers count by size and time: there are thousands."""

    def __init__(self, build: Path) -> None:
        self._build = build
        self._known: dict[str, str] = {}

    def of(self, path: str) -> str:
        if path not in self._known:
            file = self._build / path
            if not file.exists():
                self._known[path] = "absent"
            elif file.is_relative_to("/usr"):
                stat = file.stat()
                self._known[path] = f"{stat.st_size} {stat.st_mtime_ns}"
            else:
                self._known[path] = hashlib.sha256(file.read_bytes()).hexdigest()
        return self._known[path]


def is_wanted(source: str, filters: list[str]) -> bool:
    return any(f in source for f in filters) if filters else not TESTS.match(source)


def units(build: Path, filters: list[str]) -> list[Unit]:
    version = subprocess.run(
        ["clang-tidy", "--version"], check=True, capture_output=True, text=True
    )
    common = version.stdout + (ROOT / ".clang-tidy").read_text()
    prints = Fingerprints(build)
    headers = header_lists(build)
    found = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = os.path.relpath(os.path.join(entry["directory"], entry["file"]), ROOT)
        if not OURS.match(source) or not is_wanted(source, filters):
            continue
        output = entry.get("output") or re.search(r" -o (\S+)", entry["command"])[1]
        if output not in headers:
            sys.exit(f"{source} has not been compiled in {build}; build first")
        command = entry["command"].replace(str(ROOT), ".")
        digest = hashlib.sha256((common + source + command).encode())
        for header in headers[output]:
            digest.update(f"{header} {prints.of(header)}\n".encode())
        found.append(Unit(source, CACHE / digest.hexdigest()))
    return sorted(set(found))


def tidy(build: Path, unit: Unit) -> tuple[Unit, bool, float, str]:
    start = time.monotonic()
    run = subprocess.run(
        ["clang-tidy", "--quiet", "-p", build, *(f"--extra-arg={a}" for a in GCC_ONLY), unit.source],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    return unit, run.returncode == 0, time.monotonic() - start, run.stdout + run.stderr


def main() -> int:
    args = arguments()
    build = args.build.resolve()
    everything = units(build, args.path)
    todo = [unit for unit in everything if not unit.stamp.exists()]
    print(
        f"clang-tidy: {len(todo)} of {len(everything)} sources changed since they passed",
        flush=True,
    )
    CACHE.mkdir(parents=True, exist_ok=True)
    for unit in everything:
        if unit.stamp.exists():
            unit.stamp.touch()
    for stamp in CACHE.iterdir():
        if stamp.stat().st_mtime < time.time() - KEPT_S:
            stamp.unlink(missing_ok=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        runs = [pool.submit(tidy, build, unit) for unit in todo]
        for done, run in enumerate(concurrent.futures.as_completed(runs), 1):
            unit, passed, seconds, output = run.result()
            print(
                f"[{done}/{len(todo)}] {'ok  ' if passed else 'FAIL'} {seconds:5.1f}s {unit.source}",
                flush=True,
            )
            if passed:
                unit.stamp.touch()
            else:
                failed += 1
                print(output, flush=True)
    print(f"clang-tidy: {len(everything) - failed} sources clean, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
