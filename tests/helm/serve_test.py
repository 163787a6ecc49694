"""The real program, started as the manifests start it: flags, files, user, probes, and its end."""

import contextlib
import os
import re
import sqlite3
import subprocess
from collections.abc import Callable

from auth_case import wait_until
from chart import OPTIONS, container, example, of_kind, render, workloads
from serve_case import USER, ServeCase, Started, as_in_a_container, has_ipv6, may_mount


class ServeTest(ServeCase):
    def check(self, manifests: list[dict], changes: Callable[[], None] = lambda: None) -> None:
        """Starts, is healthy, takes what changes beside it without a restart, and ends as it is told."""
        self.mount_config_maps(manifests)
        started = [Started(self, workload) for workload in workloads(manifests)]
        for each in started:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                self.assertTrue(
                    each.probe(each.container[probe]), f"{each.name}: {probe}\n{each.log()}"
                )
        changes()
        for each in started:
            for path in self.changed:
                if any(f"={path}" in word for word in each.container["args"]):
                    wait_until(lambda: f"{path} reloaded" in each.log().replace(str(self.folder), ""),
                               f"{each.name} reloads {path}")  # fmt: skip
            self.assertNotIn("NOT reloaded", each.log())
        for each in started:
            self.assertEqual(each.stop(), 0, each.log())
            self.assertFalse(each.probe(each.container["readinessProbe"]))

    def test_it_is_as_in_a_container(self) -> None:
        """Of what the other tests start: only its own folder is there to write to."""
        inside = self.folder / "inside"
        inside.mkdir()
        inside.chmod(0o777)
        (self.folder / "outside").mkdir()
        (self.folder / "outside").chmod(0o777)
        script = (
            'touch "$0/inside/file" || exit 1; touch "$0/outside/file" 2>/dev/null && exit 2; id -u'
        )
        ended = subprocess.run(
            [*as_in_a_container(inside), "sh", "-c", script, self.folder],
            capture_output=True, text=True,
        )  # fmt: skip
        user = USER if os.geteuid() == 0 else os.geteuid()
        self.assertEqual(ended.stdout, f"{user}\n" if may_mount() else "", ended.stderr)
        self.assertEqual(ended.returncode, 0 if may_mount() else 2, ended.stderr)

    def test_small(self) -> None:
        self.urls = {}
        self.check(render("-f", example("small")))

    def test_calls_come_over_ipv4_and_over_ipv6(self) -> None:
        """Probes and scrapes over IPv4 alone, as docs/kubernetes.md says."""
        self.urls = {}
        manifests = render("-f", example("small"))
        self.mount_config_maps(manifests)
        started = Started(self, workloads(manifests)[0])
        calls, metrics = (started.container[name] for name in ("readinessProbe", "livenessProbe"))
        self.assertTrue(started.probe(calls, "127.0.0.1"), started.log())
        self.assertTrue(started.probe(metrics, "127.0.0.1"), started.log())
        # Many containers have no IPv6 to call over. There it has to start all the same.
        if has_ipv6():
            self.assertTrue(started.probe(calls, "[::1]"), started.log())
            self.assertFalse(started.probe(metrics, "[::1]"))
        self.assertEqual(started.stop(), 0, started.log())

    def test_over_servers_of_ones_own(self) -> None:
        """The ledger is a file here: what matters is that its URL comes to where it is used."""
        shared = self.folder / "ledger"
        shared.mkdir()
        shared.chmod(0o777)
        self.writable = [shared]
        self.mount_secrets()
        self.urls = {
            "QUOTAPLANE_REDIS": self.own_redis(),
            "QUOTAPLANE_LEDGER": f"sqlite:{shared}/ledger.db",
        }
        for name in ("production", "redis-cluster"):
            with self.subTest(name):
                self.check(render("-f", example(name)), self.change)

    def change(self) -> None:
        """A new policy, a renewed certificate, another token."""
        self.issue("next")
        self.write("config", {"policy.yaml": "limits: []\n"})
        self.allow("next")
        self.changed = [
            f"/etc/quotaplane/{path}"
            for path in ("tls/tls.crt", "tls/tls.key", "config/policy.yaml", "auth/auth.yaml")
        ]

    def test_every_flag_exists(self) -> None:
        help_text = subprocess.run(
            [OPTIONS.program, "serve", "--help"], capture_output=True, text=True
        ).stdout
        flags = set(re.findall(r"(?m)^  (--[a-z-]+)", help_text))
        for name in ("small", "production", "redis-cluster"):
            for workload in workloads(render("-f", example(name))):
                serve, *words = container(workload)["args"]
                self.assertEqual(serve, "serve")
                self.assertLessEqual({word.split("=")[0] for word in words}, flags)

    def test_the_migration(self) -> None:
        (job,) = of_kind(render("-f", example("production")), "Job")
        (step,) = job["spec"]["template"]["spec"]["containers"]
        self.assertEqual([variable["name"] for variable in step["env"]], ["QUOTAPLANE_LEDGER"])
        env = {"QUOTAPLANE_LEDGER": f"sqlite:{self.folder}/ledger.db"}
        for said in ("went from version 0 to", "already"):
            ended = subprocess.run(
                [self.program, *step["args"]], env=env, capture_output=True, text=True
            )
            self.assertEqual(ended.returncode, 0, ended.stderr)
            self.assertIn(said, ended.stdout)

    def test_back_from_a_schema_that_works_with_old_pods(self) -> None:
        for workload in self.pods_over_a_newer_schema("version"):
            with self.subTest(workload["metadata"]["name"]):
                self.assertEqual(Started(self, workload).stop(), 0)

    def test_there_is_no_way_back_from_one_that_does_not(self) -> None:
        """But for `quota`, which has no use for the database."""
        for workload in self.pods_over_a_newer_schema("version + 1"):
            role = workload["metadata"]["labels"]["app.kubernetes.io/component"]
            with self.subTest(role):
                if role == "quota":
                    self.assertEqual(Started(self, workload).stop(), 0)
                else:
                    with self.assertRaisesRegex(AssertionError, "the database has schema version"):
                        Started(self, workload)

    def pods_over_a_newer_schema(self, works_from: str) -> list[dict]:
        """One version newer than the program; `works_from` out of the program's version."""
        shared = self.folder / "ledger"
        shared.mkdir()
        shared.chmod(0o777)
        self.writable = [shared]
        self.urls = {
            "QUOTAPLANE_REDIS": self.own_redis(),
            "QUOTAPLANE_LEDGER": f"sqlite:{shared}/ledger.db",
        }
        migrate = [*as_in_a_container(shared), self.program, "migrate"]
        subprocess.run(migrate, env=os.environ | self.urls, check=True, capture_output=True)
        newest = "FROM schema_migrations ORDER BY version DESC LIMIT 1"
        with contextlib.closing(sqlite3.connect(shared / "ledger.db")) as ledger:
            ledger.execute(
                f"INSERT INTO schema_works_from SELECT version + 1, {works_from} {newest}"
            )
            ledger.execute(
                "INSERT INTO schema_migrations SELECT version + 1, 'newer', checksum, applied_at_us "
                + newest
            )
            ledger.commit()
        self.mount_secrets()
        manifests = render("-f", example("production"))
        self.mount_config_maps(manifests)
        return workloads(manifests)
