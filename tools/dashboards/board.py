"""Grafana dashboards as Python calls. What Grafana leaves open is decided here, once: sizes, colours,
legends, how variables are asked for.

A dashboard is written for schema 37, which Grafana 9 reads as it is and later versions bring up to date
by themselves.
"""

import re
from typing import NamedTuple

SCHEMA_VERSION = 37
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
# From which value on which colour. The first holds below all others.
Steps = list[tuple[float | None, str]]
PLAIN: Steps = [(None, "blue")]
ZERO_IS_GOOD: Steps = [(None, "green"), (1, "red")]
ONE_IS_GOOD: Steps = [(None, "red"), (1, "green")]


class Query(NamedTuple):
    expr: str
    legend: str = ""


class Variable(NamedTuple):
    name: str
    label: str
    # Which series have the label `name`: a name, or an expression for several. Filtered by the variables before it.
    metric: str
    description: str


# One Prometheus may scrape several deployments. Every process tells its role.
DEPLOYMENT = [
    Variable("namespace", "Namespace", "quotaplane_role", "Kubernetes' namespaces; outside of it there are none, and All is all."),
    Variable("job", "Job", "quotaplane_role", "Jobs of Prometheus: mostly one for a deployment."),
]
OF_DEPLOYMENT = 'namespace=~"$namespace", job=~"$job"'
# Alerts on what is absent do not know where it is absent.
OF_DEPLOYMENT_OR_NONE = 'namespace=~"$namespace|", job=~"$job|"'
SERIES = re.compile(r"\b((?:[a-z_]+:)?(?:quotaplane|process)_\w+(?::\w+)?|ALERTS)\b(\{)?")


def of_deployment(expr: str) -> str:
    """The same of the chosen deployments' series alone."""

    def narrowed(series: re.Match) -> str:
        matchers = OF_DEPLOYMENT_OR_NONE if series[1] == "ALERTS" else OF_DEPLOYMENT
        return f"{series[1]}{{{matchers}" + (", " if series[2] else "}")

    return SERIES.sub(narrowed, expr)


def thresholds(steps: Steps) -> dict:
    return {"mode": "absolute", "steps": [{"color": color, "value": at} for at, color in steps]}


def as_queries(queries: Query | str | list[Query | str]) -> list[Query]:
    if not isinstance(queries, list):
        queries = [queries]
    return [Query(query) if isinstance(query, str) else query for query in queries]


def targets(queries: list[Query], **more: object) -> list[dict]:
    return [
        {
            "refId": chr(ord("A") + i),
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": of_deployment(query.expr),
            "legendFormat": query.legend or "__auto",
            **more,
        }
        for i, query in enumerate(queries)
    ]


class Board:
    """One dashboard. Panels flow from left to right and wrap; a row starts anew."""

    def __init__(self, uid: str, title: str, description: str, variables: list[Variable], since: str):
        self._about = {"uid": uid, "title": title, "description": description}
        self._variables = [*DEPLOYMENT, *variables]
        self._since = since
        self._panels: list[dict] = []
        self._x = self._y = self._height = 0

    # Layout

    def _place(self, width: int, height: int) -> dict:
        if self._x + width > WIDTH:
            self._wrap()
        at = {"x": self._x, "y": self._y, "w": width, "h": height}
        self._x += width
        self._height = max(self._height, height)
        return at

    def _wrap(self) -> None:
        self._y += self._height
        self._x = self._height = 0

    def _add(self, panel: dict, width: int, height: int) -> None:
        self._panels.append(
            {"id": len(self._panels) + 1, "gridPos": self._place(width, height), **panel}
        )

    def row(self, title: str) -> None:
        self._wrap()
        self._add({"type": "row", "title": title, "collapsed": False, "panels": []}, WIDTH, 1)
        self._wrap()

    # Panels

    def _panel(self, kind: str, title: str, about: str, defaults: dict, options: dict, asked: list):
        return {
            "type": kind,
            "title": title,
            "description": about,
            "datasource": SOURCE,
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": options,
            "targets": asked,
        }

    def stat(
        self,
        title: str,
        about: str,
        query: Query | str,
        unit: str,
        steps: Steps = PLAIN,
        decimals: int | None = None,
        width: int = 4,
        words: dict[str, str] | None = None,
    ) -> None:
        """One number, as it is at the end of the time that is looked at. `words` stand for values."""
        defaults = {"unit": unit, "thresholds": thresholds(steps), "color": {"mode": "thresholds"}}
        if decimals is not None:
            defaults["decimals"] = decimals
        if words:
            shown = {value: {"text": text, "index": i} for i, (value, text) in enumerate(words.items())}
            defaults["mappings"] = [{"type": "value", "options": shown}]
        options = {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "none",
            "textMode": "auto",
            "justifyMode": "auto",
            "orientation": "auto",
        }
        asked = targets(as_queries(query), instant=True, range=False)
        self._add(self._panel("stat", title, about, defaults, options, asked), width, 4)

    def graph(
        self,
        title: str,
        about: str,
        queries: Query | str | list[Query | str],
        unit: str,
        steps: Steps | None = None,
        stacked: bool = False,
        most: float | None = None,
        log: bool = False,
        width: int = 12,
        height: int = 8,
    ) -> None:
        """Lines over time; `steps` draws their values as lines across; the axis begins at 0."""
        custom = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 30 if stacked else 5,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if steps else "off"},
            "scaleDistribution": {"type": "log", "log": 10} if log else {"type": "linear"},
        }
        defaults = {
            "unit": unit,
            "custom": custom,
            "color": {"mode": "palette-classic"},
            "thresholds": thresholds(steps or PLAIN),
        }
        if not log:
            defaults["min"] = 0
        if most is not None:
            defaults["max"] = most
        options = {
            "legend": {"showLegend": True, "displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
        asked = targets(as_queries(queries), range=True)
        self._add(self._panel("timeseries", title, about, defaults, options, asked), width, height)

    def bars(self, title: str, about: str, query: Query, unit: str, steps: Steps = PLAIN, **size: int):
        """A bar for each series, the largest on top."""
        defaults = {
            "unit": unit,
            "min": 0,
            "thresholds": thresholds(steps),
            "color": {"mode": "thresholds"},
        }
        options = {
            "displayMode": "basic",
            "orientation": "horizontal",
            "showUnfilled": True,
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        }
        expr = query.expr if query.expr.startswith("topk(") else f"sort_desc({query.expr})"
        asked = targets([Query(expr, query.legend)], instant=True, range=False)
        panel = self._panel("bargauge", title, about, defaults, options, asked)
        self._add(panel, size.get("width", 12), size.get("height", 8))

    def table(
        self,
        title: str,
        about: str,
        columns: dict[str, str],
        queries: list[tuple[str, str, str]],
        steps: Steps | None = None,
        smallest_first: bool = False,
        width: int = 12,
        height: int = 8,
    ) -> None:
        """A line for each set of labels. `columns` names the labels that are shown, in order, and their
        titles; `queries` are expression, title and unit of the columns of values, the first of which
        sorts the lines, and is coloured by `steps`."""
        asked = targets([Query(expr) for expr, _, _ in queries], instant=True, range=False, format="table")
        names, order, overrides = {}, {}, []
        for i, (label, shown) in enumerate(columns.items()):
            names[label], order[label] = shown, i
        for i, (_, shown, unit) in enumerate(queries):
            # With one query there is nothing to merge, and Grafana names the column "Value".
            field = "Value" if len(queries) == 1 else f"Value #{chr(ord('A') + i)}"
            names[field], order[field] = shown, len(columns) + i
            properties = [{"id": "unit", "value": unit}]
            if i == 0 and steps:
                properties += [
                    {"id": "thresholds", "value": thresholds(steps)},
                    {"id": "custom.cellOptions", "value": {"type": "color-text"}},
                    # The name of the same before Grafana 9.3.
                    {"id": "custom.displayMode", "value": "color-text"},
                ]
            overrides.append(
                {"matcher": {"id": "byName", "options": shown}, "properties": properties}
            )
        panel = self._panel(
            "table",
            title,
            about,
            {"custom": {"align": "auto", "filterable": False}},
            {"showHeader": True, "sortBy": [{"displayName": queries[0][1], "desc": not smallest_first}]},
            asked,
        )
        panel["fieldConfig"]["overrides"] = overrides
        shown_fields = [*columns, *(field for field in names if field.startswith("Value"))]
        panel["transformations"] = [
            {"id": "merge", "options": {}},
            {"id": "filterFieldsByName", "options": {"include": {"names": shown_fields}}},
            {"id": "organize", "options": {"renameByName": names, "indexByName": order}},
        ]
        self._add(panel, width, height)

    # The document

    def _variable(self, variable: Variable, before: list[Variable]) -> dict:
        filters = ", ".join(f'{one.name}=~"${one.name}"' for one in before)
        of = f"{variable.metric}{{{filters}}}"
        if not variable.metric.isidentifier():  # an expression that several names match
            of = f'{{__name__=~"{variable.metric}", {filters}}}'
        asked = f"label_values({of}, {variable.name})"
        return {
            "name": variable.name,
            "label": variable.label,
            "description": variable.description,
            "type": "query",
            "datasource": SOURCE,
            "definition": asked,
            "query": {"query": asked, "refId": "StandardVariableQuery"},
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            # Series without the label count, too.
            "allValue": ".*",
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
            "options": [],
            "hide": 0,
        }

    def document(self) -> dict:
        source = {
            "name": "datasource",
            "label": "Prometheus",
            "description": "Where the metrics of Quotaplane are.",
            "type": "datasource",
            "query": "prometheus",
            "current": {},
            "hide": 0,
        }
        asked = [self._variable(one, self._variables[:i]) for i, one in enumerate(self._variables)]
        link = {
            "type": "dashboards",
            "title": "Quotaplane",
            "tags": ["quotaplane"],
            "asDropdown": True,
            "includeVars": True,
            "keepTime": True,
        }
        return {
            **self._about,
            "tags": ["quotaplane"],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": self._since, "to": "now"},
            "timezone": "browser",
            "annotations": {"list": []},
            "links": [link],
            "templating": {"list": [source, *asked]},
            "panels": self._panels,
        }
