"""The base of the tests that start the real program as the manifests start it."""

import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path
from socket import AF_INET6, create_server

import grpc
import yaml
from auth_case import new_token, token_hash, wait_until
from certificates import Authority
from chart import OPTIONS, container, of_kind

USER = 10001


# Everything that is mounted, read-only, but for the folders in front of `--`.
READ_ONLY = """
set -e
while [ "$1" != -- ]; do mount --bind "$1" "$1"; shift; done
shift
mount -o remount,bind,ro /
exec "$@"
"""


@functools.cache
def may_mount() -> bool:
    """Not so in most containers."""
    trial = ["unshare", "-m", "mount", "-o", "remount,bind,ro", "/"]
    return os.geteuid() == 0 and subprocess.run(trial, capture_output=True).returncode == 0


def has_ipv6() -> bool:
    """Not so in many containers."""
    try:
        create_server(("::1", 0), family=AF_INET6).close()
    except OSError:
        return False
    return True


def as_in_a_container(*writable: Path) -> list[str]:
    """Nobody's rights, and only `writable` to write to: as far as there are rights to give up."""
    if os.geteuid() != 0:
        return []
    command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    command += ["--no-new-privs", "--bounding-set=-all"]
    if may_mount():
        inside = ["unshare", "-m", "sh", "-c", READ_ONLY, "sh", *map(str, writable), "--"]
        command = inside + command
    return command


class Volume:
    """Files as the kubelet lays them: links through one that is moved when they change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, str] = {}
        self._version = 0
        folder.mkdir(parents=True)

    def write(self, files: dict[str, str]) -> None:
        """Those that are not named stay as they are."""
        self._files |= files
        self._version += 1
        data = self._folder / f"..{self._version}"
        data.mkdir()
        for name, text in self._files.items():
            (data / name).write_text(text)
            (data / name).chmod(0o440)
            if os.geteuid() == 0:  # fsGroup
                os.chown(data / name, 0, USER)
            if not (self._folder / name).is_symlink():
                (self._folder / name).symlink_to(f"..data/{name}")
        (self._folder / "..new").symlink_to(data.name)
        (self._folder / "..new").rename(self._folder / "..data")


class Started:
    """A container of a manifest, as a process."""

    def __init__(self, case: "ServeCase", workload: dict) -> None:
        self._case = case
        self.container = container(workload)
        self.name = workload["metadata"]["name"]
        self.spec = workload["spec"]["template"]["spec"]
        folder = case.folder / self.name
        (folder / "var/lib/quotaplane").mkdir(parents=True)
        if os.geteuid() == 0:
            os.chown(folder / "var/lib/quotaplane", USER, USER)
        arguments = [self._here(word, folder) for word in self.container["args"]]
        env = {"PATH": os.environ["PATH"]}
        for variable in self.container.get("env", []):
            env[variable["name"]] = case.urls[variable["name"]]
        self._log = (folder / "log").open("w+b")
        self.process = subprocess.Popen(
            [*as_in_a_container(*case.writable, folder / "var"), case.program, *arguments],
            env=env, cwd="/", stdout=subprocess.PIPE, stderr=self._log, text=True,
        )  # fmt: skip
        line = self.process.stdout.readline()
        case.addCleanup(self._end)
        case.assertRegex(line, r"^ready: listening on \[::\]:\d+$", self.log())
        self.port = int(line.rsplit(":", 1)[1])
        (metrics,) = re.findall(r"metrics on http://0\.0\.0\.0:(\d+)/metrics", self.log())
        self.ports = {"metrics": int(metrics), 7411: self.port}

    def _here(self, word: str, folder: Path) -> str:
        word = re.sub(r"^(--(?:metrics-)?listen=(?:\[::\]|0\.0\.0\.0)):741[12]$", r"\1:0", word)
        word = word.replace("=/var/lib/quotaplane", f"={folder}/var/lib/quotaplane")
        return word.replace("=/etc/quotaplane", f"={self._case.folder}/etc/quotaplane")

    def log(self) -> str:
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def probe(self, probe: dict, host: str = "127.0.0.1") -> bool:
        """As the kubelet does it."""
        if "httpGet" in probe:
            url = f"http://{host}:{self.ports[probe['httpGet']['port']]}{probe['httpGet']['path']}"
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    return 200 <= answer.status < 400
            except OSError:
                return False
        with grpc.insecure_channel(f"{host}:{self.ports[probe['grpc']['port']]}") as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            try:
                return check(b"", timeout=5) == b"\x08\x01"  # SERVING
            except grpc.RpcError:
                return False

    def stop(self) -> int:
        """SIGTERM; the exit code, within the time that is left after preStop."""
        self.process.send_signal(signal.SIGTERM)
        delay = int(self.container["lifecycle"]["preStop"]["exec"]["command"][1])
        return self.process.wait(timeout=self.spec["terminationGracePeriodSeconds"] - delay)

    def _end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._log.close()


class ServeCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qph-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o755)
        self.program = self.folder / "program"
        shutil.copy(OPTIONS.program, self.program)  # where others may run it, too
        self.etc = self.folder / "etc/quotaplane"
        self.volumes: dict[str, Volume] = {}
        self.changed: list[str] = []
        self.writable: list[Path] = []  # beside the volumes of each

    def write(self, volume: str, files: dict[str, str]) -> None:
        if volume not in self.volumes:
            self.volumes[volume] = Volume(self.etc / volume)
        self.volumes[volume].write(files)

    def mount_config_maps(self, manifests: list[dict]) -> None:
        for config in of_kind(manifests, "ConfigMap"):
            folder = config["metadata"]["name"].removeprefix("quotaplane-")
            if folder in ("config", "receivers"):
                self.write(folder, config["data"])

    def mount_secrets(self) -> None:
        """What docs/kubernetes.md says that they have."""
        self.authority = Authority(self.folder, "authority")
        self.issue("first")
        self.write("client-ca", {"ca.crt": self.authority.cert.read_text()})
        self.allow("first")
        self.write("receivers", {"hook.secret": "0123456789abcdef\n"})

    def allow(self, name: str) -> None:
        roles = [{"role": "admin", "org": "*"}]
        token = {"name": name, "hash": token_hash(new_token()), "roles": roles}
        tokens = yaml.safe_dump({"tokens": [{**token, "expires": "2100-01-01"}]})
        self.write("auth", {"auth.yaml": tokens})

    def issue(self, name: str) -> None:
        certificate, key = self.authority.issue(name, "DNS:localhost", "IP:127.0.0.1")
        self.write("tls", {"tls.crt": certificate.read_text(), "tls.key": key.read_text()})

    def own_redis(self) -> str:
        socket = self.folder / "redis.sock"
        process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", socket, "--unixsocketperm", "777",
             "--save", "", "--dir", self.folder],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        wait_until(socket.exists, "redis-server listens")
        return f"unix://{socket}"
