"""docs/kubernetes.md: its commands, as a reader pastes them, with no cluster behind them."""

import re
import subprocess
import sys
import unittest
from pathlib import Path

import yaml

sys.path.append(str(Path(__file__).resolve().parents[1] / "docs"))
import document
from chart import CHART, EXAMPLES, OPTIONS, ROOT, documents, of_kind, workloads

DOC = (ROOT / "docs/kubernetes.md").read_text()

# In the place of kubectl: what it is told to make is written down, and its files have to be there.
KUBECTL = r"""#!/usr/bin/env bash
set -euo pipefail
[[ $1 == --namespace ]] && shift 2
case "$1 $2" in
  "create namespace") ;;
  "rollout status" | "rollout restart") [[ $3 == */* ]] ;;
  "create configmap") test -s "${4#--from-file=ca.crt=}"; echo "$3 ca.crt" >> "$RECORDS/configmaps" ;;
  "create secret")
    kind=$3 name=$4 keys=
    shift 4
    for word in "$@"; do
      case $word in
        --from-literal=*=*) word=${word#*=}; keys+=" ${word%%=*}" ;;
        --from-file=*=*) word=${word#*=}; test -s "${word#*=}"; keys+=" ${word%%=*}" ;;
        --from-file=*) test -s "${word#*=}"; keys+=" ${word#*=}" ;;
        --cert=*) test -s "${word#*=}"; keys+=" tls.crt" ;;
        --key=*) test -s "${word#*=}"; keys+=" tls.key" ;;
        --docker-*=*) ;;
        *) exit 2 ;;
      esac
    done
    echo "$kind $name$keys" >> "$RECORDS/secrets"
    ;;
  *) exit 2 ;;
esac
"""

# What would be installed is rendered.
HELM = r"""#!/usr/bin/env bash
set -euo pipefail
if [[ $1 == upgrade ]]; then
  [[ $2 == --install ]]
  shift 2
  words=() skip=false
  for word in "$@"; do
    if $skip; then skip=false; continue; fi
    case $word in
      --wait | --create-namespace) ;;
      --timeout) skip=true ;;
      *) words+=("$word") ;;
    esac
  done
  "$REAL_HELM" template "${words[@]}" > "$RECORDS/releases/$(ls "$RECORDS/releases" | wc -l)"
elif [[ $1 == test ]]; then
  [[ $* == "test quotaplane --namespace quota --logs" ]]
else
  exec "$REAL_HELM" "$@"
fi
"""


# An image is built before it is pushed.
DOCKER = r"""#!/usr/bin/env bash
set -euo pipefail
case $1 in
  build) [[ $2 == -t && -f $4/Dockerfile ]] && echo "$3" > "$RECORDS/image" ;;
  push) [[ $2 == "$(cat "$RECORDS/image")" ]] ;;
  *) exit 2 ;;
esac
"""
SERVICE = "quotaplane-quota.quota.svc:7411"


class CommandsTest(document.Case):
    DOCUMENT = "docs/kubernetes.md"

    def setUp(self) -> None:
        document.OPTIONS.programs = Path(OPTIONS.program).resolve().parent
        super().setUp()

    def follow(self) -> None:
        here, records = self.here, self.here.parent / "records"
        (records / "releases").mkdir(parents=True)
        for name, text in (("kubectl", KUBECTL), ("helm", HELM), ("docker", DOCKER)):
            self.stand_in(name, text)
        self.have("helm", "Dockerfile")
        for name in ("redis-ca.crt", "database-ca.crt"):
            self.write(name, "a certificate\n")
        self.export(
            REAL_HELM=str(Path(OPTIONS.helm).resolve()), RECORDS=str(records),
            REDIS_URL="redis://a", DATABASE_URL="postgres://a", REGISTRY_PASSWORD="p",
        )  # fmt: skip
        for block in list(self.left):
            if SERVICE in block.text:
                self.serve("--auth", "auth.yaml", "--tls-cert", "tls.crt", "--tls-key", "tls.key")
                self.replace[SERVICE] = self.replace["localhost:7411"]
            self.paste()
        releases = sorted((records / "releases").iterdir())
        self.assertEqual(len(releases), 4)
        small = documents(releases[1].read_text())
        (config,) = of_kind(small, "ConfigMap")
        self.assertEqual(config["data"]["policy.yaml"], (here / "policy.yaml").read_text())
        made = [line.split() for line in (records / "secrets").read_text().splitlines()]
        secrets = {name: keys for _, name, *keys in made}
        self.production_has_its_secrets(documents(releases[2].read_text()), secrets)
        maps = dict(line.split() for line in (records / "configmaps").read_text().splitlines())
        authorities = {
            (reference["name"], "ca.crt")
            for policy in of_kind(documents(releases[2].read_text()), "BackendTLSPolicy")
            for reference in policy["spec"]["validation"]["caCertificateRefs"]
        }
        self.assertEqual(set(maps.items()), authorities)
        self.the_certificate_has_its_names(documents(releases[2].read_text()), here / "tls.crt")

    def production_has_its_secrets(self, manifests: list[dict], made: dict[str, list[str]]) -> None:
        """Each Secret that a pod needs is made, with each key that it asks for; and no other."""
        needed: dict[str, set[str]] = {}
        for owner in [*workloads(manifests), *of_kind(manifests, "Job")]:
            spec = owner["spec"]["template"]["spec"]
            for pull in spec.get("imagePullSecrets", []):
                needed.setdefault(pull["name"], set())
            (only,) = spec["containers"]
            for variable in only["env"]:
                reference = variable["valueFrom"]["secretKeyRef"]
                needed.setdefault(reference["name"], set()).add(reference["key"])
            for volume in spec.get("volumes", []):
                sources = [volume, *volume.get("projected", {}).get("sources", [])]
                for secret in (source["secret"] for source in sources if "secret" in source):
                    keys = needed.setdefault(secret.get("secretName") or secret["name"], set())
                    mount = f"=/etc/quotaplane/{volume['name']}/"
                    keys |= {a.split(mount)[1] for a in only["args"] if mount in a} - {
                        "receivers.yaml"
                    }
        (tried,) = of_kind(manifests, "Pod")
        for volume in tried["spec"]["volumes"]:
            keys = {item["key"] for item in volume["secret"]["items"]}
            needed.setdefault(volume["secret"]["secretName"], set()).update(keys)
        self.assertEqual(set(made), set(needed))
        for name, keys in needed.items():
            self.assertLessEqual(keys, set(made[name]), name)
        values = yaml.safe_load((CHART / "examples/production.yaml").read_text())
        for file in re.findall(r"secret_file: ([\w.]+)", values["config"]["receivers"]):
            self.assertIn(file, made["quotaplane-receivers"])

    def the_certificate_has_its_names(self, manifests: list[dict], certificate: Path) -> None:
        shown = ["openssl", "x509", "-in", certificate, "-noout", "-ext", "subjectAltName"]
        names = subprocess.run(shown, check=True, capture_output=True, text=True).stdout
        for service in of_kind(manifests, "Service"):
            self.assertIn(f"DNS:{service['metadata']['name']}.quota.svc", names)


class TextTest(unittest.TestCase):
    def test_every_group_of_values_is_explained(self) -> None:
        values = set(yaml.safe_load((CHART / "values.yaml").read_text()))
        rows = re.findall(r"(?m)^\| (`[^|]+`) \|", DOC.split("\n## Values\n")[1].split("\n## ")[0])
        self.assertEqual({name for row in rows for name in re.findall(r"`(\w+)`", row)}, values)

    def test_every_example_is_named(self) -> None:
        for name in EXAMPLES:
            self.assertIn(f"../helm/quotaplane/examples/{name}.yaml", DOC)

    def test_services_and_roles_are_those_of_the_chart(self) -> None:
        table = re.findall(r"(?m)^\| `RELEASE-(\w+)` \| `(\w+)` \| (.*) \|$", DOC)
        protos = "".join(
            path.read_text() for path in (ROOT / "proto/quotaplane/v1").glob("*.proto")
        )
        help_text = subprocess.run(
            [OPTIONS.quotactl, "--help"], capture_output=True, text=True
        ).stdout
        known = set(re.findall(r"(?m)^  ([a-z][a-z-]*)  ", help_text))
        named = set()
        for _, service, commands in table:
            self.assertIn(f"\nservice {service} {{", protos)
            named |= set(re.findall(r"`([a-z-]+)`", commands))
        self.assertEqual(
            {role for role, _, _ in table}, {"quota", "ledger", "reports", "admin", "alerts"}
        )
        # Those that are left ask no server, or whichever there is.
        self.assertEqual(known - named, {"login", "logout", "token", "anomaly", "health"})
        self.assertLessEqual(named, known)

    def test_what_it_says_of_probes_and_paths(self) -> None:
        pod = (CHART / "templates/_pod.tpl").read_text()
        for word in ("/healthz", "/readyz", "/var/lib/quotaplane", "/tmp"):
            self.assertIn(word, DOC)
            self.assertIn(word, pod)
        serve = (ROOT / "services/quotaplane/serve.cc").read_text()
        (grace,) = re.findall(r"kDrainGrace = absl::Seconds\((\d+)\)", serve)
        self.assertIn(f"within {grace} s", DOC)
