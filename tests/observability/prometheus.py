"""A real Prometheus of the test's own, and what it answers."""

import json
import math
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

START_S = 30
NAMESPACE = "quota-system"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    """Scrapes `targets`, and evaluates `rule_files`, once in `interval_s`."""

    def __init__(self, folder: Path, targets: list[str], rule_files: list[Path], interval_s: int):
        every = f"{interval_s}s"
        scraped = {"targets": targets, "labels": {"namespace": NAMESPACE}}
        config = {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": [str(path) for path in rule_files],
            "scrape_configs": [{"job_name": "quotaplane", "static_configs": [scraped]}],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        # Between the look for a free port and its use another process may take it.
        for _ in range(5):
            if self._start(folder):
                return
        raise RuntimeError((folder / "prometheus.log").read_text())

    def _start(self, folder: Path) -> bool:
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        command = ["prometheus", f"--config.file={folder / 'prometheus.yml'}"]
        command += [f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}"]
        with (folder / "prometheus.log").open("w") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5):
                    return True
            except OSError:
                time.sleep(0.05)
        self.stop()
        return False

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def get(self, path: str, **parameters: str | float) -> object:
        """The data of an answer; ValueError with what Prometheus says where it refuses."""
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/{path}?{query}", timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise ValueError(json.load(refused)["error"]) from None

    def has_data(self, expr: str, instant: bool = True, back_s: int = 60) -> bool:
        """Whether an expression has a value that is a number, now or (not `instant`) within `back_s`."""
        now = time.time()
        if instant:
            result = self.get("query", query=expr, time=now)
            values = [result["result"]] if result["resultType"] == "scalar" else None
            values = values or [series["value"] for series in result["result"]]
        else:
            asked = {"start": now - back_s, "end": now, "step": max(1, back_s // 60)}
            result = self.get("query_range", query=expr, **asked)
            values = [value for series in result["result"] for value in series["values"]]
        return any(not math.isnan(float(value)) for _, value in values)
