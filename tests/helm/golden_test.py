"""What each example renders to, whole: whoever changes a template sees what a cluster would get."""

import json
import shutil
import tempfile
import unittest
from pathlib import Path

import yaml
from chart import (
    CHART,
    EXAMPLES,
    OPTIONS,
    ROOT,
    example,
    helm,
    of_kind,
    render,
    strict,
    template,
    without_files,
)

GOLDEN = ROOT / "tests/helm/golden"


class GoldenTest(unittest.TestCase):
    maxDiff = None

    def test_lint(self) -> None:
        for name in EXAMPLES:
            with self.subTest(name):
                ended = helm("lint", "--strict", CHART, "-f", example(name))
                self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)

    def test_examples(self) -> None:
        self.assertEqual(EXAMPLES, ["production", "redis-cluster", "small"])
        for name in EXAMPLES:
            text = without_files(template("-f", example(name)))
            golden = GOLDEN / f"{name}.yaml"
            if OPTIONS.update:
                golden.write_text(text)
            with self.subTest(name):
                self.assertEqual(text, golden.read_text(), "run_tests.py --update writes it anew")

    def test_every_golden_file_has_its_example(self) -> None:
        self.assertEqual(sorted(path.stem for path in GOLDEN.iterdir()), EXAMPLES)

    def test_kubernetes_own_types_take_them(self) -> None:
        for name in EXAMPLES:
            with self.subTest(name):
                ended = strict(template("-f", example(name)))
                self.assertEqual(ended.returncode, 0, ended.stderr)
                self.assertEqual(int(ended.stdout), len(render("-f", example(name))))

    def test_kubernetes_own_types_refuse_what_they_do_not_have(self) -> None:
        for manifest in (
            "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {port: 1}}",
            "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [{port: a}]}}",
            "{apiVersion: v1, kind: Secret, metadata: {name: x}}",
            "",
        ):
            with self.subTest(manifest):
                ended = strict(manifest)
                self.assertEqual(ended.returncode, 1, ended.stdout)

    def test_kubernetes_own_types_refuse_what_is_no_string(self) -> None:
        service = "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: %s}"
        pod = "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: %s}"
        deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: %s}"
        config = "{apiVersion: v1, kind: ConfigMap, %s}"
        for manifest, path in (
            (config % "metadata: {name: VALUE}", "metadata.name"),
            (config % "metadata: {name: x, labels: {a: VALUE}}", "metadata.labels"),
            (config % "metadata: {name: x, annotations: {a: VALUE}}", "metadata.annotations"),
            (config % "metadata: {name: x}, data: {a: VALUE}", "data"),
            (service % "{selector: {a: VALUE}}", "spec.selector"),
            (deployment % "{selector: {matchLabels: {a: VALUE}}}", "spec.selector.matchLabels"),
            (deployment % "{template: {metadata: {labels: {a: VALUE}}}}", "spec.template.metadata.labels"),
            (pod % "{nodeSelector: {a: VALUE}}", "spec.nodeSelector"),
            (pod % "{imagePullSecrets: [{name: VALUE}]}", "spec.imagePullSecrets.name"),
            (pod % "{volumes: [{name: a, secret: {secretName: VALUE}}]}", "spec.volumes.secret.secretName"),
        ):  # fmt: skip
            for value in ("123", "007", "1e3", "0x1f", "true", "null", "~"):
                with self.subTest(manifest, value=value):
                    good = strict(manifest.replace("VALUE", f'"{value}"'))
                    self.assertEqual(good.returncode, 0, good.stderr)
                    bad = strict(manifest.replace("VALUE", value))
                    self.assertEqual(bad.returncode, 1)
                    self.assertIn(path.rsplit(".", 1)[-1], bad.stderr)


class FilesTest(unittest.TestCase):
    """Rules and dashboards come out as they lie in the chart: they have braces of their own."""

    SETTINGS = (
        "-f",
        example("small"),
        "--set",
        "prometheusRule.enabled=true,dashboards.enabled=true",
    )

    def test_every_rule_file_is_a_prometheus_rule(self) -> None:
        found = {
            r["metadata"]["name"]: r["spec"]
            for r in of_kind(render(*self.SETTINGS), "PrometheusRule")
        }
        files = (CHART / "files/rules").glob("*.yaml")
        self.assertEqual(
            found, {f"quotaplane-{f.stem}": yaml.safe_load(f.read_text()) for f in files}
        )
        self.assertIn("quotaplane-ledger", found)

    def test_every_dashboard_is_a_config_map(self) -> None:
        with tempfile.TemporaryDirectory(prefix="qp-helm-") as folder:
            chart = Path(folder) / "quotaplane"
            shutil.copytree(CHART, chart)
            (chart / "files/dashboards").mkdir(exist_ok=True)
            own = {
                "title": "Own",
                "panels": [{"legendFormat": "{{org}} – {{ .team }}", "expr": 'x{y="$z"}'}],
            }
            (chart / "files/dashboards/own.json").write_text(json.dumps(own, indent=2))
            found = {
                m["metadata"]["name"]: m["data"]
                for m in of_kind(render(*self.SETTINGS, chart=chart), "ConfigMap")
                if m["metadata"]["labels"].get("grafana_dashboard") == "1"
            }
            files = list((chart / "files/dashboards").glob("*.json"))
            self.assertEqual(
                found,
                {
                    f"quotaplane-dashboard-{f.stem.removeprefix('quotaplane-')}": {
                        f.name: f.read_text()
                    }
                    for f in files
                },
            )
            self.assertEqual(json.loads(found["quotaplane-dashboard-own"]["own.json"]), own)


class VersionTest(unittest.TestCase):
    def test_the_chart_is_of_the_program(self) -> None:
        version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
        self.assertIn(
            f"project(quotaplane VERSION {version} ", (ROOT / "CMakeLists.txt").read_text()
        )
