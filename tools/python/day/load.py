"""The traffic: loadgen over all replicas, as a process of its own."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from cluster.cluster import Cluster, ClusterError
from cluster.processes import end_with_parent

ORG = "acme"
CONCURRENCY = 48
OPEN_CALLS = 4  # of each of those


@dataclass
class Load:
    """One run. `result` is loadgen's JSON, `slices` the lines of its timeline."""

    process: subprocess.Popen
    output: Path
    timeline: Path
    result: dict = field(default_factory=dict)
    slices: list[dict] = field(default_factory=list)

    @property
    def errors(self) -> Path:
        """And how far it is."""
        return self.output.with_suffix(".err")

    def running(self) -> bool:
        return self.process.poll() is None

    def finish(self) -> "Load":
        if self.process.wait() != 0:
            raise ClusterError(f"loadgen failed: {self.errors.read_text()}")
        self.result = json.loads(self.output.read_text())
        self.slices = [json.loads(line) for line in self.timeline.read_text().splitlines()]
        return self

    def kill(self) -> None:
        if self.running():
            self.process.kill()
            self.process.wait()


def start(
    cluster: Cluster, name: str, requests: int, org: str = ORG,
    duration_s: float | None = None, shape: list[float] | None = None,
) -> Load:  # fmt: skip
    """Without a duration, as fast as it goes. `name` is for its files."""
    layout = cluster.layout
    timeline = layout.run / f"{name}.jsonl"
    command = [
        *(layout.programs / "loadgen", "--server", cluster.gateways(), "--org", org, "--json"),
        *("--tls-ca", layout.ca, "--token-file", cluster.credentials.token_file("gateway")),
        *("--requests", requests, "--concurrency", CONCURRENCY, "--open-calls", OPEN_CALLS),
        *("--timeline", timeline),
    ]
    if duration_s is not None:
        command += ["--duration", f"{duration_s:.3f}"]
    if shape is not None:
        path = layout.run / f"{name}.shape"
        path.write_text("".join(f"{weight}\n" for weight in shape))
        command += ["--shape", path]
    # Files, since a pipe that nobody reads would hold it up.
    output = layout.run / f"{name}.out"
    with output.open("w") as out, output.with_suffix(".err").open("w") as errors:
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=out, stderr=errors,
            start_new_session=True, preexec_fn=end_with_parent,
        )  # fmt: skip
    return Load(process, output, timeline)
