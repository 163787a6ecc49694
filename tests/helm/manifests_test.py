"""The rules of manifest_rules.py, over the examples and variants; and that each sees what it is for."""

import copy
import unittest

import yaml
from chart import EXAMPLES, container, example, of_kind, render, workloads
from manifest_rules import problems

EVERYTHING = (
    "serviceMonitor.enabled=true,prometheusRule.enabled=true,dashboards.enabled=true,"
    "workload.autoscaling.enabled=true"
)
# Over an example: `--set`.
VARIANTS = [
    ("small", "insecure=false,tls.existingSecret=t,auth.existingSecret=a"),
    ("small", "fullnameOverride=books,serviceMonitor.enabled=true"),
    ("small", "user=null"),
    ("production", f"{EVERYTHING},workload.persistence.enabled=true"),
    ("production", f"{EVERYTHING},workloads.quota.persistence.enabled=false"),
    ("production", f"{EVERYTHING},layout=single"),
    ("production", "serviceAccount.create=false,networkPolicy.enabled=false,podDisruptionBudget.enabled=false"),
    ("production", "service.type=LoadBalancer,service.port=443,service.annotations.a=b"),
    ("production", "workload.podLabels.team=finops,workload.podAnnotations.a=b,workload.nodeSelector.a=b"),
    ("production", "layout=single,service.port=443,tls.clientCaSecret=,test.caSecret="),
    ("small", "grpcRoute.enabled=true,grpcRoute.parentRefs[0].name=all"),
    ("production", "config.receivers=,config.receiversSecret=,config.policy="),
    ("production", "nameOverride=a-name-that-is-as-long-as-a-name-could-ever-be-and-longer"),
    ("small", "workload.extraEnv[0].name=OTEL_EXPORTER_OTLP_ENDPOINT,workload.extraEnv[0].value=a"),
    ("redis-cluster", "workload.autoscaling.enabled=false,workload.replicas=3,migration.enabled=false"),
    ("redis-cluster", "insecure=true,tls.existingSecret=,auth.existingSecret=,layout=per-role"),
]  # fmt: skip


def secrets(values) -> set[str]:
    """What `existingSecret` and the like name, anywhere in the values."""
    found = set()
    if isinstance(values, dict):
        for name, value in values.items():
            found |= {value} if name.endswith("Secret") and value else secrets(value)
    return found


def secrets_of(name: str, setting: str = "") -> set[str]:
    named = secrets(yaml.safe_load(example(name).read_text()))
    words = [word.split("=", 1) for word in setting.split(",") if "=" in word]
    return named | {value for key, value in words if key.endswith("Secret")}


class ManifestsTest(unittest.TestCase):
    def test_examples(self) -> None:
        for name in EXAMPLES:
            with self.subTest(name):
                self.assertEqual(problems(render("-f", example(name)), secrets_of(name)), [])

    def test_variants(self) -> None:
        for name, setting in VARIANTS:
            with self.subTest(f"{name}, {setting}"):
                manifests = render("-f", example(name), "--set", setting)
                given = "user=null" not in setting
                self.assertEqual(problems(manifests, secrets_of(name, setting), given), [])

    def test_releases_in_one_namespace_leave_each_other_alone(self) -> None:
        """Whatever selects pods selects its own release's."""
        one = render("-f", example("production"))
        other = render("-f", example("production"), release="other")
        found = problems(one + other, secrets_of("production"))
        apart = [p for p in found if "it leaves out" in p or "is scraped 0 times" in p]
        self.assertEqual(found, apart)
        # Each policy and each monitor says of every workload of the other release that it is not
        # its own; policies of the Job and of the test's pod, too.
        self.assertEqual(len(apart), 2 * (5 + 2) + 2 * 5)

    def test_passwords_go_only_where_they_are_used(self) -> None:
        used = {}
        for workload in workloads(render("-f", example("production"))):
            spec = workload["spec"]["template"]["spec"]
            names = {e["name"] for e in container(workload).get("env", [])}
            names |= {volume["name"] for volume in spec["volumes"]}
            used[workload["metadata"]["labels"]["app.kubernetes.io/component"]] = names
        of_all = {"data", "tmp", "auth", "tls", "client-ca"}
        store = {"QUOTAPLANE_REDIS", "counter-store", "config"}
        database = {"QUOTAPLANE_LEDGER", "database"}
        self.assertEqual(used, {
            "quota": (of_all | store) - {"data"},  # a claim of its own
            "ledger": of_all | store | database,
            "reports": of_all | database,
            "admin": of_all | store | database,
            "alerts": of_all | store | database | {"receivers"},
        })  # fmt: skip

    def test_a_kubelet_that_speaks_no_tls_is_not_asked_to(self) -> None:
        plain = container(workloads(render("-f", example("small")))[0])
        self.assertEqual(plain["readinessProbe"]["grpc"], {"port": 7411})
        for workload in workloads(render("-f", example("production"))):
            self.assertEqual(
                container(workload)["readinessProbe"]["httpGet"],
                {"path": "/readyz", "port": "metrics"},
            )

    def test_the_schema_is_there_before_the_program(self) -> None:
        (job,) = of_kind(render("-f", example("production")), "Job")
        self.assertEqual(job["metadata"]["annotations"]["helm.sh/hook"], "pre-install,pre-upgrade")
        # What the release brings is not there yet.
        self.assertNotIn("serviceAccountName", job["spec"]["template"]["spec"])
        self.assertEqual(of_kind(render("-f", example("small")), "Job"), [])

    def test_own_values_of_a_workload_stand_over_the_common_ones(self) -> None:
        setting = "workload.replicas=2,workload.resources.limits.memory=3Gi,workloads.admin.resources.limits.memory=4Gi"
        found = {
            w["metadata"]["name"]: (
                w["spec"].get("replicas"),
                container(w)["resources"]["limits"]["memory"],
            )
            for w in workloads(render("-f", example("production"), "--set", setting))
        }
        self.assertEqual(found["quotaplane-admin"], (2, "4Gi"))
        self.assertEqual(found["quotaplane-reports"], (2, "3Gi"))
        self.assertEqual(found["quotaplane-quota"], (None, "2Gi"))


def only(manifests: list[dict], kind: str, name: str = "") -> dict:
    return [m for m in of_kind(manifests, kind) if name in m["metadata"]["name"]][0]


def quota(manifests: list[dict]) -> dict:
    return only(manifests, "StatefulSet")["spec"]["template"]["spec"]


class RulesTest(unittest.TestCase):
    """Each of these breaks the production example in one place."""

    CASES = {
        "the pod may run as root": lambda m: quota(m)["securityContext"].pop("runAsNonRoot"),
        "no seccomp profile": lambda m: quota(m)["securityContext"].pop("seccompProfile"),
        "the pod gets a token": lambda m: quota(m).pop("automountServiceAccountToken"),
        "hostNetwork is on": lambda m: quota(m).update(hostNetwork=True),
        "is the node's": lambda m: quota(m)["volumes"][0].update(hostPath={"path": "/"}),
        "privileges may be gained": lambda m: quota(m)["containers"][0]["securityContext"].pop(
            "allowPrivilegeEscalation"
        ),
        "the root file system is writable": lambda m: quota(m)["containers"][0][
            "securityContext"
        ].update(readOnlyRootFilesystem=False),
        "capabilities are left": lambda m: quota(m)["containers"][0]["securityContext"].pop(
            "capabilities"
        ),
        "no limits.memory": lambda m: quota(m)["containers"][0]["resources"].pop("limits"),
        "is of no version": lambda m: quota(m)["containers"][0].update(
            image="registry:5000/quotaplane"
        ),
        "the volume tmp does not exist": lambda m: quota(m)["volumes"].pop(0),
        "is not mounted": lambda m: quota(m)["volumes"].append({"name": "more", "emptyDir": {}}),
        "no livenessProbe": lambda m: quota(m)["containers"][0].pop("livenessProbe"),
        "readinessProbe asks a port": lambda m: quota(m)["containers"][0]["readinessProbe"].update(
            httpGet={"path": "/", "port": "http"}
        ),
        "no time for Services": lambda m: quota(m)["containers"][0].pop("lifecycle"),
        "it is killed before": lambda m: quota(m).update(terminationGracePeriodSeconds=10),
        "it can write elsewhere": lambda m: quota(m)["containers"][0]["volumeMounts"][2].pop(
            "readOnly"
        ),
        "other pods are spread": lambda m: quota(m)["topologySpreadConstraints"][0][
            "labelSelector"
        ]["matchLabels"].clear(),
        "the service account quotaplane does not": lambda m: only(m, "ServiceAccount")[
            "metadata"
        ].update(name="other"),
        "its headless Service": lambda m: only(m, "StatefulSet")["spec"].update(
            serviceName="other"
        ),
        "do not go together": lambda m: only(m, "Deployment")["spec"]["selector"][
            "matchLabels"
        ].pop("app.kubernetes.io/component"),
        "the ConfigMap quotaplane-config does": lambda m: m.remove(only(m, "ConfigMap", "-config")),
        "none that the values name": lambda m: quota(m)["containers"][0]["env"][0]["valueFrom"][
            "secretKeyRef"
        ].update(name="other"),
        "it selects [": lambda m: only(m, "Service")["spec"]["selector"].pop(
            "app.kubernetes.io/component"
        ),
        "the port web does not exist": lambda m: only(m, "Service")["spec"]["ports"][0].update(
            targetPort="web"
        ),
        "there is no StatefulSet": lambda m: only(m, "StatefulSet")["metadata"].update(
            name="other"
        ),
        "an upgrade undoes": lambda m: only(m, "StatefulSet")["spec"].update(replicas=3),
        "it may keep a node": lambda m: only(m, "PodDisruptionBudget")["spec"].update(
            maxUnavailable=0
        ),
        "it leaves out": lambda m: only(m, "NetworkPolicy")["spec"]["podSelector"][
            "matchLabels"
        ].update(a="b"),
        "it lets everybody in": lambda m: only(m, "NetworkPolicy")["spec"]["ingress"][0].pop(
            "from"
        ),
        "is scraped 0 times": lambda m: only(m, "ServiceMonitor")["spec"]["selector"][
            "matchLabels"
        ].update(a="b"),
        "is scraped 2 times": lambda m: only(m, "ServiceMonitor")["spec"]["selector"][
            "matchLabels"
        ].pop("quotaplane/service"),
        "there is no Service quotaplane-x": lambda m: only(m, "GRPCRoute")["spec"]["rules"][0][
            "backendRefs"
        ][0].update(name="quotaplane-x"),
        "has no port 80": lambda m: only(m, "GRPCRoute")["spec"]["rules"][0]["backendRefs"][
            0
        ].update(port=80),
        "goes two ways": lambda m: only(m, "GRPCRoute")["spec"]["rules"].append(
            only(m, "GRPCRoute")["spec"]["rules"][1]
        ),
        "it expects the certificate of another": lambda m: only(m, "BackendTLSPolicy")["spec"][
            "validation"
        ].update(hostname="localhost"),
        "there is no Service quotaplane-y": lambda m: only(m, "BackendTLSPolicy")["spec"][
            "targetRefs"
        ][0].update(name="quotaplane-y"),
        "is there twice": lambda m: m.append(copy.deepcopy(m[0])),
        "the name is too long": lambda m: only(m, "Service")["metadata"].update(name="x" * 64),
        "no label helm.sh/chart": lambda m: only(m, "Service")["metadata"]["labels"].pop(
            "helm.sh/chart"
        ),
    }

    def test_each_rule_sees_what_it_is_for(self) -> None:
        good = render("-f", example("production"))
        named = secrets_of("production")
        for message, spoil in self.CASES.items():
            with self.subTest(message):
                manifests = copy.deepcopy(good)
                spoil(manifests)
                self.assertIn(message, "\n".join(problems(manifests, named)))
