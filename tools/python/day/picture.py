"""The day as a page that needs nothing else: the whole of it, each event from close by, the table."""

import html

from . import chart, report, timeline

DAY = chart.Size(left=60, width=900, rates=160, latencies=180, labels=4)
EVENT = chart.Size(left=48, width=300, rates=70, latencies=90, labels=0)
# What is shown around an event.
BEFORE_MS, AFTER_MS = 3_000, 5_000
STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; color: #1f2933; max-width: 1060px; margin: 2em auto; }
svg text { font: 11px system-ui, sans-serif; fill: #52606d; }
.grid { stroke: #e4e7eb; } .event { fill: #fbbf24; fill-opacity: .25; }
.events { display: grid; grid-template-columns: repeat(3, 1fr); gap: 1em; }
figure { margin: 0; } figcaption { font-weight: 600; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
td, th { padding: .15em .6em; text-align: right; border-bottom: 1px solid #e4e7eb;
  white-space: nowrap; }
td:first-child { text-align: left; } pre { font-size: 13px; white-space: pre-wrap; }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .4em 0 1.2em; }
"""


def _legend() -> str:
    keys = chart.OUTCOMES | {name: colour for name, (_, colour) in chart.PERCENTILES.items()}
    return "".join(
        f'<span class="key" style="background:{colour}"></span>{name}'
        for name, colour in keys.items()
    )


def _close_by(slices: list[dict], event: dict) -> str:
    begin, end = event["start_ms"] - BEFORE_MS, event["end_ms"] + AFTER_MS
    near = timeline.between(slices, begin, end)
    if near:  # whole slices: in a part of one the rates would be wrong
        begin, end = near[0]["start_ms"], near[-1]["start_ms"] + timeline.SLICE_MS
    caption = html.escape(f"{event['name']}, {event['took_s']:.1f} s")
    drawing = chart.svg(EVENT, near, [event], begin, end)
    return f"<figure><figcaption>{caption}</figcaption>{drawing}</figure>"


def _table(rows: list[dict]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in report.HEAD)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in report.cells(row)) + "</tr>\n"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def page(day: dict) -> str:
    run, slices, events = day["run"], day["slices"], day["events"]
    about = (
        f"{run['requests']:,} requests in {run['elapsed_s']:,.0f} s, at most {run['peak_per_s']:,.0f} a "
        f"second; Redis as a {run['redis']}; {run['cores']} cores, which load, servers, Redis and "
        f"PostgreSQL share; commit {run['commit']}, {run['date']}."
    )
    begin, end = slices[0]["start_ms"], slices[-1]["start_ms"] + timeline.SLICE_MS
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A day</title>'
        f"<style>{STYLE}</style></head><body><h1>A day of a cluster on one machine</h1>"
        f"<p>{html.escape(about)}</p>"
        f"<p>Reserve: what came of it, by the second in which it was due; how long it took. {_legend()}</p>"
        f"{chart.svg(DAY, slices, events, begin, end)}"
        f"<h2>The events</h2><div class='events'>{''.join(_close_by(slices, e) for e in events)}</div>"
        f"<h2>In numbers</h2>{_table(day['rows'])}"
        f"<pre>{html.escape(chr(10).join(report.verdict_lines(day)))}</pre></body></html>\n"
    )
