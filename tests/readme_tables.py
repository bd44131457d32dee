"""The tables in the READMEs that are made from the code: `python tests/readme_tables.py` writes them anew."""

import re
from pathlib import Path

from repository import ROOT

from firmware_bridge import codecs
from firmware_bridge.codecs import DeviceKind, Model
from firmware_bridge.devices_page import KINDS

READMES = {"en": ROOT / "README.md", "ja": ROOT / "README.ja.md"}
BEGIN, END = "<!-- devices: made by tests/readme_tables.py -->", "<!-- end of devices -->"
HEADINGS = {"en": ("Measures", "By"), "ja": ("測るもの", "作り手")}
MAKERS = {
    "generic": {"en": "generic and home-made ones", "ja": "汎用品・自作品"},
    "satomori": {"en": "our own radio nodes", "ja": "自前の無線ノード"},
    "aqara": "Aqara",
    "sonoff": "SONOFF",
    "browan": "Browan, MerryIoT",
    "dragino": "Dragino",
    "decentlab": "Decentlab",
    "elsys": "Elsys",
    "enocean": "EnOcean",
    "milesight-iot": "Milesight",
    "seeed": "Seeed",
    "sensecap": "SenseCAP",
    "womaster": "WoMaster",
}


def devices(language: str) -> str:
    """Who makes supported devices of each kind, as a Markdown table in one language."""
    headings = HEADINGS[language]
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    makers: dict[DeviceKind, list[str]] = {kind: [] for kind in KINDS}
    for model, _codec in codecs.models().values():
        for kind in model.kinds:
            makers[kind].append(_maker(model, language))
    for kind, names in makers.items():
        lines.append(f"| {KINDS[kind][0 if language == 'ja' else 1]} | {', '.join(dict.fromkeys(names))} |")
    return "\n".join(lines)


def _maker(model: Model, language: str) -> str:
    vendor = model.id.partition("/")[0]
    known = MAKERS.get(vendor, vendor)
    return known if isinstance(known, str) else known[language]


def filled(text: str, language: str) -> str:
    """A README's text with its table made anew."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.S)
    if not pattern.search(text):
        raise ValueError(f"wanted a line {BEGIN} and a line {END}, got neither")
    return pattern.sub(lambda _: f"{BEGIN}\n{devices(language)}\n{END}", text)


def write(path: Path, language: str) -> None:
    """Write one README's table anew."""
    path.write_text(filled(path.read_text("utf-8"), language), "utf-8")


if __name__ == "__main__":
    for language, path in READMES.items():
        write(path, language)
