"""The gateway's configuration: one reviewed TOML file for the town.

Unknown keys are mistakes, and all mistakes are told at once.

Only `cli`, `app` and `demo` read settings; every other room takes plain arguments. Secrets never stand in the file: a
`…_file` key names a file of mode 0600 beside it.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from firmware_bridge import codecs
from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import ID_PATTERN
from gateway.errors import Mistake, SettingsError

Id = Annotated[str, Field(pattern=ID_PATTERN)]
SiteKind = Literal["field", "roof", "home"]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("a time zone name such as Asia/Tokyo")
    return name


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Town(_Table):
    """The municipality: six-digit code (全国地方公共団体コード), names, and the zone of its local day."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]
    name_ja: str
    name_en: str
    timezone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Tokyo"

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which days begin."""
        return ZoneInfo(self.timezone)


class Gateway(_Table):
    """Where this gateway keeps its files (relative to the configuration) and where its console answers."""

    data_dir: Path = Path("var")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8420
    public_url: str = ""  # how people reach the console, for links in mails; http://host:port where empty


class Broker(_Table):
    """`auto`: mosquitto as a child where installed, else the embedded iotcore on loopback. `external`: one of yours.

    `home_assistant`: tell fields and roofs to a Home Assistant that listens there, never homes.
    """

    mode: Literal["auto", "mosquitto", "iotcore", "external"] = "auto"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    username: str = "gateway"
    password_file: Path | None = None
    home_assistant: bool = False


class Influx(_Table):
    """An InfluxDB 2.x; the token needs read and write on the bucket."""

    url: str = "http://127.0.0.1:8086"
    org: str = "satomori"
    bucket: str = "satomori"
    token_file: Path = Path("influx.token")


class Store(_Table):
    """Where points are kept: the embedded SQLite, or InfluxDB."""

    kind: Literal["sqlite", "influx"] = "sqlite"
    influx: Influx = Influx()
    raw_days: Annotated[int, Field(ge=1)] = 3650


class Judge(_Table):
    """`rules`: a rules file of your own; the ones shipped where empty. `step_s`: time between two judgements."""

    rules: Path | None = None
    step_s: Annotated[float, Field(gt=0)] = 60.0


class Node(_Table):
    """A Raspberry Pi. `sealed`: it watches a home, its batches are encrypted end to end."""

    id: Id
    sealed: bool = False
    interval_s: Annotated[float, Field(gt=0)] = 60.0  # it says something at least this often
    place_ja: str = ""
    place_en: str = ""


class Site(_Table):
    """What is watched. `label_*` never is a person's name. `limits`: this site's own limit a quantity, in its unit."""

    id: Id
    kind: SiteKind
    label_ja: str
    label_en: str
    district_ja: str = ""
    district_en: str = ""
    limits: dict[str, float] = {}


class Device(_Table):
    """A sensor: its model, the site it looks at, the node that reads it (empty where an inlet brings it).

    `dev_eui`: its LoRaWAN address. `address`: how another server calls it, for Zigbee2MQTT its friendly name or IEEE
    address (0x…). Either belongs to one device. `mount_mm`: height of a distance sensor over bare ground; snow depth is
    derived. `depth_cm`: how deep a soil probe sits. `interval_s`: 0 takes the model's own.
    """

    id: Id
    model: str
    site: Id
    node: str = ""
    dev_eui: Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")] = ""
    address: Annotated[str, Field(max_length=64)] = ""
    place_ja: str = ""
    place_en: str = ""
    depth_cm: float | None = None
    mount_mm: float | None = None
    interval_s: Annotated[float, Field(ge=0)] = 0.0


class Settings(_Table):
    """The whole file. `notifier` tables are read by the notifier of their `kind`; rules stand in the rules file."""

    town: Town
    gateway: Gateway = Gateway()
    broker: Broker = Broker()
    store: Store = Store()
    judge: Judge = Judge()
    node: list[Node] = []
    site: list[Site] = []
    device: list[Device] = []
    notifier: list[dict[str, Any]] = []


def load(path: Path) -> Settings:
    """Settings of a file, relative paths made absolute from its folder. SettingsError with every mistake in it."""
    table = read(path)
    mistakes = mistakes_in(table, str(path))
    if mistakes:
        raise SettingsError(mistakes)
    return _anchored(Settings.model_validate(table), path.resolve().parent)


def read(path: Path) -> dict[str, Any]:
    """The file as tables. SettingsError where it cannot be read or is no TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise SettingsError(
            [Mistake(str(path), "file", "a file that can be read", error.strerror or str(error))]
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([Mistake(str(path), "file", "TOML in UTF-8", str(error))]) from error


def mistakes_in(table: dict[str, Any], file: str) -> list[Mistake]:
    """Every mistake of shape and of reference, the latter also where the former abound."""
    mistakes = []
    try:
        Settings.model_validate(table)
    except ValidationError as error:
        mistakes = [_mistake(file, one) for one in error.errors()]
    return mistakes + [Mistake(file, *words) for words in (*_doubles(table), *_dangling(table))]


def rows(table: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The tables of an array of tables; those that are none are left to the check of shapes."""
    found = table.get(name, [])
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _doubles(table: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in ("node", "site", "device"):
        ids = [str(row.get("id")) for row in rows(table, name)]
        for number, one in enumerate(ids):
            if one in ids[:number]:
                yield f"{name}.{number}.id", f"a {name} id of its own", repr(one)
    for key in ("dev_eui", "address"):
        named = [str(row.get(key, "")) for row in rows(table, "device")]
        for number, one in enumerate(named):
            if one and one in named[:number]:
                yield f"device.{number}.{key}", "an address of its own", repr(one)


def _dangling(table: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    nodes, sites = ({str(row.get("id")) for row in rows(table, name)} for name in ("node", "site"))
    for number, device in enumerate(rows(table, "device")):
        for key, known, wanted in (
            ("site", sites, "the id of a [[site]]"),
            ("node", nodes, "the id of a [[node]]"),
            ("model", codecs.models(), "a model of `satomori devices`"),
        ):
            named = device.get(key, "")
            if named != "" and str(named) not in known:
                yield f"device.{number}.{key}", wanted, repr(named)
    for number, site in enumerate(rows(table, "site")):
        limits = site.get("limits", {})
        for quantity in limits if isinstance(limits, dict) else ():
            if quantity not in QUANTITIES:
                yield f"site.{number}.limits", "the name of a quantity, for example snow_load_kg_m2", repr(quantity)


def _mistake(file: str, error: Any) -> Mistake:
    key = ".".join(str(part) for part in error["loc"]) or "file"
    if error["type"] == "extra_forbidden":
        return Mistake(file, key, "no such key", repr(error["input"])[:80])
    if error["type"] == "missing":
        return Mistake(file, key, "this key", "nothing")
    wanted = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return Mistake(file, key, wanted.replace("String should", "text that should"), repr(error["input"])[:80])


def _anchored(settings: Settings, folder: Path) -> Settings:
    influx = settings.store.influx.model_copy(update={"token_file": folder / settings.store.influx.token_file})
    password_file = settings.broker.password_file and folder / settings.broker.password_file
    rules = settings.judge.rules and folder / settings.judge.rules
    return settings.model_copy(
        update={
            "gateway": settings.gateway.model_copy(update={"data_dir": folder / settings.gateway.data_dir}),
            "store": settings.store.model_copy(update={"influx": influx}),
            "broker": settings.broker.model_copy(update={"password_file": password_file}),
            "judge": settings.judge.model_copy(update={"rules": rules}),
        }
    )
