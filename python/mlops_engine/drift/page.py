"""A report as one HTML page: what has changed first, then every stream with plot and figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from .plot import shares

if TYPE_CHECKING:
    from .report import Report, StreamReport

_COLUMNS = (
    ("psi_debiased", "PSI, debiased"),
    ("js_distance", "JS distance"),
    ("hellinger", "Hellinger"),
    ("ks", "KS, at least"),
    ("ks_upper", "KS, at most"),
    ("w1_per_iqr", "W1 / IQR"),
    ("cramers_v", "Cramér's V"),
    ("chi2_p", "χ² p"),
    ("missing_rate", "missing"),
)

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2530;--soft:#5b6673;--line:#d9dee5;--page:#fff;
--card:#f6f8fa;--before:#b5bfca;--now:#1f6fb2;--critical:#b3261e;--warning:#9a5b00;--good:#1c6b3c}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaef;--soft:#9aa6b3;--line:#333c47;--page:#14181d;
--card:#1c2229;--before:#56616d;--now:#63b0ec;--critical:#ff8a80;--warning:#f3b65f;--good:#7fd1a0}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:36px 0 10px}h3{font-size:16px;margin:0}
p{margin:6px 0}.soft{color:var(--soft)}.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:600}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px;
margin:12px 0}.critical{color:var(--critical);font-weight:600}.warning{color:var(--warning);
font-weight:600}.good{color:var(--good);font-weight:600}
svg{width:100%;height:auto;display:block;margin-top:8px}svg text{font-size:10px;fill:var(--soft)}
.grid{stroke:var(--line)}.before{fill:var(--before)}.now{fill:var(--now)}
.key{display:inline-block;width:11px;height:11px;border-radius:2px;margin:0 5px 0 12px}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(190px,1fr));gap:2px 18px;
margin:10px 0 0;font-size:13px}dl div{display:flex;justify-content:space-between}
dt{color:var(--soft)}dd{margin:0;font-variant-numeric:tabular-nums}summary{cursor:pointer;color:var(--soft);font-size:13px;
margin-top:8px}a{color:var(--now)}
"""


def render(report: Report) -> str:
    """Return the page."""
    order = sorted(report.streams, key=lambda s: -s.statistics["psi_debiased"])
    severity = {alert.stream: alert.severity for alert in report.alerts}
    body = [
        "<h1>Drift report</h1>",
        f'<p class="soft">{report.window_rows:,} rows against {report.reference_rows:,} of the '
        f"reference {escape(report.reference_id[:8])}; {len(report.streams)} streams.</p>",
        _alerts(report),
        "<h2>All streams</h2>",
        _table(order, severity),
        '<h2>Stream by stream</h2><p class="soft"><span class="key before" '
        'style="background:var(--before);margin-left:0"></span>reference<span class="key now" '
        'style="background:var(--now)"></span>window; shares of all rows</p>',
        *(_stream(i, stream, severity.get(stream.name)) for i, stream in enumerate(order)),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Drift report</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _alerts(report: Report) -> str:
    if not report.alerts:
        return '<p class="good">Nothing has changed by enough to matter.</p>'
    cards = []
    for alert in report.alerts:
        cells = ", ".join(
            f"{escape(name)}: {before:.2%} → {now:.2%}" for name, before, now in alert.cells
        )
        text = escape(str(alert).split(": ", 2)[2])
        cards.append(
            f'<div class="card"><h3>{escape(alert.stream)} '
            f'<span class="{alert.severity}">{alert.severity}</span></h3>'
            f'<p>{text}</p><p class="soft">Moved most: {cells}. '
            f"By chance in this report: p {_chance(alert.p)}.</p></div>"
        )
    return f"<h2>Changed ({len(report.alerts)})</h2>{''.join(cards)}"


def _chance(p: float) -> str:
    return f"= {p:.2g}" if p > 1e-16 else "&lt; 1e-16"


def _figure(value: float | None) -> str:
    if value is None:
        return "&ndash;"
    if math.isinf(value):
        return "∞"
    return f"{value:.3g}" if value else "0"


def _table(streams: list[StreamReport], severity: Mapping[str, str]) -> str:
    head = "".join(f"<th>{title}</th>" for _, title in _COLUMNS)
    rows = []
    for i, stream in enumerate(streams):
        figures = "".join(
            f"<td>{_figure(stream.statistics.get(name))}</td>" for name, _ in _COLUMNS
        )
        mark = severity.get(stream.name, "")
        name = f'<a href="#s{i}">{escape(stream.name)}</a>'
        rows.append(f'<tr><td>{name} <span class="{mark}">{mark}</span></td>{figures}</tr>')
    return (
        f'<div class="scroll"><table><thead><tr><th>stream</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _stream(place: int, stream: StreamReport, severity: str | None) -> str:
    from .report import OWN_MASSES

    mark = f' <span class="{severity}">{severity}</span>' if severity else ""
    figures = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{_figure(value)}</dd></div>"
        for name, value in stream.statistics.items()
    )
    _, low, high = stream.intervals["missing"]
    plot = shares(stream.cells, frozenset(OWN_MASSES), f"shares of {stream.name}, before and now")
    return (
        f'<div class="card" id="s{place}"><h3>{escape(stream.name)}{mark}</h3>'
        f'<p class="soft">{stream.role}, {stream.kind}; missing now between {low:.2%} and '
        f"{high:.2%}</p>{plot}<details><summary>all statistics</summary><dl>{figures}</dl>"
        f"</details></div>"
    )
