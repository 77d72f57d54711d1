"""One HTML page of what happened, with its plots in it: nothing is loaded from elsewhere."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from .loop import Loop
from .training import DAY_S

__all__ = ["page", "weeks"]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0; font-size: 13px } h2 { margin-top: 2rem }
td, th { border-bottom: 1px solid #ddd; padding: .25rem .7rem; text-align: left; vertical-align: top }
svg text { font: 12px system-ui, sans-serif; fill: #444 } code { font-size: 12px; word-break: break-all }
"""  # noqa: E501
WITH, WITHOUT = "#0b6e4f", "#b3541e"
MARKS = {"promoted": WITH, "aborted": "#c1121f", "rolled_back": "#c1121f"}
WIDTH, HEIGHT, LEFT, TOP = 900, 340, 56, 24
Series = list[tuple[float, float, float, int]]


def weeks(loop: Loop, without: npt.NDArray[np.float64]) -> Series:
    """Return by week: when it begins, AUC of what was served, AUC of the first model, flights."""
    from sklearn.metrics import roc_auc_score

    flights, begin = loop.served(), loop.schedule.begin
    week = ((loop.year.asked_at[flights] - begin) // (7 * DAY_S)).astype(int)
    found = []
    for number in np.unique(week):
        some = flights[week == number]
        late = loop.year.late[some]
        if 0 < late.sum() < len(late):
            both = [float(roc_auc_score(late, each[some])) for each in (loop.score, without)]
            found.append((begin + 7 * DAY_S * float(number), both[0], both[1], len(some)))
    return found


def compared(loop: Loop, without: npt.NDArray[np.float64]) -> str:
    """Say what the loop gained, with its interval: days are drawn together."""
    import polars as pl

    from mlops_engine.evaluation import EvaluationSettings, compare, evaluate

    flights = loop.served()
    late, settings = loop.year.late[flights], EvaluationSettings(time="at", resamples=100)
    seconds = pl.Series("at", loop.year.asked_at[flights].astype(np.int64))
    rows = pl.DataFrame({"at": pl.from_epoch(seconds, "s").dt.replace_time_zone("UTC")})
    auc = {
        name: evaluate(late, score[flights], rows, settings).metrics["auc"].value
        for name, score in (("with", loop.score), ("without", without))
    }
    gain = compare(late, without[flights], loop.score[flights], rows, settings).gains["auc"]
    return (
        f"ROC AUC of all: <b>{auc['with']:.4f}</b> with the loop, <b>{auc['without']:.4f}</b> for"
        f" the model of January to June left alone; the difference is {gain.value:+.4f}, 95 % of"
        f" draws of days between {gain.low:+.4f} and {gain.high:+.4f}."
    )


def page(loop: Loop, series: Series, overall: str, took_s: float) -> str:
    """Write the page."""
    rollouts = [each for each in loop.happened if each.evidence]
    body = [
        "<h1>Flights, July to December 2013: a loop that closes</h1>",
        f"<p>{len(loop.flights):,} flights were asked about in time order; each label came two"
        " hours after the landing. Replayed, with all trainings and rollouts, in"
        f" {took_s / 60:.1f} minutes.</p>",
        f"<p>{overall}</p>",
        "<h2>ROC AUC by week</h2>",
        _plot(series, loop),
        "<h2>What happened</h2>",
        _table(("when", "what", ""), ((_day(h.at), h.kind, h.text) for h in loop.happened)),
        "<h2>Alerts of drift</h2>",
        _table(
            ("when", "version", "stream", "cause", "severity", "PSI"),
            (
                (
                    _day(a["at"]),
                    a["version"],
                    a["stream"],
                    a["cause"],
                    a["severity"],
                    f"{a['psi']:.3f}",
                )
                for a in loop.alerts
            ),
        ),
        "<h2>The rollouts' evidence</h2>",
        *(_rollout(each.text, each.kind, each.evidence) for each in rollouts),
    ]
    title = "<title>Flights: a loop that closes</title>"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8">{title}<style>{STYLE}</style>'
    return head + "\n".join(body) + "</html>\n"


def _rollout(text: str, state: str, audit: Sequence[dict[str, Any]]) -> str:
    rows = (
        (_day(entry["at"]), entry["event"], f"<code>{html.escape(_short(entry))}</code>")
        for entry in audit
    )
    return f"<h3>{html.escape(text)}: {html.escape(state)}</h3>" + _table(
        ("when", "event", "evidence"), rows, raw=True
    )


def _short(entry: dict[str, Any]) -> str:
    rest = {k: v for k, v in entry.items() if k not in ("at", "event", "rollout")}
    text = json.dumps(rest, default=str)
    return text if len(text) < 900 else f"{text[:900]}…"


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]], raw: bool = False) -> str:
    def cells(kind: str, row: Sequence[Any]) -> str:
        said = (str(c) if raw else html.escape(str(c)) for c in row)
        return "<tr>" + "".join(f"<{kind}>{c}</{kind}>" for c in said) + "</tr>"

    return "<table>" + cells("th", header) + "".join(cells("td", row) for row in rows) + "</table>"


def _plot(series: Series, loop: Loop) -> str:
    if not series:
        return "<p>No week has a flight of each kind.</p>"
    values = [v for _, a, b, _ in series for v in (a, b)]
    low, high = min(values) - 0.01, max(values) + 0.01
    begin, end = loop.schedule.begin, loop.schedule.end

    def x(at: float) -> float:
        return LEFT + (at - begin) / (end - begin) * (WIDTH - LEFT - 20)

    def y(value: float) -> float:
        return HEIGHT - 40 - (value - low) / (high - low) * (HEIGHT - 40 - TOP)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="ROC AUC by week">']
    parts += [
        _line(LEFT, y(value), WIDTH - 20, y(value), colour="#eee")
        + _text(8, y(value) + 4, f"{value:.2f}")
        for value in np.arange(np.ceil(low * 50) / 50, high, 0.02)
    ]
    parts += [_text(x(at), HEIGHT - 18, _day(at)) for at, *_ in series[::4]]
    parts += [
        _line(
            x(each.at),
            TOP,
            x(each.at),
            HEIGHT - 40,
            colour=MARKS[each.kind],
            more=' stroke-dasharray="4 3"',
        )
        + _text(x(each.at) + 4, TOP + 4, each.kind)
        for each in loop.happened
        if each.kind in MARKS
    ]
    middle = 3.5 * DAY_S
    for index, (colour, name) in enumerate(((WITH, "with the loop"), (WITHOUT, "without"))):
        points = " ".join(f"{x(w[0] + middle):.1f},{y(w[1 + index]):.1f}" for w in series)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        parts.append(_text(LEFT + 8 + 130 * index, HEIGHT - 4, name, f' style="fill:{colour}"'))
    return "".join([*parts, "</svg>"])


def _line(x1: float, y1: float, x2: float, y2: float, *, colour: str, more: str = "") -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}"{more}/>'


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{html.escape(text)}</text>'


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d %b")
