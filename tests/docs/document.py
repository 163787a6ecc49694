"""A document's commands as a reader pastes them: every block, in order, in one shell.

A test of a document derives from `Case`, names the document, and takes its blocks of shell one
after the other:

    class TracingTest(document.Case):
        DOCUMENT = "docs/tracing.md"

        def follow(self) -> None:
            self.paste()

Blocks that are left over fail it; documents_test.py wants such a class (or one derived from
`Followed`) for every document that has commands. Where a `text` block stands right behind a block
of shell, that has to print it (`blocks.shows`).

What a reader has and a test has not is put in its place by `stand_in` (a program), `have` (a part
of the repository) and `replace` (a host, a port, a folder). `quotaplane serve` gets ports that
nobody has; what is said afterwards of 127.0.0.1:7411 and :7412 is about those.
"""

import argparse
import ctypes
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import blocks
from blocks import ROOT, SHELL, Block

sys.path.append(str(ROOT / "tests/e2e"))
from waiting import poll  # noqa: E402

OPTIONS = argparse.Namespace()  # see main()
PATIENCE_S = 120
PR_SET_CHILD_SUBREAPER = 36
# What long work says now and then, where standard error is no terminal.
PROGRESS = re.compile(
    r"(?m)^(?:  … requests|audit verify|backtest|export|rebuild|replay|verify)  +\d.*\n"
)
# In the place of `quotaplane`: ports that nobody has; its first line, and its log if nobody wants
# that, go where they can be read.
QUOTAPLANE = r"""#!/usr/bin/env bash
set -euo pipefail
[[ ${1:-} == serve ]] || exec "$PROGRAMS/quotaplane" "$@"
words=() listen=127.0.0.1
while (($# > 0)); do
  case $1 in
    --listen) listen=${2%:*}; shift ;;
    --metrics-listen) shift ;;
    *) words+=("$1") ;;
  esac
  shift
done
[[ ! -p /dev/stderr ]] || exec 2> "$SERVERS/$$.log"
words+=(--listen "$listen:0" --metrics-listen 127.0.0.1:0)
exec "$PROGRAMS/quotaplane" "${words[@]}" > "$SERVERS/$$.out"
"""
# What documents name and no test of theirs runs, and why. A stand-in refuses what that would refuse.
STAND_INS = {
    "apt-get": "the packages are there where tests run; asked whether they are ours",
    "docker": "needs a daemon; tests/helm/dockerfile_test.py takes the Dockerfile apart",
    "helm": "the real one; but there is no cluster to upgrade, so what it would get is rendered",
    "kubectl": "there is no cluster; what is made is written down and compared with what pods need",
    "systemctl": "the machine's services are not the test's",
    "tools/bench": "hours; e2e/cluster_test spends a short day",
    "tools/cluster": "minutes; e2e/cluster_test does to a cluster what the document does",
    "tools/quickstart": "installs and builds, which CI has done before it runs tests",
    "tools/test": "runs this",
}
# Refuses options that the real one does not have, and does nothing.
CHECKED = r"""#!/usr/bin/env bash
set -euo pipefail
known=$(%s --help)
for word in "$@"; do
  [[ $word != -* ]] || grep -qwF -e "${word%%%%=*}" <<< "$known" || exit 2
done
"""


class Followed(unittest.TestCase):
    """Every block of shell of `DOCUMENT` is taken, or the test fails. For a test that has a
    terminal, servers and a course of its own; others derive from Case."""

    DOCUMENT = ""

    def setUp(self) -> None:
        super().setUp()
        self.left = [block for block in blocks.blocks_in(self.DOCUMENT) if block.is_shell]
        self.assertTrue(self.left, "a document without commands")
        self.addCleanup(self._assert_none_left)

    def take(self) -> Block:
        """The next one."""
        self.assertTrue(self.left, "the document has no further block")
        return self.left.pop(0)

    def _assert_none_left(self) -> None:
        self.assertEqual([block.place for block in self.left], [], "never run")

    def taken(self, text: str) -> None:
        """The one with this text was run, whenever its turn was."""
        (found,) = [block for block in self.left if block.text == text][:1]
        self.left.remove(found)


class Case(Followed):
    def follow(self) -> None:
        """Takes every block of shell."""
        raise NotImplementedError

    def test_its_commands(self) -> None:
        self.follow()

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="qp-doc-")
        self.addCleanup(folder.cleanup)
        self.here, self.bin, self.servers, home = (
            Path(folder.name) / name for name in ("here", "bin", "servers", "home")
        )
        for path in (self.here, self.bin, self.servers, home):
            path.mkdir()
        self.replace: dict[str, str] = {}
        self._ready: set[int] = set()
        self._shells: list[subprocess.Popen] = []
        # What the shell of the block before has exported, and where it was.
        self._session = Path(folder.name) / "session"
        self._session.write_text(f"cd {shlex.quote(str(self.here))}\n")
        kept = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        self.export(
            HOME=str(home), PATH=f"{self.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            PROGRAMS=str(OPTIONS.programs), SERVERS=str(self.servers), **kept,
        )  # fmt: skip
        self._put("quotaplane", QUOTAPLANE)
        for name in ("quotactl", "loadgen"):
            (self.bin / name).symlink_to(OPTIONS.programs / name)
        (self.bin / "python3").symlink_to("/usr/bin/python3")
        # What a block leaves running becomes this process's child.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.addCleanup(self._end_what_runs)

    # What is there

    def export(self, **variables: str) -> None:
        with self._session.open("a") as file:
            for name, value in variables.items():
                file.write(f"export {name}={shlex.quote(value)}\n")

    def have(self, *paths: str) -> None:
        """Files and folders of the repository, for commands that are given at its root."""
        for path in paths:
            (self.here / path).parent.mkdir(parents=True, exist_ok=True)
            (self.here / path).symlink_to(ROOT / path)

    def have_build(self) -> None:
        (self.here / "build/release").mkdir(parents=True)
        (self.here / "build/release/bin").symlink_to(self.bin)

    def write(self, name: str, text: str) -> Path:
        path = self.here / name
        path.write_text(text)
        return path

    def stand_in(self, program: str, script: str) -> None:
        """`program` by its name, or by its path from where the commands are given."""
        self.assertIn(program, STAND_INS)
        self._put(program, script)

    def _put(self, program: str, script: str) -> None:
        path = (self.here if "/" in program else self.bin) / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)

    def only_check(self, *tools: str) -> None:
        """Programs of the repository that are not run, but whose options have to exist."""
        for tool in tools:
            self.stand_in(tool, CHECKED % shlex.quote(str(ROOT / tool)))

    # The next block

    def paste(self, code: int = 0) -> str:
        """Runs it; what it prints. Servers that it starts are ready then."""
        block = self.take()
        text = self._run(block, code)
        if block.output is not None:
            self.assertTrue(blocks.shows(text, block.output), f"{block}prints:\n{text}")
        return text

    def paste_until(self, pattern: str = "") -> str:
        """The same for one that may be repeated, since what it shows takes a moment: until it
        prints what the document shows, or, with a `pattern`, that."""
        block = self.take()
        text = ""

        def shown() -> bool:
            nonlocal text
            text = self._run(block, None)
            return bool(re.search(pattern, text) if pattern else blocks.shows(text, block.output))

        try:
            poll(shown, PATIENCE_S)
        except AssertionError as error:
            raise AssertionError(f"{block}prints:\n{text}") from error
        return text

    def start(self) -> subprocess.Popen:
        """Starts one that never ends by itself. A server is ready then."""
        block = self.take()
        started = self._start(block)
        if "quotaplane serve" in block.text:
            self._await_servers(poll(lambda: self._servers() - self._ready))
        return started

    def aside(self, command: str, code: int | None = 0) -> str:
        """What no reader types: to wait for something, or to make sure of it."""
        return self._run(Block(self.DOCUMENT, 0, SHELL[0], f"{command}\n", None), code)

    def wait_for_charges(self, org: str, requests: int) -> None:
        """A reader types no faster than the ledger writes; a test does."""
        usage = f"quotactl report usage --org {org} --json"

        def charged() -> bool:
            return int(json.loads(self.aside(usage))["total"]["requests"]) >= requests

        poll(charged, PATIENCE_S)

    def assert_says(self, text: str, *facts: str) -> None:
        """Patterns, in this order."""
        for fact in facts:
            self.assertRegex(text, fact)
            text = text[re.search(fact, text).end() :]

    # Servers

    def serve(self, *flags: object) -> str:
        """A server that the document takes for granted; its address."""
        command = shlex.join(map(str, ("quotaplane", "serve", *flags)))
        before = self._servers()
        self._start(Block(self.DOCUMENT, 0, SHELL[0], command, None))
        (pid,) = poll(lambda: self._servers() - before)
        return self._await_servers({pid})

    def log(self) -> str:
        """Of all servers."""
        return "".join(path.read_text(errors="replace") for path in self.servers.glob("*.log"))

    def _servers(self) -> set[int]:
        return {int(path.stem) for path in self.servers.glob("*.out")}

    def _await_servers(self, pids: set[int]) -> str:
        """Later blocks find the last one where the document says that it is."""
        address = ""
        for pid in pids:
            out = self.servers / f"{pid}.out"
            poll(lambda: out.read_text().endswith("\n") or not self._runs(pid), PATIENCE_S)
            ready = out.read_text()
            self.assertTrue(ready.startswith("ready: listening on "), f"{ready}\n{self.log()}")
            port = ready.strip().rpartition(":")[2]
            address = f"127.0.0.1:{port}"
            self.replace["127.0.0.1:7411"] = address
            self.replace["localhost:7411"] = f"localhost:{port}"
            log = Path(f"/proc/{pid}/fd/2").read_text(errors="replace")
            if found := re.search(r"metrics on http://([\d.:]+)/metrics", log):
                self.replace["127.0.0.1:7412"] = found[1]
            self.export(QUOTAPLANE_SERVER=address)
        self._ready |= pids
        return address

    # Processes

    def _start(self, block: Block) -> subprocess.Popen:
        text = block.text
        for name, value in self.replace.items():
            text = text.replace(name, value)
        # Unlike a reader's shell it ends where a command fails.
        after = f"{{ export -p; printf 'cd %q\\n' \"$PWD\"; }} > {shlex.quote(str(self._session))}"
        script = f". {shlex.quote(str(self._session))}\ntrap {shlex.quote(after)} EXIT\n{text}"
        started = subprocess.Popen(
            ["/bin/bash", "-euo", "pipefail", "-c", script],
            env={}, cwd=self.here, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self._shells.append(started)
        return started

    def _run(self, block: Block, code: int | None) -> str:
        started = self._start(block)
        try:
            text, _ = started.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{block}does not end") from None
        if code is not None:
            self.assertEqual(started.returncode, code, f"{block}prints:\n{text}\n{self.log()}")
        self._await_servers(self._servers() - self._ready)
        return PROGRESS.sub("", text)

    @staticmethod
    def _children() -> list[int]:
        me = os.getpid()
        return list(map(int, Path(f"/proc/{me}/task/{me}/children").read_text().split()))

    @staticmethod
    def _runs(pid: int) -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state not in "ZX"

    def _end_what_runs(self) -> None:
        """They are children, or become it when their parent ends: their ids are nobody else's."""
        told: set[int] = set()
        deadline = time.monotonic() + PATIENCE_S
        while children := self._children():
            late = time.monotonic() > deadline
            for pid in children:
                if late or pid not in told:
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
                    told.add(pid)
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.01)
            self.assertFalse(late, "a process did not end when it was told to")
        for shell in self._shells:
            shell.wait()
            shell.stdout.close()


def main(usage: str) -> None:
    parser = argparse.ArgumentParser(description=usage, add_help=False)
    parser.add_argument("--programs", type=Path, required=True, help="where quotaplane is")
    parser.add_argument("--protoc", required=True)
    parser.add_argument("--build", type=Path, required=True, help="whose tests CTest knows")
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    OPTIONS.programs = OPTIONS.programs.resolve()
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
