"""The state of every subject, from what is heard, what was measured, what is usual and which alerts are open."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import SeriesKey
from gateway.alerts import Alert
from gateway.homes import Quiet
from gateway.presence import Heard, Presence
from gateway.settings import Device, Node, Site
from gateway.states import (
    DeviceState,
    FieldState,
    HomeState,
    Level,
    NodeState,
    RoofState,
    StateKey,
    TownState,
    Value,
    Verdict,
    worst,
)
from gateway.window import SHALLOW, STEP_S, Window

LOAD = "snow_load_kg_m2"
DOUBTS: Mapping[str, Verdict] = {"value-impossible": "fault"}  # every other technical rule about values: suspect
_UNHEARD = ("device-unheard", "node-unheard")
_TREND_H = (3, 12)
_LIMIT_H = 72.0
_LEVELS: tuple[tuple[float, Level], ...] = ((1.0, "over"), (0.9, "danger"), (0.7, "warning"), (0.5, "notice"))


class Board:
    """Puts states together; holds nothing but the configuration."""

    def __init__(self, sites: Sequence[Site], devices: Sequence[Device], nodes: Sequence[Node]) -> None:
        self._sites = sites
        self._devices = devices
        self._nodes = nodes

    def town(
        self,
        window: Window,
        presence: Presence,
        quiet: Mapping[str, Quiet],
        alerts: Sequence[Alert],
        now_us: int,
        *,
        judging: bool,
    ) -> TownState:
        """Everything at `now_us`. `alerts`: the open ones, most severe first."""
        about: dict[str, list[Alert]] = {}
        for alert in alerts:
            about.setdefault(alert.subject, []).append(alert)
        nodes = {node.id: _node(node.id, presence, about) for node in self._nodes}
        devices = {device.id: _device(device, presence, about) for device in self._devices}
        values = self._values(window, devices, about, now_us)
        parts = [_Part(site, self._devices, nodes, devices, values, about) for site in self._sites]
        return TownState(
            time_us=now_us,
            blind_since_us=now_us - int(presence.quiet_s * 1e6) if presence.blind else 0,
            judging=judging,
            homes=tuple(_home(part, quiet[part.site.id]) for part in parts if part.site.kind == "home"),
            roofs=tuple(_roof(part, window, now_us) for part in parts if part.site.kind == "roof"),
            fields=tuple(_field(part) for part in parts if part.site.kind == "field"),
            nodes=tuple(nodes.values()),
            devices=tuple(devices.values()),
        )

    def _values(
        self,
        window: Window,
        devices: Mapping[str, DeviceState],
        about: Mapping[str, Sequence[Alert]],
        now_us: int,
    ) -> dict[str, list[Value]]:
        found: dict[str, list[Value]] = {}
        for key, (time_us, value) in sorted(window.latest().items()):
            state = devices.get(key.device)
            if state is not None and time_us:
                one = _value(key, time_us, value, state, about.get(key.device, ()), now_us)
                found.setdefault(key.device, []).append(one)
        return found


class _Part:
    """What belongs to one site."""

    def __init__(
        self,
        site: Site,
        devices: Sequence[Device],
        nodes: Mapping[str, NodeState],
        states: Mapping[str, DeviceState],
        values: Mapping[str, Sequence[Value]],
        about: Mapping[str, Sequence[Alert]],
    ) -> None:
        own = [device for device in devices if device.site == site.id]
        self.site = site
        self.devices = tuple(states[device.id] for device in own)
        self.nodes = tuple(nodes[name] for name in dict.fromkeys(device.node for device in own) if name in nodes)
        self.values = tuple(value for device in own for value in values.get(device.id, ()))
        self.alerts = tuple(alert.id for alert in about.get(site.id, ()))
        keys: list[StateKey] = [alert.severity for alert in about.get(site.id, ())]
        keys += [alert.severity for device in own for alert in about.get(device.id, ())]
        self.keys = [*keys, *(device.key for device in self.devices), *(node.key for node in self.nodes)]


def _node(id_: str, presence: Presence, about: Mapping[str, Sequence[Alert]]) -> NodeState:
    heard = presence.nodes[id_]
    alerts = about.get(id_, ())
    return NodeState(
        id=id_,
        key=_heard_key(heard, presence, bool(alerts)),
        heard_us=heard.time_us,
        limit_s=heard.limit_s,
        online=presence.online.get(id_),
        alerts=tuple(alert.id for alert in alerts),
    )


def _device(device: Device, presence: Presence, about: Mapping[str, Sequence[Alert]]) -> DeviceState:
    heard = presence.devices[device.id]
    alerts = about.get(device.id, ())
    node = presence.nodes.get(device.node)
    key = _heard_key(heard, presence, any(alert.severity == "tech" for alert in alerts))
    if key == "fine" and node is not None and (node.score >= 1 or (math.isnan(node.score) and presence.blind)):
        key = "unknown"
    return DeviceState(
        id=device.id,
        site=device.site,
        node=device.node,
        key=key,
        heard_us=heard.time_us,
        limit_s=heard.limit_s,
        alerts=tuple(alert.id for alert in alerts),
    )


def _heard_key(heard: Heard, presence: Presence, alarmed: bool) -> StateKey:
    if presence.blind:
        return "unknown"
    if alarmed or heard.score >= 1:
        return "tech"
    return "fine" if heard.time_us else "unknown"


def _value(
    key: SeriesKey, time_us: int, value: float, state: DeviceState, alerts: Sequence[Alert], now_us: int
) -> Value:
    doubts = [a for a in alerts if a.severity == "tech" and a.rule not in _UNHEARD and a.series == str(key)]
    missing = now_us - time_us > state.limit_s * 1e6 and (state.key != "fine" or _ages(key.quantity))
    verdict: Verdict = "missing" if missing else DOUBTS.get(doubts[0].rule, "suspect") if doubts else "good"
    return Value(
        series=str(key),
        device=key.device,
        quantity=key.quantity,
        channel=key.channel,
        time_us=time_us,
        value=None if missing else value,
        verdict=verdict,
        rule=doubts[0].rule if doubts else "",
    )


def _ages(quantity: str) -> bool:
    """Whether a value is worthless when it is old, although its device lives: levels are, events and batteries not."""
    return quantity in QUANTITIES and QUANTITIES[quantity].kind == "gauge" and quantity not in SHALLOW


def _home(part: _Part, quiet: Quiet) -> HomeState:
    keys = part.keys if quiet.quiet_s is not None else [*part.keys, "unknown"]
    return HomeState(
        site=part.site.id,
        key=worst(*keys),
        quiet_s=quiet.quiet_s,
        usual_longest_s=quiet.usual_longest_s,
        limit_s=quiet.limit_s,
        last_us=quiet.last_us,
        last_device=quiet.last_device,
        learned_days=quiet.learned_days,
        nodes=part.nodes,
        devices=part.devices,
        values=part.values,
        alerts=part.alerts,
    )


def _field(part: _Part) -> FieldState:
    return FieldState(
        site=part.site.id, key=worst(*part.keys), devices=part.devices, values=part.values, alerts=part.alerts
    )


def _roof(part: _Part, window: Window, now_us: int) -> RoofState:
    loads = [v for v in part.values if v.quantity == LOAD and v.value is not None and v.verdict == "good"]
    load = max(loads, key=lambda value: value.value or 0.0, default=None)
    design = part.site.limits.get(LOAD)
    heavy = load.value if load is not None else None
    ratio = heavy / design if heavy is not None and design else None
    slopes = _slopes(window, load, now_us) if load is not None else []
    return RoofState(
        site=part.site.id,
        key=worst(*part.keys) if heavy is not None else worst(*part.keys, "unknown"),
        level=next((name for line, name in _LEVELS if ratio >= line), "calm") if ratio is not None else "unknown",
        load_kg_m2=heavy,
        design_kg_m2=design,
        ratio=ratio,
        trend_kg_m2_h=slopes[0] if slopes else None,
        limit_h=_limit_h(heavy, design, slopes),
        time_us=load.time_us if load is not None else 0,
        devices=part.devices,
        values=part.values,
        alerts=part.alerts,
    )


def _slopes(window: Window, load: Value, now_us: int) -> list[float]:
    """Growth in kg/m² per hour, short and long: between medians of both ends, so that one jump is no trend."""
    found = []
    keys, block, _ = window.block(load.quantity, int(max(_TREND_H) * 3600 / STEP_S), now_us)
    place = [str(key) for key in keys].index(load.series)
    for hours in _TREND_H:
        columns = int(hours * 3600 / STEP_S)
        row = block[place, -columns:]
        third = columns // 3
        first, last = row[:third], row[-third:]
        if np.isfinite(first).any() and np.isfinite(last).any():
            found.append(float((np.nanmedian(last) - np.nanmedian(first)) / (hours * 2 / 3)))
    return found


def _limit_h(load: float | None, design: float | None, slopes: Sequence[float]) -> tuple[float, float] | None:
    growing = [slope for slope in slopes if slope > 0]
    if load is None or not design or len(growing) < len(slopes) or not growing:
        return None
    low = max(0.0, (design - load) / max(growing))
    return (low, min(_LIMIT_H, (design - load) / min(growing))) if low <= _LIMIT_H and load < design else None
