"""The chart as Helm renders it, and what the tests of this folder are run with."""

import argparse
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/quotaplane"
EXAMPLES = sorted(path.stem for path in (CHART / "examples").glob("*.yaml"))
OPTIONS = argparse.Namespace()  # helm, program, quotactl, strict, update: see run_tests.py

# These render files of the chart whole. What comes of them is compared with those files, not kept
# a second time.
FROM_FILES = ("templates/prometheusrules.yaml", "templates/dashboards.yaml")


def helm(*arguments: object) -> subprocess.CompletedProcess:
    command = [OPTIONS.helm, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def example(name: str) -> Path:
    return CHART / "examples" / f"{name}.yaml"


def template(*arguments: object, chart: Path = CHART, release: str = "quotaplane") -> str:
    """What `helm template` prints. Raises what it says where it refuses."""
    ended = helm("template", release, chart, "--namespace", "quota", *arguments)
    if ended.returncode != 0:
        raise ValueError(ended.stderr)
    return ended.stdout


def documents(text: str) -> list[dict]:
    return [document for document in yaml.safe_load_all(text) if document is not None]


def render(*arguments: object, **more) -> list[dict]:
    return documents(template(*arguments, **more))


def strict(manifests: str) -> subprocess.CompletedProcess:
    """As Kubernetes' own types take them: see strict/main.go."""
    return subprocess.run(
        [OPTIONS.strict], input=manifests, capture_output=True, text=True, timeout=120
    )


def without_files(text: str) -> str:
    """Less the documents that render the chart's files."""
    kept = []
    for part in text.split("---\n"):
        if not any(part.startswith(f"# Source: quotaplane/{source}\n") for source in FROM_FILES):
            kept.append(part)
    return "---\n".join(kept)


def of_kind(manifests: list[dict], *kinds: str) -> list[dict]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def workloads(manifests: list[dict]) -> list[dict]:
    return of_kind(manifests, "Deployment", "StatefulSet")


def container(workload: dict) -> dict:
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    return only
