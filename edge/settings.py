"""A node's configuration: one TOML file, every mistake told at once, unknown keys are mistakes.

`README.md` shows all of it. A driver's table is read by the driver's own Struct, so a new driver brings its own keys.
Only `cli` reads settings; everything else takes plain arguments.
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from edge import drivers, tables
from edge.drivers import Driver
from edge.errors import Mistake, SettingsError
from firmware_bridge import codecs
from firmware_bridge.reading import Id, Tenant

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Name = Annotated[str, msgspec.Meta(min_length=1)]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Who this node is. `model` is only told, never judged by."""

    id: Id
    tenant: Tenant
    key_file: Name
    sealed: bool = False
    clock: Literal["auto", "trust"] = "auto"
    model: str = ""


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """Where the gateway's broker answers; TLS where `tls_ca` names a CA certificate."""

    host: Name = "127.0.0.1"
    port: Port = 1883
    tls_ca: str = ""
    keepalive_s: Annotated[int, msgspec.Meta(ge=2, le=120)] = 20


class Outbox(msgspec.Struct, frozen=True, kw_only=True):
    """How much is kept, and for how long; see `edge.outbox`."""

    path: str = ""
    max_mb: Annotated[float, msgspec.Meta(ge=1)] = 64.0
    grace_days: NotNegative = 7.0
    group_s: NotNegative = 1.0
    hold_s: NotNegative = 900.0


class Uplink(msgspec.Struct, frozen=True, kw_only=True):
    """How it is sent; see `edge.uplink`."""

    window: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    ahead_rows: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 500
    receipt_s: Positive = 30.0
    live_s: NotNegative = 60.0
    backlog_rows_per_s: NotNegative = 50.0
    reconnect_max_s: Annotated[float, msgspec.Meta(ge=1)] = 60.0


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How often the node says how it is; 0 is never."""

    interval_s: NotNegative = 60.0


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Where every frame is written down as it was heard; nowhere where empty."""

    path: str = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file, paths absolute, drivers ready to run."""

    node: Node
    broker: Broker
    outbox: Outbox
    uplink: Uplink
    health: Health
    record: Record
    drivers: tuple[Driver, ...]


class _File(msgspec.Struct, frozen=True, kw_only=True):
    node: Node
    broker: Broker = Broker()
    outbox: Outbox = Outbox()
    uplink: Uplink = Uplink()
    health: Health = Health()
    record: Record = Record()
    driver: tuple[dict[str, Any], ...] = ()


def load(path: Path) -> Settings:
    """Settings of a file. SettingsError with every mistake in it."""
    mistakes: list[Mistake] = []

    def complain(key: str, wanted: str, got: str) -> None:
        mistakes.append(Mistake(str(path), key, wanted, got))

    table = _parse(path)
    folder = path.resolve().parent
    rows = table.get("driver", [])
    found = _drivers(rows, folder, complain) if isinstance(rows, list) else []
    file = tables.read(_File, table, "", complain)
    if file is None or mistakes:
        raise SettingsError(mistakes)
    outbox = msgspec.structs.replace(file.outbox, path=str(folder / (file.outbox.path or f"{file.node.id}.outbox.db")))
    return Settings(
        node=msgspec.structs.replace(file.node, key_file=str(folder / file.node.key_file), clock=_clock(file.node)),
        broker=msgspec.structs.replace(file.broker, tls_ca=_anchor(folder, file.broker.tls_ca)),
        outbox=outbox,
        uplink=file.uplink,
        health=file.health,
        record=Record(path=_anchor(folder, file.record.path)),
        drivers=tuple(found),
    )


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        mistake = Mistake(str(path), "file", "a file that can be read", error.strerror or str(error))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistake = Mistake(str(path), "file", "TOML in UTF-8", str(error))
    raise SettingsError([mistake])


def _clock(node: Node) -> Literal["auto", "trust"]:
    return "trust" if os.environ.get("SATOMORI_CLOCK") == "trust" else node.clock


def _anchor(folder: Path, path: str) -> str:
    return str(folder / path) if path else ""


def _drivers(rows: list[Any], folder: Path, complain: tables.Complain) -> list[Driver]:
    found: list[Driver] = []
    for index, row in enumerate(rows, 1):
        key = f"driver[{index}]"
        if not isinstance(row, dict):
            complain(key, "a table", repr(row)[:60])
            continue
        driver = _driver(row, key, complain)
        if driver is not None:
            found.append(driver.anchored(folder))
    names = [driver.name for driver in found]
    for name in sorted({n for n in names if names.count(n) > 1}):
        complain("driver.name", "names that differ", f"{name!r} twice")
    devices = [(device.id, driver.name) for driver in found for device in driver.devices()]
    for one in sorted({d for d, _ in devices if [i for i, _ in devices].count(d) > 1}):
        complain("driver.device.id", "ids that differ", f"{one!r} at {', '.join(n for d, n in devices if d == one)}")
    return found


def _driver(row: dict[str, Any], key: str, complain: tables.Complain) -> Driver | None:
    kind = row.get("kind")
    shapes = drivers.kinds()
    if not isinstance(kind, str) or kind not in shapes:
        complain(f"{key}.kind", f"one of {', '.join(sorted(shapes))}", repr(kind)[:60])
        return None
    driver = tables.read(shapes[kind], {name: value for name, value in row.items() if name != "kind"}, key, complain)
    for index, device in enumerate(driver.devices() if driver else (), 1):
        known = codecs.models().get(device.model)
        if known is None:
            complain(f"{key}.device[{index}].model", "a model of `satomori devices`", repr(device.model))
        elif driver and known[0].link not in driver.links():
            complain(f"{key}.device[{index}].model", f"a model on {' or '.join(driver.links())}", known[0].link)
    return driver
