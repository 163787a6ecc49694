"""PostgreSQL, which does not run as root: then it is the user postgres. TLS and passwords."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from .credentials import Credentials
from .layout import POSTGRES, ClusterError, Layout
from .processes import Processes, started_at, wait_until

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
USER = "postgres"
CONFIG = """
listen_addresses = '127.0.0.1'
unix_socket_permissions = 0700
max_connections = 100
ssl = on
log_min_messages = warning
"""
# Whatever of it is there already.
CREATE = """
SELECT 'CREATE ROLE quotaplane'
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quotaplane') \\gexec
ALTER ROLE quotaplane LOGIN PASSWORD '{password}';
SELECT 'CREATE DATABASE quotaplane OWNER quotaplane'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'quotaplane') \\gexec
"""


class Postgres:
    def __init__(self, layout: Layout, processes: Processes, credentials: Credentials) -> None:
        self._layout = layout
        self._processes = processes
        self._credentials = credentials
        self._home = layout.data / POSTGRES
        self._data = self._home / "data"

    @property
    def url(self) -> str:
        login = f"quotaplane:{self._credentials.password('postgres')}"
        tls = f"sslmode=verify-full&sslrootcert={self._layout.ca}"
        return f"postgres://{login}@{self._layout.address(POSTGRES)}/quotaplane?{tls}"

    def _as_user(self, *command: object) -> list[object]:
        if os.geteuid() != 0:
            return list(command)
        return ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--", *command]

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(path, user.pw_uid, user.pw_gid)

    def _run(self, *command: object, **more: object) -> None:
        try:
            subprocess.run(
                list(map(str, self._as_user(*command))),
                cwd="/", check=True, capture_output=True, text=True, **more,
            )  # fmt: skip
        except FileNotFoundError:
            raise ClusterError("postgresql-15 is missing (tools/packages.txt)") from None
        except subprocess.CalledProcessError as error:
            raise ClusterError(f"{Path(str(command[0])).name}: {error.stderr}") from None

    def _password_file(self, text: str) -> Path:
        path = self._home / "password"
        self._layout.write(path, text)
        self._give(path)
        return path

    def _create(self) -> None:
        """Under another name until it is whole."""
        self._home.mkdir(mode=0o700, exist_ok=True)
        self._give(self._home)
        self._need_way()
        new = self._home / "new"
        shutil.rmtree(new, ignore_errors=True)
        password = self._password_file(self._credentials.password("postgres-admin") + "\n")
        self._run(
            *(PROGRAMS / "initdb", "-D", new, "-U", USER, "-E", "UTF8", "--locale=C"),
            *("-A", "scram-sha-256", "--pwfile", password, "--no-instructions"),
        )
        password.unlink()
        with (new / "postgresql.conf").open("a") as file:
            file.write(f"{CONFIG}port = {self._layout.port(POSTGRES)}\n")
            file.write(f"unix_socket_directories = '{self._home}'\n")
        new.rename(self._data)

    def _need_way(self) -> None:
        seen = subprocess.run(
            list(map(str, self._as_user("test", "-x", self._home))), cwd="/", capture_output=True
        )
        if seen.returncode != 0:
            raise ClusterError(
                f"PostgreSQL runs as the user {USER}, who cannot reach {self._home}: `chmod o+x` the "
                "folders above it, or --dir another one"
            )

    def _install_pair(self) -> None:
        for source, name in zip(self._layout.pair(POSTGRES), ("server.crt", "server.key")):
            new = self._home / f"{name}.new"
            shutil.copyfile(source, new)
            new.chmod(0o600)
            self._give(new)
            new.rename(self._data / name)

    def _psql(self, database: str, *more: str) -> None:
        port = self._layout.port(POSTGRES)
        at = ("-h", self._home, "-p", port, "-U", USER, "-d", database, "-v", "ON_ERROR_STOP=1")
        login = os.environ | {"PGPASSWORD": self._credentials.password("postgres-admin")}
        self._run("psql", "-X", "-q", *at, *more, env=login)

    def _create_database(self) -> None:
        password = self._credentials.password("postgres")
        sql = self._password_file(CREATE.format(password=password))
        self._psql(USER, "-f", str(sql))
        sql.unlink()

    def _serves(self) -> bool:
        """The last line of postmaster.pid is where the server says so."""
        try:
            lines = (self._data / "postmaster.pid").read_text().split()
        except OSError:
            return False
        return lines[:1] == [str(self._processes.pid(POSTGRES))] and lines[-1] == "ready"

    def _await_burial(self) -> None:
        """A process that was killed is there, as a zombie, until its parent takes note; so long
        PostgreSQL holds it to be alive."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return
        wait_until(
            lambda: not Path(f"/proc/{pid}").exists() or started_at(pid) is not None,
            f"process {pid}, which has ended, is gone",
        )

    def _start(self) -> None:
        self._install_pair()
        self._await_burial()
        self._processes.start(
            POSTGRES, self._as_user(PROGRAMS / "postgres", "-D", self._data), self._serves
        )

    def up(self) -> None:
        if not self._data.exists():
            self._create()
        self._start()
        self._create_database()

    def restart(self) -> None:
        # "Fast": connections are closed, and a checkpoint is written.
        self._processes.stop(POSTGRES, signal.SIGINT)
        self._start()

    def reload_certificate(self) -> None:
        self._install_pair()
        self._processes.signal(POSTGRES, signal.SIGHUP)
