"""The page of all devices, printed from their profiles: `python -m firmware_bridge.devices_page > docs/devices.md`."""

import sys
from collections.abc import Iterator

from firmware_bridge import codecs
from firmware_bridge.codecs import DeviceKind, Model
from firmware_bridge.explain import battery
from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.wiring import WIRING

KINDS: dict[DeviceKind, tuple[str, str]] = {
    "soil": ("土", "Soil"),
    "climate": ("温度・湿度", "Temperature and humidity"),
    "motion": ("動き・在室", "Motion and presence"),
    "contact": ("戸・窓", "Doors and windows"),
    "button": ("ボタン", "Buttons"),
    "snow": ("積雪・距離", "Snow and distance"),
    "weather": ("気象・水", "Weather and water"),
    "air-quality": ("空気の質", "Air quality"),
    "power": ("電力", "Power"),
    "leak": ("水もれ", "Leaks"),
}
_HEAD = """# 使える機器 / Devices

<!-- Printed from the codecs: python -m firmware_bridge.devices_page > docs/devices.md -->

{count} 機種 / models. 各機種は最初の種類の所に一度だけ載る。/ Each model stands once, under the first of its kinds.

`satomori devices` は同じ一覧を、`satomori decode --device 機種 --port 番号 16進` は電文一つの意味を示す。
`satomori devices` lists the same, `satomori decode --device MODEL --port N HEX` reads one frame.

**技適 / Japanese type certification.** 電波を出す機器は技適のある品だけを使うこと。番号は現物で確かめて台帳に書く。
Use only radios that are certified for Japan; check the number on the device itself and write it into your register.
"""


def page() -> str:
    """The whole page, Markdown, ending in one line feed."""
    models = [model for model, _codec in codecs.models().values()]
    parts = [_HEAD.format(count=len(models)), "## つなぎ方 / Wiring", *_wirings(models)]
    for kind, (ja, en) in KINDS.items():
        parts.append(f"## {ja} / {en}")
        parts += (_entry(model) for model in models if model.kinds[0] == kind)
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _wirings(models: list[Model]) -> Iterator[str]:
    for link, wiring in WIRING.items():
        if any(model.link == link for model in models):
            steps = [
                f"{number}. {ja}<br>{en}" for number, (ja, en) in enumerate(zip(wiring.ja, wiring.en, strict=True), 1)
            ]
            yield f"### {wiring.name_ja} / {wiring.name_en}\n\n" + "\n".join(steps)


def _entry(model: Model) -> str:
    wiring = WIRING[model.link]
    rows = [
        ("種類 / Kinds", ", ".join(" ".join(KINDS[kind]) for kind in model.kinds)),
        ("つなぎ方 / Link", f"{wiring.name_ja} / {wiring.name_en}{_registers(model)}"),
        ("番号と速度 / Renumbering", _renumbering(model)),
        ("測る量 / Tells", "; ".join(_quantity(model, name) for name in model.quantities)),
        ("間隔 / Interval", _interval(model.interval_s)),
        ("見えない間 / Blind for", f"{model.blind_s:g} s" if model.blind_s else ""),
        ("できないこと / Cannot", _both(model.cannot_ja, model.cannot_en)),
        ("電池 / Battery", _both(*battery(model))),
        ("技適 / Certification", model.certification),
        ("出典 / Source", model.source),
    ]
    return f"### {model.name}\n\n`{model.id}`\n\n" + "\n".join(f"- {label}: {text}" for label, text in rows if text)


def _both(ja: str, en: str) -> str:
    return f"{ja} {en}" if ja else ""


def _registers(model: Model) -> str:
    return f" ({model.registers[0]}…{sum(model.registers) - 1})" if model.registers else ""


def _renumbering(model: Model) -> str:
    if model.settings is None:
        return ""
    bauds = ", ".join(f"{baud} = {code}" for baud, code in model.settings.baud_codes.items())
    registers = f"{model.settings.address_register:04x}, {model.settings.baud_register:04x}"
    return f"番号と速度のレジスター registers of unit number and baud rate {registers} ({bauds})"


def _quantity(model: Model, name: str) -> str:
    quantity = QUANTITIES[name]
    more = [quantity.unit]
    if name in model.resolution:
        more.append(f"刻み step {model.resolution[name]:.3g}")
    if name in model.limits:
        more.append("{:g}…{:g}".format(*model.limits[name]))
    return f"{quantity.ja} {quantity.en} ({', '.join(more)})"


def _interval(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} s"
    return f"{seconds / 60:g} min" if seconds < 7200 else f"{seconds / 3600:g} h"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # a page is UTF-8 whatever the terminal is
    sys.stdout.write(page())
