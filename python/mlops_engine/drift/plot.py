"""A stream's shares before and now as inline SVG: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT, _BASE, _TOP = 620, 190, 150, 12
_OWN_GAP = 14
_CELLS_MAX = 64


def shares(cells: Sequence[tuple[str, float, float]], own: frozenset[str], title: str) -> str:
    """Draw bins and, apart from them, masses of their own: the reference behind, the window before.

    Parameters
    ----------
    cells
        Name, share before, share now.
    own
        Which names are masses of their own; they are labelled.
    title
        What is shown, for those who cannot see it.
    """
    bins = [cell for cell in cells if cell[0] not in own][:_CELLS_MAX]
    masses = [cell for cell in cells if cell[0] in own]
    top = max((max(before, now) for _, before, now in (*bins, *masses)), default=0) or 1
    right = 78 * len(masses) + (_OWN_GAP if masses else 0)
    parts = [_axis(top)]
    step = (_WIDTH - 44 - right) / max(1, len(bins))
    for i, cell in enumerate(bins):
        parts.append(_bars(44 + i * step, step, cell, top))
    if bins:
        first, last = bins[0][0], bins[-1][0]
        parts.append(_text(44, _BASE + 16, first, "start"))
        if len(bins) > 1:
            parts.append(_text(_WIDTH - right - 2, _BASE + 16, last, "end"))
    for i, cell in enumerate(masses):
        x = _WIDTH - right + _OWN_GAP + i * 78
        parts.append(_bars(x + 22, 34, cell, top))
        parts.append(_text(x + 39, _BASE + 16, cell[0], "middle"))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _axis(top: float) -> str:
    lines = []
    for part in (0.0, 0.5, 1.0):
        y = _BASE - part * (_BASE - _TOP)
        lines.append(f'<line class="grid" x1="44" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(_text(40, y + 4, f"{top * part:.3g}", "end"))
    return "".join(lines)


def _bars(x: float, step: float, cell: tuple[str, float, float], top: float) -> str:
    name, before, now = cell
    scale = (_BASE - _TOP) / top
    tip = f"{name}: {before:.3%} before, {now:.3%} now"
    half = max(0.6, step * 0.42)
    rects = "".join(
        f'<rect class="{kind}" x="{x + side * half + step * 0.08:.2f}" width="{half:.2f}" '
        f'y="{_BASE - share * scale:.2f}" height="{share * scale:.2f}"/>'
        for kind, share, side in (("before", before, 0), ("now", now, 1))
    )
    return f"<g><title>{escape(tip)}</title>{rects}</g>"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    shown = text if len(text) <= 22 else text[:21] + "…"
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(shown)}</text>'
