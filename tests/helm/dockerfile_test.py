"""The image, which is not built here: its steps are compared with those that do run on Debian 12."""

import json
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest
from fnmatch import fnmatch
from pathlib import Path

import yaml
from chart import CHART, OPTIONS, ROOT, container, example, render, workloads

TEXT = (ROOT / "Dockerfile").read_text()


def stages() -> list[list[tuple[str, str]]]:
    """Of each stage, its (instruction, rest) in order."""
    lines = [line for line in TEXT.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = []
    for line in filter(str.strip, joined.splitlines()):
        instruction, rest = line.split(None, 1)
        if instruction == "FROM":
            found.append([])
        found[-1].append((instruction, rest.strip()))
    return found


def context() -> list[str]:
    """The files that .dockerignore leaves, of those that are kept in the repository."""
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and line[0] != "#"
    ]
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(
        listed, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    left = []
    for file in files:
        ignored = False
        for rule in rules:
            pattern = rule.removeprefix("!")
            if fnmatch(file, pattern) or file == pattern or file.startswith(f"{pattern}/"):
                ignored = not rule.startswith("!")
        if not ignored and (ROOT / file).is_file():
            left.append(file)
    return left


def values(stage: list[tuple[str, str]], instruction: str) -> list[str]:
    return [rest for name, rest in stage if name == instruction]


class DockerfileTest(unittest.TestCase):
    def test_its_build_is_quickstarts(self) -> None:
        build, _ = stages()
        self.assertEqual(values(build, "FROM"), ["debian:12-slim AS build"])
        step, packages = values(build, "RUN")
        quickstart = (ROOT / "tools/quickstart").read_text()
        (line,) = re.findall(r"(?m)^qp_build (.*)$", quickstart)
        preset, *targets = line.split()
        program, own_preset, *own_targets = shlex.split(step)
        self.assertEqual((program, own_preset), ("tools/build", preset))
        self.assertEqual(own_targets, ["quotaplane", "quotactl"])
        self.assertLessEqual(set(own_targets), set(targets))
        # Which is what tools/build does, with the packages that quickstart has.
        self.assertIn('\nqp_build "$preset" "$@"\n', (ROOT / "tools/build").read_text())
        body = (ROOT / "tools/lib.sh").read_text().partition("\nqp_build() {\n")[2]
        groups = re.findall(r"(?m)^  local groups=\((.*)\)$", body.partition("\n}\n")[0])
        self.assertEqual(groups, ["build"])
        self.assertRegex(quickstart, r"(?m)^qp_need_packages build run$")
        self.assertEqual(
            packages,
            "tools/runtime_packages build/release/bin/quotaplane build/release/bin/quotactl >/runtime-packages",
        )

    def test_it_names_no_package(self) -> None:
        listed = re.findall(r"(?m)^([a-z0-9.+-]+)\s+#", (ROOT / "tools/packages.txt").read_text())
        self.assertGreater(len(listed), 30)
        steps = " ".join(
            rest for stage in stages() for name, rest in stage if name == "RUN"
        ).split()
        self.assertEqual([word for word in steps if word in listed], [])
        (install,) = [step for step in values(stages()[1], "RUN") if "apt-get" in step]
        self.assertIn(
            "xargs -a /usr/share/quotaplane/packages apt-get install -y --no-install-recommends",
            install,
        )

    def test_the_list_of_packages_is_whole(self) -> None:
        programs = [OPTIONS.program, OPTIONS.quotactl]
        ended = subprocess.run(
            [ROOT / "tools/runtime_packages", *programs], capture_output=True, text=True
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        found = ended.stdout.split()
        for name in (
            "redis-server",
            "ca-certificates",
            "tzdata",
            "libgrpc++1.51",
            "libpq5",
            "libc6",
        ):
            self.assertIn(name, found)
        # apt knows each, and what they need besides.
        simulated = subprocess.run(
            ["apt-get", "install", "--simulate", "--no-install-recommends", *found],
            capture_output=True,
            text=True,
        )
        self.assertEqual(simulated.returncode, 0, simulated.stderr)
        ended = subprocess.run(
            [ROOT / "tools/runtime_packages", "/etc/hosts"], capture_output=True, text=True
        )
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))

    def test_what_is_copied_can_be_built(self) -> None:
        """CMake configures it, and Ninja finds a way to each target."""
        files = context()
        for outside in (".git", "build", "docs", "helm", "README.md"):
            self.assertFalse([file for file in files if file.split("/")[0] == outside])
        with tempfile.TemporaryDirectory(prefix="qp-context-") as folder:
            for file in files:
                (Path(folder) / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / file, Path(folder) / file)
            for command in (
                ["cmake", "--preset", "release"],
                ["ninja", "-C", "build/release", "-n", "quotaplane", "quotactl"],
            ):
                ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
                self.assertEqual(ended.returncode, 0, ended.stdout[-2000:] + ended.stderr)

    def test_it_is_what_the_chart_starts(self) -> None:
        _, image = stages()
        self.assertEqual(values(image, "FROM"), ["debian:12-slim"])
        defaults = yaml.safe_load((CHART / "values.yaml").read_text())
        user = defaults["user"]
        self.assertEqual(values(image, "USER"), [f"{user}:{user}"])
        self.assertGreater(user, 0)
        (workload,) = workloads(render("-f", example("small")))
        started = container(workload)
        self.assertEqual(json.loads(values(image, "ENTRYPOINT")[0]), started["command"])
        ports = [str(port["containerPort"]) for port in started["ports"]]
        self.assertEqual(values(image, "EXPOSE")[0].split(), ports)
        self.assertIn("--data-dir=/var/lib/quotaplane", started["args"])
        self.assertEqual(
            json.loads(values(image, "CMD")[0]), ["serve", "--data-dir", "/var/lib/quotaplane"]
        )
        self.assertIn(
            f"install -d -o {user} -g {user} -m 0700 /var/lib/quotaplane", values(image, "RUN")
        )
        # Nothing after it runs as root.
        names = [name for name, _ in image]
        self.assertNotIn("RUN", names[names.index("USER") :])
        # The folder of what is copied is the one that the manifests name.
        self.assertIn("/usr/local/bin/", " ".join(values(image, "COPY")))
        self.assertEqual(started["command"][0], "/usr/local/bin/quotaplane")
