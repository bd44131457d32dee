"""Contrast of every pair of colours that the sheet puts together: WCAG 2.2, light and dark."""

import re
from pathlib import Path

import pytest

from gateway import console

CSS = (Path(console.__file__).parent / "static" / "satomori.css").read_text("utf-8")
STATES = ("fine", "watch", "urgent", "unknown", "tech")
GROUNDS = ("bg", "surface", "sunken")
TEXT, EDGE = 4.5, 3.0


def colours(dark: bool) -> dict[str, str]:
    blocks = re.search(r":root \{(.*?)\n\}.*?scheme: dark\) \{(.*?)\n\}", CSS, re.S)
    assert blocks is not None
    light, night = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks.groups())
    return light | night if dark else light


def luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def pairs() -> list[tuple[str, str, float]]:
    tinted = [f"{state}-bg" for state in STATES]
    found = [(ink, ground, TEXT) for ink in ("ink", "ink-2") for ground in (*GROUNDS, "accent-bg", *tinted)]
    found += [("accent", ground, TEXT) for ground in (*GROUNDS, "accent-bg")]
    found += [(state, ground, TEXT) for state in STATES for ground in (*GROUNDS, f"{state}-bg")]
    found += [("on-accent", "accent", TEXT), ("on-accent", "accent-hover", TEXT), ("on-urgent", "urgent-fill", TEXT)]
    found += [("ink-2", "chart-night", TEXT)]
    found += [("line-strong", ground, EDGE) for ground in (*GROUNDS, "accent-bg")]
    lines = ("chart-line", "chart-line-2", "chart-habit-edge", "chart-gap", "chart-alert", "urgent-fill")
    found += [(line, "surface", EDGE) for line in lines]
    found += [(line, "chart-habit", EDGE) for line in ("chart-line", "chart-alert", "chart-habit-edge")]
    return [*found, *((line, "chart-night", EDGE) for line in ("chart-line", "chart-line-2", "chart-gap"))]


@pytest.mark.parametrize("dark", [False, True])
def test_every_pair_is_told_apart(dark: bool) -> None:
    known = colours(dark)
    weak = {}
    for front, ground, floor in pairs():
        low, high = sorted((luminance(known[front]), luminance(known[ground])))
        contrast = (high + 0.05) / (low + 0.05)
        if contrast < floor:
            weak[front, ground] = round(contrast, 2)
    assert weak == {}
