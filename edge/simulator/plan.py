"""What is to be simulated: `simulation.toml` beside the town's own `satomori.toml`, which both sides read.

    seed = 1
    start_us = 1800000000000000      # where the past ends and live begins; all stories are timed from it
    days = 14                        # length of the past
    offset_us = 32400000000          # local time minus UTC
    config = "satomori.toml"         # devices and sites, as the gateway knows them
    nodes = ["nodes/field-1.toml"]   # the agents' configurations: which device is behind which port
    inlet_password_file = "var/inlet-chirpstack.password"   # mode 0600

    [stuck]                          # the first story: this probe has said the same since then
    device = "soil-1b"
    since_us = 1799979000000000

    [[roof]]                         # the second: what a roof carried before the storm and at its peak
    site = "roof-1"
    before_kg_m2 = 95.0
    peak_kg_m2 = 270.0
    peak_us = 1800000180000000

    [quiet]                          # the third: this home's silence passes its limit then
    home = "home-a07"
    crossing_us = 1800000240000000
    limit = { margin = 1.3, floor_s = 9000.0, neighbours = 2 }

    [rooms]                          # where a home's sensors are
    motion-a07-1 = "living"

Unknown keys are mistakes here; of `satomori.toml` only what is simulated is read.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from edge.errors import Mistake, SettingsError
from edge.simulator.residents import Room
from edge.simulator.silence import Limit

_Shape = TypeVar("_Shape")


class Stuck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A probe that repeats itself from a moment on."""

    device: str
    since_us: int


class Snowfall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A roof's storm; see `edge.simulator.snow.Storm`."""

    site: str
    before_kg_m2: float
    peak_kg_m2: float
    peak_us: int


class Silence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A home in which nobody is seen any more; see `edge.simulator.silence`."""

    home: str
    crossing_us: int
    limit: Limit = Limit()


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file, its paths as written."""

    seed: int
    start_us: int
    config: str
    days: Annotated[int, msgspec.Meta(ge=1, le=400)] = 14
    offset_us: int = 0
    nodes: list[str] = []
    inlet_password_file: str = ""
    stuck: Stuck | None = None
    roof: list[Snowfall] = []
    quiet: Silence | None = None
    rooms: dict[str, Room] = {}


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A `[[device]]` of `satomori.toml`, as far as it is simulated."""

    id: str
    model: str
    site: str
    node: str = ""
    dev_eui: str = ""
    depth_cm: float | None = None
    mount_mm: float | None = None


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """Where uplinks are published."""

    host: str = "127.0.0.1"
    port: int = 1883


class Town(msgspec.Struct, frozen=True, kw_only=True):
    """`satomori.toml`, as far as it is simulated."""

    broker: Broker = Broker()
    device: list[Device] = []


def read(path: Path) -> tuple[Plan, Town]:
    """Plan and town of a plan's file. SettingsError where either cannot be read."""
    plan = _convert(path, Plan)
    return plan, _convert(path.parent / plan.config, Town)


def _convert(path: Path, shape: type[_Shape]) -> _Shape:
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        return msgspec.convert(table, shape)
    except OSError as error:
        mistake = Mistake(str(path), "file", "a file that can be read", error.strerror or str(error))
    except (ValueError, UnicodeDecodeError) as error:
        mistake = Mistake(str(path), "file", "a plan as edge/simulator/plan.py shows it", str(error))
    raise SettingsError([mistake])
