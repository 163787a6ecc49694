#!/usr/bin/env python3
"""Dashboards, rules and runbooks as files: complete, consistent, and about metrics that are documented."""

import collections
import itertools
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import grafana

ROOT = grafana.ROOT
RULES = sorted((ROOT / "helm/quotaplane/files/rules").glob("*.yaml"))
RULE_TESTS = sorted((ROOT / "tests/observability/rules").glob("*_test.yaml"))
TEAMS = {"platform", "finance"}
SEVERITIES = {"critical", "warning"}
UNITS = {"currencyUSD", "percentunit", "reqps", "ops", "short", "none", "s", "bytes"}
# Who is who is no label of a metric.
PERSONAL = re.compile(r"\b(user|user_name|api_key|session)\b")
SERIES = re.compile(r'(?:\b(?:quotaplane|process)_[\w:]+|(?=\{__name__=~"quotaplane_))(\{[^{}]*\})?')
OURS = re.compile(r"\b(?:quotaplane|process)_\w+")
RECORDED = re.compile(r"\b[a-z_]+:quotaplane_\w+:\w+")


def rules() -> list[dict]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def documented() -> set[str]:
    """The metrics of docs/metrics.md, histograms with their series."""
    names = set()
    for name, kind in re.findall(r"(?m)^\| `(\w+)`[^|]*\| (\w+) \|", (ROOT / "docs/metrics.md").read_text()):
        names |= {name} if kind != "histogram" else {f"{name}_{part}" for part in ("bucket", "count", "sum")}
    return names


class BoardsTest(unittest.TestCase):
    def test_they_are_what_the_script_writes(self) -> None:
        done = subprocess.run([ROOT / "tools/dashboards/generate.py", "--check"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_names_ids_and_sources(self) -> None:
        boards = grafana.boards()
        self.assertEqual(set(boards), {f"quotaplane-{name}" for name in ("spend", "limits", "service", "anomalies")})
        for uid, board in boards.items():
            self.assertEqual(board["uid"], uid)
            ids = [panel["id"] for panel in board["panels"]]
            self.assertEqual(len(ids), len(set(ids)))
            titles = [panel["title"] for panel in grafana.panels(board)]
            rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
            self.assertEqual([t for t, n in collections.Counter(rows).items() if n > 1], [], uid)
            pairs = collections.Counter((p["title"], p["type"]) for p in grafana.panels(board))
            self.assertEqual([pair for pair, n in pairs.items() if n > 1], [], titles)
            source = board["templating"]["list"][0]
            self.assertEqual((source["name"], source["type"]), ("datasource", "datasource"))
            for panel in grafana.panels(board):
                for place in (panel, *panel["targets"]):
                    self.assertEqual(place["datasource"]["uid"], "${datasource}", panel["title"])

    def test_every_panel_says_what_it_shows_and_in_which_unit(self) -> None:
        for uid, board in grafana.boards().items():
            self.assertGreater(len(board["description"]), 20)
            for panel in grafana.panels(board):
                with self.subTest(f"{uid} / {panel['title']}"):
                    self.assertRegex(panel["description"], r"(?s)^[A-Z].{10,}\.$")
                    config = panel["fieldConfig"]
                    properties = [p for o in config["overrides"] for p in o["properties"]]
                    units = [p["value"] for p in properties if p["id"] == "unit"]
                    units += [config["defaults"]["unit"]] if "unit" in config["defaults"] else []
                    self.assertTrue(units)
                    self.assertLessEqual(set(units), UNITS)

    def test_no_two_panels_overlap(self) -> None:
        for board in grafana.boards().values():
            places = [(panel["title"], panel["gridPos"]) for panel in board["panels"]]
            for title, at in places:
                self.assertLessEqual(at["x"] + at["w"], 24, title)
            for (one, a), (other, b) in itertools.combinations(places, 2):
                apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
                apart = apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
                self.assertTrue(apart, (one, other))

    def test_variables_are_there_and_used(self) -> None:
        for uid, board in grafana.boards().items():
            names = [one["name"] for one in grafana.query_variables(board)]
            self.assertEqual(names, ["namespace", "job", "org", "team", "project", "model"])
            exprs = " ".join(question.expr for question in grafana.questions(board))
            for name in names:
                self.assertIn(f'{name}=~"${name}"', exprs, uid)
            values = dict.fromkeys(names, ".*")
            self.assertNotIn("$", grafana.substitute(exprs, values, 1, 60))

    def test_every_series_is_of_the_chosen_deployments(self) -> None:
        for uid, board in grafana.boards().items():
            asked = {question.where: question.expr for question in grafana.questions(board)}
            deployment = ["namespace", "job"]
            for one in grafana.query_variables(board):
                if one["name"] not in deployment:
                    asked[f"{uid} / ${one['name']}"] = one["query"]["query"]
            for where, expr in asked.items():
                series = SERIES.findall(expr)
                self.assertTrue(series or "ALERTS" in expr, where)
                for matchers in series:
                    for name in deployment:
                        self.assertIn(f'{name}=~"${name}"', matchers, where)
                for matchers in re.findall(r"ALERTS(\{[^{}]*\})", expr):
                    # What is absent has neither label.
                    self.assertIn('namespace=~"$namespace|", job=~"$job|"', matchers, where)

    def test_what_is_chosen_is_written_as_grafana_writes_it(self) -> None:
        self.assertEqual(grafana.chosen(["a.b"]), r"a\\.b")
        self.assertEqual(grafana.chosen(["a\\b"]), "a" + "\\" * 4 + "b")
        self.assertEqual(grafana.chosen(["a", "b"]), "(a|b)")


class MetricsTest(unittest.TestCase):
    def exprs(self) -> list[tuple[str, str]]:
        asked = [(q.where, q.expr) for board in grafana.boards().values() for q in grafana.questions(board)]
        for board in grafana.boards().values():
            asked += [(f"{board['uid']} / ${v['name']}", v["query"]["query"]) for v in grafana.query_variables(board)]
        return asked + [(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]

    def test_every_metric_is_documented_or_recorded(self) -> None:
        known, recorded = documented(), {rule["record"] for rule in rules() if "record" in rule}
        self.assertGreater(len(known), 50)
        unknown = set()
        for where, expr in self.exprs():
            asked = set(RECORDED.findall(expr))
            unknown |= {(where, name) for name in asked - recorded}
            unknown |= {(where, name) for name in set(OURS.findall(RECORDED.sub("", expr))) - known}
        self.assertEqual(sorted(unknown), [])

    def test_nobody_is_named(self) -> None:
        for where, expr in self.exprs():
            self.assertIsNone(PERSONAL.search(expr), where)


class AlertsTest(unittest.TestCase):
    def test_every_alert_says_how_bad_it_is_whose_it_is_and_what_to_do(self) -> None:
        for rule in rules():
            if "alert" not in rule:
                continue
            with self.subTest(rule["alert"]):
                self.assertRegex(rule["alert"], "^Quotaplane[A-Z]")
                self.assertIn(rule["labels"]["severity"], SEVERITIES)
                self.assertIn(rule["labels"]["team"], TEAMS)
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook"})
                self.assertEqual(rule["annotations"]["runbook"], f"docs/runbooks.md#{rule['alert'].lower()}")

    def test_every_alert_has_a_runbook_and_every_runbook_an_alert(self) -> None:
        sections = re.findall(r"(?m)^### (\w+)$", (ROOT / "docs/runbooks.md").read_text())
        self.assertEqual(len(sections), len(set(sections)))
        self.assertEqual(set(sections), {rule["alert"] for rule in rules() if "alert" in rule})

    def test_every_alert_is_shown_to_fire_and_to_be_silent(self) -> None:
        fires, silent = set(), set()
        for path in RULE_TESTS:
            for test in yaml.safe_load(path.read_text())["tests"]:
                for case in test["alert_rule_test"]:
                    name = case["alertname"]
                    if not case["exp_alerts"]:
                        silent.add(name)
                    for one in case["exp_alerts"]:
                        labels = one["exp_labels"]
                        fires.add((name, labels["severity"], labels.get("window")))
        wanted = {
            (rule["alert"], rule["labels"]["severity"], rule["labels"].get("window"))
            for rule in rules()
            if "alert" in rule
        }
        self.assertEqual(wanted - fires, set(), "never shown to fire")
        self.assertEqual({name for name, _, _ in wanted} - silent, set(), "never shown to be silent")


class DocumentTest(unittest.TestCase):
    """docs/dashboards.md: the files that it says to write."""

    def test_they_are_what_their_readers_take(self) -> None:
        text = (ROOT / "docs/dashboards.md").read_text()
        files = [yaml.safe_load(block) for block in re.findall(r"(?ms)^```yaml\n(.*?)^```$", text)]
        scrape, source, provider = files
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(json.dumps(scrape))
            file.flush()
            done = subprocess.run(["promtool", "check", "config", file.name], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual([one["type"] for one in source["datasources"]], ["prometheus"])
        [one] = provider["providers"]
        self.assertIn(f"\ninstall -d {one['options']['path']} ", text)


if __name__ == "__main__":
    unittest.main()
