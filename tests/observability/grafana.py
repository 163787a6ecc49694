"""What Grafana makes of a dashboard before it asks Prometheus: panels, their queries, and variables
put into them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
BOARDS = ROOT / "helm/quotaplane/files/dashboards"


class Question(NamedTuple):
    where: str  # "uid / panel / refId"
    expr: str
    instant: bool


def boards() -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(BOARDS.glob("*.json"))}


def panels(board: dict) -> Iterator[dict]:
    """All but the titles of rows."""
    for panel in board["panels"]:
        if panel["type"] != "row":
            yield panel


def questions(board: dict) -> Iterator[Question]:
    for panel in panels(board):
        for target in panel["targets"]:
            where = f"{board['uid']} / {panel['title']} / {target['refId']}"
            yield Question(where, target["expr"], target.get("instant", False))


def query_variables(board: dict) -> list[dict]:
    return [one for one in board["templating"]["list"] if one["type"] == "query"]


def label_values(variable: dict) -> tuple[str, str]:
    """The series and the label that a variable is asked for by."""
    return re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()


def chosen(values: list[str]) -> str:
    """Several values of a variable inside of =~"…", as Grafana writes them for Prometheus: escaped for
    the regular expression, and that for the string."""
    quoted = [re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value.replace("\\", "\\" * 4)) for value in values]
    return f"({'|'.join(quoted)})" if len(quoted) > 1 else quoted[0]


def substitute(expr: str, variables: dict[str, str], scrape_s: int, range_s: int) -> str:
    built_in = {
        "__interval": f"{scrape_s}s",
        "__rate_interval": f"{4 * scrape_s}s",
        "__range": f"{range_s}s",
    }
    # An unknown variable is a KeyError: Grafana would send its name as it is.
    return re.sub(r"\$(\w+)", lambda found: (built_in | variables)[found.group(1)], expr)
