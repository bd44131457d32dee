"""The demo's one folder: started afresh each time, and never any folder that is not a demo's own."""

import shutil
import time
from pathlib import Path

from gateway.demo import toml, town
from gateway.demo.town import Layout, Ports, Size
from gateway.errors import GatewayError
from gateway.registry import make_key
from gateway.rules import load
from gateway.secretfile import read_or_make

MARK = ".satomori-demo"
DAYS = 14
OFFSET_US = 9 * town.HOUR_US  # Asia/Tokyo


class DemoError(GatewayError):
    """The demo cannot start or go on; shown to whoever started it."""


def prepare(folder: Path) -> Path:
    """An empty folder with the demo's mark in it. DemoError where something else lives there."""
    folder = folder.resolve()
    if folder.exists() and not (folder / MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise DemoError(
            f"{folder}: wanted an empty folder or one of an earlier demo, got something else; choose --folder\n"
            f"{folder}: 空のフォルダーか、前のデモのフォルダーを --folder で選んでください。"
        )
    try:
        shutil.rmtree(folder, ignore_errors=False) if folder.exists() else None
        folder.mkdir(parents=True)
        (folder / MARK).write_text("Made by `satomori demo`; a new start empties this folder.\n", "utf-8")
    except OSError as error:
        raise DemoError(f"{folder}: {error.strerror or error}") from error
    return folder


def write(folder: Path, size: Size, ports: Ports, step_s: float) -> tuple[Layout, int]:
    """Write every configuration, key and plan; the town, and the moment (µs UTC) at which its past ends."""
    layout = town.layout(size)
    start_us = time.time_ns() // 1000
    for name in ("nodes", "ports", "captures", "mailbox", "logs"):
        (folder / name).mkdir()
    for link in layout.links:
        make_key(folder / "var" / "nodes", link.node)
        _write(folder / "nodes" / f"{link.node}.toml", town.node_file(link, folder, ports.broker))
    read_or_make(folder / "var" / f"{town.INLET_USER}.password")
    _write(folder / "satomori.toml", town.gateway_file(layout, ports, step_s))
    _write(folder / "simulation.toml", town.simulation(size, layout, load(), start_us, OFFSET_US, DAYS))
    return layout, start_us


def _write(path: Path, table: town.Table) -> None:
    path.write_text(toml.render(table), "utf-8")
