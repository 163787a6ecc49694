#!/usr/bin/env python3
"""An embedded Redis that has much to read before it answers: the server waits for it, however long
that is, and ends at once when it is told to.

Usage: embedded_loading_test.py --program QUOTAPLANE [unittest's arguments]
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

KEYS = 350
# Of each key, so that all of them take longer than a redis-server that does not start is waited for.
DELAY_US = 100_000
START_TIMEOUT_S = 30
SLOW_REDIS = f"""#!/bin/sh
exec /usr/bin/redis-server "$@" --key-load-delay {DELAY_US} --loading-process-events-interval-bytes 1024
"""
PATIENCE_S = 100


class LoadingTest(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(prefix="qp-loading-")
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.data = self.folder / "data"
        slow = self.folder / "bin/redis-server"
        slow.parent.mkdir()
        slow.write_text(SLOW_REDIS)
        slow.chmod(0o755)
        self.log = self.folder / "log"
        process = self.serve(os.environ["PATH"])
        self.assertIn("ready: listening on", process.stdout.readline())
        self.fill()
        self.end(process)

    def serve(self, path: str) -> subprocess.Popen:
        with self.log.open("w") as log:
            process = subprocess.Popen(
                [OPTIONS.program, "serve", "--data-dir", self.data]
                + ["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"],
                stdout=subprocess.PIPE, stderr=log, text=True, env={"PATH": path},
            )  # fmt: skip
        self.addCleanup(process.stdout.close)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def end(self, process: subprocess.Popen) -> int:
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=PATIENCE_S)

    def fill(self) -> None:
        """A base file of many keys, as a rewrite leaves it."""
        with socket.socket(socket.AF_UNIX) as redis:
            redis.settimeout(PATIENCE_S)
            redis.connect(str(self.data / "redis/redis.sock"))
            for key in range(KEYS):
                redis.sendall(f"SET filler-{key} {'x' * 4096}\r\n".encode())
            redis.sendall(b"BGREWRITEAOF\r\n")
            replies = b""
            while replies.count(b"\r\n") < KEYS + 1:
                replies += redis.recv(1 << 16)
            end = time.monotonic() + PATIENCE_S
            while time.monotonic() < end:
                redis.sendall(b"INFO persistence\r\n")
                info = redis.recv(1 << 16)
                if b"aof_rewrite_in_progress:0" in info and b"aof_rewrites:1" in info:
                    return
                time.sleep(0.02)
        self.fail("the append-only file was not rewritten")

    def slow_start(self) -> subprocess.Popen:
        process = self.serve(f"{self.folder / 'bin'}:{os.environ['PATH']}")
        end = time.monotonic() + PATIENCE_S
        while "reads what it kept" not in self.log.read_text():
            self.assertLess(time.monotonic(), end, self.log.read_text())
            time.sleep(0.02)
        return process

    def test_the_server_waits_until_all_is_read(self) -> None:
        start = time.monotonic()
        process = self.slow_start()
        self.assertIn("ready: listening on", process.stdout.readline(), self.log.read_text())
        self.assertGreater(time.monotonic() - start, START_TIMEOUT_S)
        self.assertEqual(self.end(process), 0)

    def test_it_ends_when_it_is_told_to(self) -> None:
        process = self.slow_start()
        start = time.monotonic()
        self.assertEqual(self.end(process), 1)
        self.assertLess(time.monotonic() - start, START_TIMEOUT_S)
        self.assertIn("told to stop", self.log.read_text())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
