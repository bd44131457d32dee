"""A series with its judgement as one self-contained SVG: no script, nothing fetched, readable in grey."""

from collections.abc import Sequence
from html import escape

import msgspec
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, STRIP = 1200, 220, 56
_STYLE = """
body{font:16px/1.6 system-ui,sans-serif;margin:24px;color:#1a2428;background:#fff}
h1{font-size:22px}h2{font-size:16px;margin:24px 0 4px}svg{width:100%;height:auto;display:block}
.value{fill:none;stroke:#1b4f83;stroke-width:1.2}.alarm{fill:#b3261e;fill-opacity:.16;stroke:#b3261e;stroke-width:.6}
.score{fill:none;stroke:#4a585e}.line{stroke:#b3261e;stroke-dasharray:6 4}.edge{stroke:#76858a;fill:none}
text{font:13px system-ui,sans-serif;fill:#1a2428}
table{border-collapse:collapse}td,th{padding:2px 12px 2px 0;text-align:left}
"""


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One series: times (µs, sorted), values and scores (NaN = none), and alarms as (start, end)."""

    name: str
    times_us: NDArray[np.int64]
    values: NDArray[np.float64]
    scores: NDArray[np.float64]
    alarms: Sequence[tuple[int, int]]
    first_text: str
    last_text: str


def page(title: str, panels: Sequence[Panel], rows: Sequence[Sequence[str]]) -> str:
    """An HTML page: a picture a series, and under them the table of alerts, the heading first."""
    parts = [f"<h2>{escape(panel.name)}</h2>{_svg(panel)}" for panel in panels]
    body = "".join(
        "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for row, tag in ((row, "td" if place else "th") for place, row in enumerate(rows))
    )
    table = f"<h2>知らせ / Alerts ({len(rows) - 1})</h2><table>{body}</table>"
    head = f'<!DOCTYPE html><html lang="ja"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f"{head}<h1>{escape(title)}</h1>{''.join(parts)}{table}</html>\n"


def _svg(panel: Panel) -> str:
    start, end = int(panel.times_us[0]), int(panel.times_us[-1])
    span = max(1, end - start)
    seen = panel.values[np.isfinite(panel.values)]
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 1.0)
    at = ((panel.times_us - start) * (WIDTH - 1) / span).astype(np.int64)
    top = max(2.0, float(np.nanmax(panel.scores, initial=0.0, where=np.isfinite(panel.scores))))
    line_y = HEIGHT + 8 + STRIP * (1 - 1 / top)
    alarms = "".join(
        f'<rect class="alarm" x="{(a - start) * (WIDTH - 1) / span:.1f}" y="0" height="{HEIGHT}" '
        f'width="{max(1.5, (b - a) * (WIDTH - 1) / span):.1f}"/>'
        for a, b in panel.alarms
    )
    label = f"{escape(panel.name)}: {len(panel.alarms)} alerts, {low:g} – {high:g}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + STRIP + 32}" role="img" aria-label="{label}">{alarms}'
        f'<path class="value" d="{_path(at, panel.values, low, high, 0, HEIGHT)}"/>'
        f'<path class="score" d="{_path(at, panel.scores, 0.0, top, HEIGHT + 8, STRIP)}"/>'
        f'<line class="line" x1="0" x2="{WIDTH}" y1="{line_y:.1f}" y2="{line_y:.1f}"/>'
        f'<rect class="edge" x="0" y="0" width="{WIDTH}" height="{HEIGHT}"/>'
        f'<text x="6" y="16">{high:g}</text><text x="6" y="{HEIGHT - 6}">{low:g}</text>'
        f'<text x="6" y="{line_y - 4:.1f}">1.0</text>'
        f'<text x="0" y="{HEIGHT + STRIP + 26}">{escape(panel.first_text)}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + STRIP + 26}" text-anchor="end">{escape(panel.last_text)}</text></svg>'
    )


def _path(
    at: NDArray[np.int64], values: NDArray[np.float64], low: float, high: float, top: float, height: float
) -> str:
    """Lowest and highest value of every pixel; the line breaks where a value is missing."""
    good = np.isfinite(values)
    if not good.any():
        return ""
    pixel, shown = at[good], values[good]
    starts = np.flatnonzero(np.diff(pixel, prepend=-1))
    lows, highs = np.minimum.reduceat(shown, starts), np.maximum.reduceat(shown, starts)
    breaks = np.cumsum(~good)[good][starts]
    scale = height / ((high - low) or 1.0)
    parts = []
    before = -1
    for x, a, b, gap in zip(pixel[starts].tolist(), lows.tolist(), highs.tolist(), breaks.tolist(), strict=True):
        y1, y2 = top + height - (a - low) * scale, top + height - (b - low) * scale
        parts.append(f"{'L' if gap == before else 'M'}{x} {y1:.1f}" + (f"V{y2:.1f}" if b > a else ""))
        before = gap
    return "".join(parts)
