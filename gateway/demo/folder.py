"""The demo's one folder: started afresh each time, and never any folder that is not a demo's own."""

import shutil
from pathlib import Path

from gateway.demo import plain, town
from gateway.demo.stories import DESIGN_KG_M2, Stories, Story, storm
from gateway.demo.town import Layout, Ports, Size
from gateway.errors import GatewayError
from gateway.registry import make_key
from gateway.rules import load
from gateway.secretfile import read_or_make

MARK = ".satomori-demo"
DAYS = 14
OFFSET_US = 9 * 3_600_000_000  # Asia/Tokyo


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


def write(folder: Path, size: Size, ports: Ports, step_s: float, start_us: int) -> list[Story]:
    """Write every configuration, key and plan of a town whose past ends at `start_us`; the stories it will tell."""
    layout = town.layout(size)
    for name in ("nodes", "ports", "captures", "mailbox", "logs"):
        (folder / name).mkdir()
    for link in layout.links:
        make_key(folder / "var" / "nodes", link.node)
        _write(folder / "nodes" / f"{link.node}.toml", town.node_file(link, folder, ports.broker))
    read_or_make(folder / "var" / f"{town.INLET_USER}.password")
    _write(folder / "satomori.toml", town.gateway_file(layout, ports, step_s))
    plan, stories = simulation(size, layout, start_us)
    _write(folder / "simulation.toml", plan)
    return stories


def simulation(size: Size, layout: Layout, start_us: int) -> tuple[plain.Table, list[Story]]:
    """The plan of the simulated world, and its stories in the order of their telling."""
    tell = Stories(load(), start_us)
    roof, of_roof = tell.roof("roof-1")
    calm = storm("roof-2", 0.12 * DESIGN_KG_M2, 0.4 * DESIGN_KG_M2, roof["peak_us"])
    plan: plain.Table = {
        "seed": size.seed,
        "start_us": start_us,
        "days": DAYS,
        "offset_us": OFFSET_US,
        "config": "satomori.toml",
        "nodes": [f"nodes/{link.node}.toml" for link in layout.links],
        "inlet_password_file": f"var/{town.INLET_USER}.password",
        "roof": [roof, calm],
        "rooms": layout.rooms,
    }
    stories = [of_roof]
    if size.fields:
        plan["stuck"], of_probe = tell.probe("soil-1-30")
        stories.append(of_probe)
    if size.homes:
        home = next(site for site in layout.sites if site["kind"] == "home")
        plan["quiet"], of_home = tell.home(home["id"], home["label_ja"])
        stories.append(of_home)
    return plan, sorted(stories, key=lambda story: story.told_us)


def _write(path: Path, table: plain.Table) -> None:
    path.write_text(plain.render(table), "utf-8")
