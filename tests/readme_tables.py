"""The tables in the READMEs that are made from the code: `python tests/readme_tables.py` writes them anew."""

import re
from pathlib import Path

from repository import ROOT

from firmware_bridge import codecs
from firmware_bridge.codecs import Model
from firmware_bridge.quantity import quantity

READMES = {"en": ROOT / "README.md", "ja": ROOT / "README.ja.md"}
BEGIN, END = "<!-- devices: made by tests/readme_tables.py -->", "<!-- end of devices -->"
HEADINGS = {
    "en": ("Model", "Product", "Link", "Measures", "Do not trust it with"),
    "ja": ("機種", "製品", "つなぎ方", "測るもの", "任せてはいけないこと"),
}
LINKS = {
    "modbus-rtu": "RS-485 Modbus",
    "line": "serial line",
    "enocean": "EnOcean",
    "lorawan": "LoRaWAN",
    "lora": "LoRa",
}


def devices(language: str) -> str:
    """Every supported model as a Markdown table, in one language."""
    headings = HEADINGS[language]
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    lines += [_row(model, language) for model, _codec in codecs.models().values()]
    return "\n".join(lines)


def _row(model: Model, language: str) -> str:
    measures = ", ".join(getattr(quantity(name), language) for name in model.quantities)
    cannot = model.cannot_ja if language == "ja" else model.cannot_en
    cells = (f"`{model.id}`", model.name, LINKS.get(model.link, model.link), measures, cannot)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


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
