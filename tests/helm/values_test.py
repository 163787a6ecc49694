"""Values that are refused, by the name of what is wrong with them."""

import json
import unittest

import yaml
from chart import CHART, example, render, strict, template

BASE = ("-f", example("small"))
SECURE = "tls.existingSecret=t,auth.existingSecret=a,insecure=false"
OWN_REDIS = "counterStore.existingSecret=r,database.existingSecret=d"


class SchemaTest(unittest.TestCase):
    # `--set` of each, and what the refusal says.
    CASES = [
        ("worklod.replicas=3", "'worklod' not allowed"),
        ("workload.replica=3", "'replica' not allowed"),
        ("workload.replicas=0", "/workload/replicas': minimum"),
        ("workload.replicas=two", "/workload/replicas': got string, want integer"),
        ("workload.resources.limit.cpu=1", "/workload/resources': additional properties 'limit' not allowed"),
        ("workload.resources.limits.memory=1 GB", "/workload/resources/limits/memory'"),
        ("workload.persistence.size=", "/workload/persistence/size'"),
        ("workload.autoscaling.maxReplicas=0", "/workload/autoscaling/maxReplicas'"),
        ("workload.autoscaling.targetCPUUtilizationPercentage=150", "targetCPUUtilizationPercentage'"),
        ("workload.topologySpread[0].topologyKey=zone", "missing properties 'maxSkew', 'whenUnsatisfiable'"),
        ("workload.extraArgs[0]=insecure", "/workload/extraArgs/0'"),
        ("workload.extraEnv[0].nme=A", "/workload/extraEnv/0'"),
        ("workload.podLabels.a=1", "/workload/podLabels/a': got number, want string"),
        # The chart has them itself.
        (r"workload.podLabels.app\.kubernetes\.io/name=a", "/workload/podLabels/app.kubernetes.io~1name': false schema"),
        (r"workloads.quota.podLabels.helm\.sh/a=a", "/workloads/quota/podLabels/helm.sh~1a': false schema"),
        (r"serviceMonitor.labels.helm\.sh/chart=a", "/serviceMonitor/labels/helm.sh~1chart': false schema"),
        (r"prometheusRule.labels.app\.kubernetes\.io/a=a", "/prometheusRule/labels/app.kubernetes.io~1a': false schema"),
        (r"dashboards.labels.app\.kubernetes\.io/part-of=a",
         "/dashboards/labels/app.kubernetes.io~1part-of': false schema"),
        ("workloads.worker.replicas=2", "'worker' not allowed"),
        ("workloads.quota.persistence.sise=1Gi", "/workloads/quota/persistence': additional properties 'sise'"),
        ("layout=split", "/layout': value must be one of 'single', 'per-role'"),
        ("insecure=yes", "/insecure': got string, want boolean"),
        ("image.digest=0123", "/image/digest'"),
        ("image.tag=a b", "/image/tag'"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy'"),
        ("counterStore.url=redis://a", "/counterStore': additional properties 'url'"),
        ("counterStore.existingSecret=Own Redis", "/counterStore/existingSecret'"),
        ("database.key=", "/database/key'"),
        ("tls.secret=a", "/tls': additional properties 'secret'"),
        ("auth.tokens[0]=a", "/auth': additional properties 'tokens'"),
        ("config.polices=a", "/config': additional properties 'polices'"),
        ("service.port=70000", "/service/port'"),
        ("service.type=ExternalName", "/service/type'"),
        ("shutdown.graceSeconds=0", "/shutdown/graceSeconds'"),
        ("networkPolicy.clients=all", "/networkPolicy/clients'"),
        ("user=0", "/user': minimum"),
        ("migration.deadlineSeconds=-1", "/migration/deadlineSeconds'"),
        ("grpcRoute.gateway=a", "/grpcRoute': additional properties 'gateway'"),
        ("grpcRoute.parentRefs[0].namespace=a", "/grpcRoute/parentRefs/0': missing property 'name'"),
        ("grpcRoute.hostnames[0]=https://a", "/grpcRoute/hostnames/0'"),
        ("test.enabled=true", "/test': additional properties 'enabled'"),
        ("serviceMonitor.interval=15", "/serviceMonitor/interval'"),
        ("serviceMonitor.interval=15 s", "/serviceMonitor/interval'"),
        ("fullnameOverride=A_B", "/fullnameOverride'"),
    ]  # fmt: skip

    def test_mistakes_are_named(self) -> None:
        for setting, message in self.CASES:
            with self.subTest(setting), self.assertRaises(ValueError) as refused:
                template(*BASE, "--set", setting)
            self.assertIn(message, str(refused.exception))

    QUANTITIES = ("500m", "0.5", ".5", "5.", "128974848", "010", "1e3", "1E6", "12e-1", "1.5e+9")
    QUANTITIES += tuple(f"2{suffix}" for suffix in "n u m k M G T P E Ki Mi Gi Ti Pi Ei".split())
    NO_QUANTITIES = ("1 GB", "1GB", "1K", "1ki", "1mi", "1B", "1ei", "1e", "1,5Gi", "")

    def test_every_quantity_of_kubernetes_will_do(self) -> None:
        for quantity in self.QUANTITIES:
            with self.subTest(quantity):
                names = ("resources.requests.memory", "resources.limits.cpu", "persistence.size")
                flags = [f"workload.{name}={quantity}" for name in names]
                text = template(*BASE, "--set-string", ",".join(flags))
                ended = strict(text)
                self.assertEqual(ended.returncode, 0, ended.stderr)
                self.assertEqual(text.count(f'storage: "{quantity}"\n'), 1)

    def test_nothing_else_is_a_quantity(self) -> None:
        claim = (
            "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers:"
            ' [{name: x, resources: {limits: {memory: "%s"}}}]}}'
        )
        for quantity in self.NO_QUANTITIES:
            with self.subTest(quantity):
                self.assertEqual(strict(claim % quantity).returncode, 1)
                value = quantity.replace(",", r"\,")
                self.refused(value)
        # Kubernetes takes these for 0.
        self.refused("Gi")
        self.refused(".")

    def refused(self, quantity: str) -> None:
        with self.assertRaisesRegex(ValueError, "/workload/persistence/size'"):
            template(*BASE, "--set-string", f"workload.persistence.size={quantity}")

    def test_every_object_of_the_schema_is_closed(self) -> None:
        """But for maps of strings, and what Kubernetes itself checks."""
        open_objects = set()

        def walk(node, path: str) -> None:
            if isinstance(node, list):
                for i, item in enumerate(node):
                    walk(item, f"{path}/{i}")
            if isinstance(node, dict):
                if node.get("type") == "object" and node.get("additionalProperties") is None:
                    open_objects.add(path)
                for name, value in node.items():
                    walk(value, f"{path}/{name}")

        walk(json.loads((CHART / "values.schema.json").read_text()), "")
        self.assertEqual(
            open_objects,
            {
                "/properties/global",
                "/definitions/objects/items",
                "/definitions/workload/properties/affinity",
                "/definitions/workload/properties/extraEnv/items/properties/valueFrom",
            },
        )

    def test_the_schema_has_what_the_values_have(self) -> None:
        schema = json.loads((CHART / "values.schema.json").read_text())
        values = yaml.safe_load((CHART / "values.yaml").read_text())

        def compare(value, node: dict, path: str) -> None:
            node = node["allOf"][0] if "allOf" in node else node
            if "$ref" in node:
                node = schema["definitions"][node["$ref"].rsplit("/", 1)[1]]
            if (
                not isinstance(value, dict)
                or "properties" not in node
                or path.startswith("/workloads/")
            ):
                return
            self.assertEqual(set(value) - {"global"}, set(node["properties"]) - {"global"}, path)
            for name, inner in value.items():
                compare(inner, node["properties"][name], f"{path}/{name}")

        compare(values | {"global": {}}, schema, "")


class StringsTest(unittest.TestCase):
    """Names that YAML takes for something else stay strings, which is what Kubernetes wants."""

    NAMES = ("123", "007", "1e3", "0x1f", "true", "null", "y")
    # What takes such a name.
    VALUES = ("counterStore.existingSecret", "counterStore.key", "counterStore.filesSecret")
    VALUES += ("database.existingSecret", "database.key", "database.filesSecret")
    VALUES += ("tls.existingSecret", "tls.clientCaSecret", "auth.existingSecret", "test.caSecret")
    VALUES += ("config.receiversSecret", "image.repository", "image.tag", "image.pullSecrets[0]")
    VALUES += ("serviceAccount.name", "serviceAccount.annotations.a", "service.annotations.a")
    VALUES += ("workload.priorityClassName", "workload.persistence.storageClass")
    VALUES += ("workload.podLabels.a", "workload.podAnnotations.a", "workload.nodeSelector.a")
    VALUES += ("workload.extraEnv[0].name=A,workload.extraEnv[0].value",)
    VALUES += ("grpcRoute.caConfigMap", "grpcRoute.parentRefs[0].name", "grpcRoute.hostnames[0]")
    VALUES += ("grpcRoute.annotations.a", "serviceMonitor.labels.a", "prometheusRule.labels.a")
    VALUES += ("dashboards.labels.a", "dashboards.annotations.a")
    VALUES += ("networkPolicy.clients[0].podSelector.matchLabels.a",)

    FLAGS = "insecure=false,config.receivers=a,workload.autoscaling.enabled=true"
    FLAGS += ",grpcRoute.enabled=true,serviceMonitor.enabled=true,prometheusRule.enabled=true"
    FLAGS += ",dashboards.enabled=true"

    def check(self, release: str, *settings: str) -> str:
        text = template(*BASE, "--set", self.FLAGS, *settings, release=release)
        ended = strict(text)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return text

    def test_every_name_and_every_label(self) -> None:
        for name in self.NAMES:
            given = [word for value in self.VALUES for word in ("--set-string", f"{value}={name}")]
            for layout in ("single", "per-role"):
                with self.subTest(name, layout=layout):
                    text = self.check(name, *given, "--set", f"layout={layout}")
                    # Each of the values, and the label of the release.
                    self.assertGreater(text.count(f'"{name}"'), len(self.VALUES))

    def test_names_of_what_is_rendered(self) -> None:
        secrets = "tls.existingSecret=t,auth.existingSecret=a,grpcRoute.caConfigMap=c"
        secrets += ",grpcRoute.parentRefs[0].name=g,counterStore.existingSecret=r,database.existingSecret=d"
        for release, setting, name in (
            ("a", "fullnameOverride=true", "true"),
            ("a", "fullnameOverride=null", "null"),
            ("a", "fullnameOverride=y", "y"),
            ("true", "nameOverride=true", "true"),
            ("1e3", "nameOverride=e", "1e3"),
        ):
            with self.subTest(release, setting=setting):
                text = self.check(release, "--set", secrets, "--set-string", setting)
                self.assertIn(f'  name: "{name}"\n', text)


class TogetherTest(unittest.TestCase):
    """What the schema cannot say."""

    CASES = [
        ("image.repository=", "image.repository: needed"),
        ("insecure=false", "tls.existingSecret: needed"),
        ("insecure=false", "auth.existingSecret: needed"),
        ("insecure=false,tls.existingSecret=t", "auth.existingSecret: needed"),
        ("tls.clientCaSecret=c", "tls.clientCaSecret: needs tls.existingSecret and auth.existingSecret"),
        ("layout=per-role", "layout: per-role needs counterStore.existingSecret"),
        ("workload.replicas=2", "workloads.single: 2 replicas need counterStore.existingSecret"),
        ("workload.autoscaling.enabled=true", "workloads.single: 10 replicas need counterStore.existingSecret"),
        ("workload.persistence.enabled=false", "workloads.single.persistence.enabled: an embedded Redis needs"),
        ("counterStore.filesSecret=f", "counterStore.filesSecret: needs counterStore.existingSecret"),
        ("counterStore.existingSecret=r", "database.existingSecret: needed with counterStore.existingSecret"),
        ("database.filesSecret=f", "database.filesSecret: needs database.existingSecret"),
        ("config.receiversSecret=s", "config.receiversSecret: needs config.receivers"),
        ("test.caSecret=c", "test.caSecret: needs tls.existingSecret"),
        ("grpcRoute.enabled=true", "grpcRoute.parentRefs: needed"),
        ("grpcRoute.enabled=true,tls.existingSecret=t", "grpcRoute.caConfigMap: needed with tls.existingSecret"),
        ("shutdown.delaySeconds=20", "shutdown.graceSeconds: has to be at least 15 above"),
        (f"{OWN_REDIS},workload.autoscaling.enabled=true,workload.autoscaling.minReplicas=20",
         "workloads.single.autoscaling: minReplicas is above maxReplicas"),
    ]  # fmt: skip

    def test_contradictions_are_named(self) -> None:
        for setting, message in self.CASES:
            with self.subTest(setting), self.assertRaises(ValueError) as refused:
                template(*BASE, "--set", setting)
            self.assertIn(message, str(refused.exception))

    def test_all_at_once(self) -> None:
        with self.assertRaises(ValueError) as refused:
            template()
        message = str(refused.exception)
        for name in (
            "image.repository",
            "tls.existingSecret",
            "auth.existingSecret",
            "persistence.enabled",
        ):
            self.assertIn(name, message)

    def test_what_goes_together(self) -> None:
        for setting in (
            SECURE,
            OWN_REDIS,
            f"{SECURE},{OWN_REDIS},layout=per-role",
            f"{SECURE},tls.clientCaSecret=c",
            f"{OWN_REDIS},workload.persistence.enabled=false,workload.replicas=3",
        ):
            with self.subTest(setting):
                self.assertTrue(render(*BASE, "--set", setting))
