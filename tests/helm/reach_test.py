"""Whom `helm test` and the route of one address reach: real servers, started as the manifests start them."""

import os
import re
import shutil
import subprocess

from certificates import Authority
from chart import OPTIONS, ROOT, example, of_kind, render, workloads
from serve_case import ServeCase, Started, as_in_a_container

SERVER = re.compile(r"^--server=([-a-z]+)\.quota\.svc:(\d+)$")


class ReachTest(ServeCase):
    def setUp(self) -> None:
        super().setUp()
        shutil.copy(OPTIONS.quotactl, self.folder)  # where others may run it, too

    def start(self, name: str, *settings: str) -> list[dict]:
        """An example's servers; its manifests."""
        manifests = render("-f", example(name), *settings)
        self.mount_config_maps(manifests)
        pods = [(workload, Started(self, workload)) for workload in workloads(manifests)]
        self.servers: dict[tuple[str, int], Started] = {}
        for service in of_kind(manifests, "Service"):
            wanted = service["spec"]["selector"].items()
            (found,) = [
                started for workload, started in pods
                if wanted <= workload["spec"]["template"]["metadata"]["labels"].items()
            ]  # fmt: skip
            for port in service["spec"]["ports"]:
                self.servers[service["metadata"]["name"], port["port"]] = found
        return manifests

    def start_production(self) -> list[dict]:
        shared = self.folder / "ledger"
        shared.mkdir()
        shared.chmod(0o777)
        self.writable = [shared]
        self.mount_secrets()
        self.write("ca", {"ca.crt": self.authority.cert.read_text()})
        self.urls = {
            "QUOTAPLANE_REDIS": self.own_redis(),
            "QUOTAPLANE_LEDGER": f"sqlite:{shared}/ledger.db",
        }
        return self.start("production")

    def quotactl(self, arguments: list[str]) -> int:
        """In a container; the names of Services lead to their servers."""
        here = []
        for word in arguments:
            if server := SERVER.match(word):
                word = f"--server=localhost:{self.servers[server[1], int(server[2])].port}"
            here.append(word.replace("=/etc/quotaplane", f"={self.etc}"))
        command = [*as_in_a_container(), self.folder / "quotactl", *here]
        env = {"PATH": os.environ["PATH"]}
        return subprocess.run(command, env=env, cwd="/", capture_output=True, timeout=60).returncode

    def codes(self, manifests: list[dict]) -> dict[str, int]:
        """By container of the pod of `helm test`."""
        (pod,) = of_kind(manifests, "Pod")
        self.assertEqual(pod["metadata"]["annotations"]["helm.sh/hook"], "test")
        for each in pod["spec"]["containers"]:
            self.assertEqual(each["command"], ["/usr/local/bin/quotactl"])
        return {each["name"]: self.quotactl(each["args"]) for each in pod["spec"]["containers"]}

    def test_of_one_process_every_service_is_asked(self) -> None:
        self.urls = {}
        codes = self.codes(self.start("small"))
        self.assertEqual(codes, dict.fromkeys(("quota", "ledger", "reports", "admin", "alerts"), 0))

    def test_each_role_is_asked_over_tls_and_one_that_is_away_is_found(self) -> None:
        manifests = self.start_production()
        codes = self.codes(manifests)
        self.assertEqual(codes, dict.fromkeys(("quota", "ledger", "reports", "admin", "alerts"), 0))
        # A Service that leads to another role's pods.
        port = 7411
        admin = self.servers["quotaplane-admin", port]
        self.servers["quotaplane-admin", port] = self.servers["quotaplane-alerts", port]
        self.assertEqual(self.codes(manifests), codes | {"admin": 1})
        self.servers["quotaplane-admin", port] = admin
        self.assertEqual(self.servers["quotaplane-ledger", port].stop(), 0)
        self.assertEqual(self.codes(manifests), codes | {"ledger": 1})
        # An authority that has not signed the servers' certificate.
        other = Authority(self.folder, "other")
        self.write("ca", {"ca.crt": other.cert.read_text()})
        self.assertEqual(self.codes(manifests), dict.fromkeys(codes, 1))

    def test_the_route_sends_each_call_to_whom_it_belongs(self) -> None:
        manifests = self.start_production()
        (route,) = of_kind(manifests, "GRPCRoute")
        protos = (ROOT / "proto/quotaplane/v1").glob("*.proto")
        public = set(re.findall(r"(?m)^service (\w+) \{", "".join(p.read_text() for p in protos)))
        routed = set()
        for rule in route["spec"]["rules"]:
            (backend,) = rule["backendRefs"]
            server = f"--server={backend['name']}.quota.svc:{backend['port']}"
            for match in rule["matches"]:
                service = match["method"]["service"]
                routed.add(service.removeprefix("quotaplane.v1."))
                asked = [service] if service.startswith("quotaplane.") else []
                code = self.quotactl(["health", *asked, server, "--tls-ca=/etc/quotaplane/ca/ca.crt"])
                self.assertEqual(code, 0, service)
        own = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
        self.assertEqual(routed, public | own)
