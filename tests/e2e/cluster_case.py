"""The base of the tests of tools/cluster and tools/bench day: both as people call them, in a directory that goes with the test."""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/python"))

OPTIONS = argparse.Namespace()
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "tools/python")}


def command(module: str, *arguments: object) -> list[str]:
    return ["/usr/bin/python3", "-B", "-m", module, *map(str, arguments)]


def python(module: str, *arguments: object, code: int = 0) -> subprocess.CompletedProcess:
    done = subprocess.run(
        command(module, *arguments), capture_output=True, text=True, timeout=240, env=ENVIRONMENT
    )
    if done.returncode != code:
        raise AssertionError(f"{module} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def processes_of(folder: Path) -> list[str]:
    """Command lines of what runs with files of `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = os.readlink(entry / "cwd")
        except OSError:
            continue
        if str(folder) in line or where.startswith(str(folder)):
            found.append(line)
    return found


def run_printed(printed: str) -> dict:
    """One of the commands that `up` prints."""
    done = subprocess.run(
        [*shlex.split(printed), "--json"], capture_output=True, text=True, timeout=120
    )
    if done.returncode != 0:
        raise AssertionError(f"{printed}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


class ClusterCase(unittest.TestCase):
    def setUp(self) -> None:
        # PostgreSQL runs as a user of its own, who passes through.
        folder = tempfile.TemporaryDirectory(prefix="qp-cluster-", dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o711)
        self.dir = self.folder / "cluster"
        self.addCleanup(python, "cluster", "down", "--dir", self.dir)

    def cluster(self, command: str, *arguments: object, code: int = 0) -> dict:
        done = python("cluster", command, "--dir", self.dir, "--json", *arguments, code=code)
        return json.loads(done.stdout)

    def refused(self, command: str, *arguments: object) -> str:
        """What it says instead."""
        done = python("cluster", command, "--dir", self.dir, *arguments, code=1)
        self.assertNotIn("Traceback", done.stderr)
        return done.stderr

    def roles(self, up: dict) -> dict[str, str]:
        return {row["name"]: row["role"] for row in up["processes"]}


def main(usage: str) -> None:
    parser = argparse.ArgumentParser(description=usage, add_help=False)
    parser.add_argument("--programs", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
