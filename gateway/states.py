"""What the board shows: how every home, roof, field, node and device is at one moment, as data without words.

Made by `gateway.watch` at each step. "Cannot know" is `None`, never 0; times are µs UTC, 0 = never.
`alerts` are the ids of open alerts (firing or acknowledged) of that subject, the most severe first.
"""

from typing import Literal

import msgspec

StateKey = Literal["urgent", "watch", "unknown", "tech", "off", "fine"]  # in the order of a page
Level = Literal["calm", "notice", "warning", "danger", "over", "unknown"]  # <50, ≥50, ≥70, ≥90, ≥100 %, no design load
Verdict = Literal["good", "suspect", "fault", "missing"]  # 良好 疑い 故障 欠測
ORDER: tuple[StateKey, ...] = ("urgent", "watch", "unknown", "tech", "off", "fine")


class NodeState(msgspec.Struct, frozen=True, kw_only=True):
    """One node: `heard_us` is the newest measurement it sent, `limit_s` how long it may be unheard.

    `online`: what its own state message said last, None where it never said anything.
    `key`: fine, tech (unheard or offline) or unknown (the gateway itself is blind).
    """

    id: str
    key: StateKey
    heard_us: int
    limit_s: float
    online: bool | None = None
    alerts: tuple[int, ...] = ()


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """One sensor. `key`: fine, tech (unheard, stuck or impossible) or unknown (its node or the gateway is unheard)."""

    id: str
    site: str
    node: str
    key: StateKey
    heard_us: int
    limit_s: float
    alerts: tuple[int, ...] = ()


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """The newest value of one series. `rule` names the rule that doubts it, "" where none does.

    `value` is None and `verdict` missing where nothing was heard within the device's limit (`time_us` still says when).
    """

    series: str
    device: str
    quantity: str
    channel: int
    time_us: int
    value: float | None
    verdict: Verdict
    rule: str = ""


class HomeState(msgspec.Struct, frozen=True, kw_only=True):
    """One home. `quiet_s`: heard time since the last activity, None = cannot know.

    `usual_longest_s`: the longest quiet time of the past that began around this hour, None before enough is learned.
    `limit_s`: quiet time at which the alert comes. `last_us`/`last_device`: last activity, 0/"" = none in the window.
    `learned_days`: local days with data that the limit rests on.
    """

    site: str
    key: StateKey
    quiet_s: float | None
    usual_longest_s: float | None
    limit_s: float
    last_us: int
    last_device: str
    learned_days: int
    nodes: tuple[NodeState, ...] = ()
    devices: tuple[DeviceState, ...] = ()
    values: tuple[Value, ...] = ()
    alerts: tuple[int, ...] = ()


class RoofState(msgspec.Struct, frozen=True, kw_only=True):
    """One roof. `ratio` = load ÷ design load, None where either is unknown.

    `trend_kg_m2_h`: robust slope over the last hours. `limit_h`: hours until the design load as a range (low, high),
    None where the load does not grow, or slower than reaching it within three days. `time_us`: of the load.
    """

    site: str
    key: StateKey
    level: Level
    load_kg_m2: float | None
    design_kg_m2: float | None
    ratio: float | None
    trend_kg_m2_h: float | None
    limit_h: tuple[float, float] | None
    time_us: int
    devices: tuple[DeviceState, ...] = ()
    values: tuple[Value, ...] = ()
    alerts: tuple[int, ...] = ()


class FieldState(msgspec.Struct, frozen=True, kw_only=True):
    """One field: the newest value of every series of its devices, each with its verdict."""

    site: str
    key: StateKey
    devices: tuple[DeviceState, ...] = ()
    values: tuple[Value, ...] = ()
    alerts: tuple[int, ...] = ()


class TownState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at `time_us`. `blind_since_us`: since when the gateway itself hears nothing, 0 = it hears.

    `judging`: false in the first minutes after a start or an outage of the gateway, when nobody may be judged yet.
    """

    time_us: int
    blind_since_us: int = 0
    judging: bool = True
    homes: tuple[HomeState, ...] = ()
    roofs: tuple[RoofState, ...] = ()
    fields: tuple[FieldState, ...] = ()
    nodes: tuple[NodeState, ...] = ()
    devices: tuple[DeviceState, ...] = ()


def worst(*keys: StateKey) -> StateKey:
    """The key that a page would list first; `fine` for none."""
    return min(keys, key=ORDER.index, default="fine")
