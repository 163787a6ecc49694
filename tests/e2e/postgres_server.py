"""A PostgreSQL of a test's own, on a unix socket. It does not run as root: then it is the user
postgres."""

import os
import pwd
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
USER = "postgres"


class PostgresServer:
    """`folder` is new, and where others may pass through."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(folder, user.pw_uid, user.pw_gid)
        data = folder / "data"
        initdb = [PROGRAMS / "initdb", "-D", data, "-U", USER, "-A", "trust", "--no-sync"]
        self._run(*initdb, "-E", "UTF8", "--locale=C", "--no-instructions")
        # Nobody pulls this machine's plug.
        settings = ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off")
        flags = [word for setting in settings for word in ("-c", setting)]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._as_user(PROGRAMS / "postgres", "-D", data, *flags),
                cwd="/", stdout=subprocess.DEVNULL, stderr=log,
            )  # fmt: skip

    @property
    def url(self) -> str:
        return f"postgres://{USER}@{quote(str(self._folder), safe='')}/{USER}"

    def ready(self) -> bool:
        probe = ["pg_isready", "-q", "-h", self._folder]
        return subprocess.run([PROGRAMS / probe[0], *probe[1:]]).returncode == 0

    def stop(self) -> None:
        """At once: connections are cut."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=30)

    def _as_user(self, *command: object) -> list[object]:
        if os.geteuid() != 0:
            return list(command)
        return ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--", *command]

    def _run(self, *command: object) -> None:
        done = subprocess.run(self._as_user(*command), cwd="/", capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)
