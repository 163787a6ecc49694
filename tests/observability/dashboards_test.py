#!/usr/bin/env python3
"""Dashboards and rules against a server under load, asked by Debian's Prometheus as Grafana asks it:
every expression of every panel, variable and rule parses, and has data.

Usage: dashboards_test.py --program QUOTAPLANE --quotactl QUOTACTL --loadgen LOADGEN [unittest's arguments]
"""

import argparse
import re
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
import grafana
from deployment import ORGS, Deployment
from prometheus import Prometheus

OPTIONS = argparse.Namespace()
RULES = sorted((grafana.ROOT / "helm/quotaplane/files/rules").glob("*.yaml"))
SCRAPE_S = 1
RANGE_S = 60
# How long data may take: books are compared, usage is watched and forecasts are made in rounds of a minute.
WAIT_S = 150
DIMENSIONS = ("org", "team", "project", "model")

# Empty as long as all is well; what they ask for has data, and rules/*_test.yaml show that the alerts fire.
EMPTY_WHEN_ALL_IS_WELL = {
    "quotaplane-service / Alerts that fire / A": "ALERTS is Prometheus' own series of alerts that fire",
    "quotaplane-service / Failures by method and code / A": "it shows those that fail, of all that are told",
}
# A metric of ours in an expression, with its matchers; recorded ones too.
SELECTOR = re.compile(r"\b(?:[a-z_]+:)?(?:quotaplane|process)_\w+(?::\w+)?(?:\{[^{}]*\})?")


class DashboardsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="qp-dashboards-")
        cls.addClassCleanup(folder.cleanup)
        path = Path(folder.name)
        cls.deployment = Deployment(path, OPTIONS)
        cls.addClassCleanup(cls.deployment.close)
        cls.prometheus = Prometheus(path, [cls.deployment.metrics], RULES, SCRAPE_S)
        cls.addClassCleanup(cls.prometheus.stop)
        cls.stop = threading.Event()
        cls.load_error = None
        thread = threading.Thread(target=cls.load)
        thread.start()
        cls.addClassCleanup(thread.join)
        cls.addClassCleanup(cls.stop.set)
        cls.deadline = time.monotonic() + WAIT_S

    @classmethod
    def load(cls) -> None:
        seed = 0
        while not cls.stop.wait(1):
            seed += 1
            try:
                cls.deployment.load(400, seed)
            except Exception as error:  # a busy machine may let calls time out; what lacks data tells it
                cls.load_error = error

    def tearDown(self) -> None:
        self.assertIsNone(self.deployment.server.ended(), self.deployment.server.log())

    def until_data(self, asked: dict[str, tuple[str, bool]]) -> None:
        """Asks each (expression, whether instant) until it has data."""
        while True:
            asked = {
                where: (expr, instant)
                for where, (expr, instant) in asked.items()
                if not self.prometheus.has_data(expr, instant, RANGE_S)
            }
            if not asked or time.monotonic() > self.deadline:
                break
            time.sleep(1)
        if asked:
            lines = [f"{where}: {expr}" for where, (expr, _) in asked.items()]
            self.fail("\n".join(["no data:", *lines, f"the load's last error: {self.load_error}"]))

    def variables(self, board: dict, org: str | None) -> dict[str, str]:
        """All of everything, or every value of one org that there is."""
        values = {}
        for variable in grafana.query_variables(board):
            values[variable["name"]] = variable["allValue"]
            if org is None:
                continue
            series, label = grafana.label_values(variable)
            series = grafana.substitute(series, values, SCRAPE_S, RANGE_S)
            found = self.prometheus.get(f"label/{label}/values", **{"match[]": series})
            self.assertTrue(found, series)
            values[variable["name"]] = org if label == "org" else grafana.chosen(found)
        return values

    def test_what_is_of_another_deployment_is_not_shown(self) -> None:
        for board in grafana.boards().values():
            for other in ("namespace", "job"):
                values = self.variables(board, None) | {other: "elsewhere"}
                for question in grafana.questions(board):
                    expr = grafana.substitute(question.expr, values, SCRAPE_S, RANGE_S)
                    # A number in place of what is not there is no figure of another's.
                    expr = expr.replace(" or vector(0)", "")
                    if question.where not in EMPTY_WHEN_ALL_IS_WELL:
                        shown = self.prometheus.has_data(expr, question.instant, RANGE_S)
                        self.assertFalse(shown, f"{question.where}: {expr}")

    def check_boards(self, org: str | None) -> None:
        asked = {}
        for board in grafana.boards().values():
            variables = self.variables(board, org)
            for question in grafana.questions(board):
                expr = grafana.substitute(question.expr, variables, SCRAPE_S, RANGE_S)
                if question.where in EMPTY_WHEN_ALL_IS_WELL:
                    self.prometheus.get("query", query=expr)
                else:
                    asked[question.where] = (expr, question.instant)
                # `or vector(0)` shall not hide that a name is wrong.
                for selector in SELECTOR.findall(expr):
                    asked[f"{question.where}: {selector}"] = (selector, question.instant)
        self.until_data(asked)

    def test_every_panel_has_data(self) -> None:
        self.check_boards(None)

    def test_every_panel_has_data_of_one_org(self) -> None:
        self.until_data({org: (f'quotaplane_requests_total{{org="{org}"}}', True) for org in ORGS})
        self.check_boards("acme")

    def test_every_rule_has_data(self) -> None:
        asked = {}
        for group in self.prometheus.get("rules")["groups"]:
            for rule in group["rules"]:
                where = f"{rule['name']} {rule.get('labels', '')}"
                self.prometheus.get("query", query=rule["query"])
                if rule["type"] == "recording":
                    asked[where] = (rule["query"], True)
                # An alert is silent while all is well: what it looks at has to be there.
                selectors = SELECTOR.findall(rule["query"])
                self.assertTrue(selectors, rule["query"])
                for selector in selectors:
                    asked[f"{where}: {selector}"] = (without_failures(selector), True)
        self.until_data(asked)
        for group in self.prometheus.get("rules")["groups"]:
            for rule in group["rules"]:
                self.assertEqual((rule["health"], rule.get("lastError", "")), ("ok", ""), rule["name"])

    def test_a_file_with_a_mistake_is_seen(self) -> None:
        policy = self.deployment.policy
        good = policy.read_text()
        for text, files in ((good + "what: is this\n", 1), (good, 0)):
            policy.write_text(text)
            self.until_data({text: (f"quotaplane_config_files_rejected == {files}", True)})

    def test_a_metric_that_is_not_there_is_found_missing(self) -> None:
        self.assertFalse(self.prometheus.has_data("sum(quotaplane_no_such_metric)"))
        self.assertFalse(self.prometheus.has_data("sum(quotaplane_no_such_metric)", False))
        with self.assertRaises(ValueError):
            self.prometheus.has_data("sum(")


def without_failures(selector: str) -> str:
    """Nothing fails here: a series of a code of failure is one of any code."""
    return re.sub(r'code=~"UNAVAILABLE[^"]*"', 'code=~".+"', re.sub(r"\s+", " ", selector))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    for program in ("program", "quotactl", "loadgen"):
        parser.add_argument(f"--{program}", required=True)
    _, rest = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
