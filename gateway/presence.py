"""Who is being heard? A silent sensor, a dead node and a blind gateway are three different things, and none a person's.

The gateway is blind when nothing at all has arrived for a while, or its broker is gone: then nobody else is judged. A
node is unheard when no message of it arrived (what it sends late proves that it lives), or its last will says offline;
its sensors are then not each an alarm. A sensor is unheard when its newest *measurement* is old. Scores: time unheard ÷
limit; NaN where it cannot be known: while the gateway is blind or has just begun to hear.
"""

import math
from collections.abc import Mapping, Sequence

import msgspec

from gateway.activity import interval_s
from gateway.alerts import Finding, Numbers, SubjectKind
from gateway.rules import UNHEARD, Rule, Unheard
from gateway.settings import Device, Node
from gateway.window import Window

GATEWAY = "gateway"
BROKER_LOST_S = 120.0


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One node or device: when last heard (µs UTC), its limit, and its score against it."""

    time_us: int
    limit_s: float
    score: float
    quiet_s: float


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """What is heard at one moment. `blind`: the gateway hears nothing; its `score` is of the rule about that."""

    blind: bool
    score: float
    quiet_s: float
    nodes: dict[str, Heard]
    devices: dict[str, Heard]
    online: dict[str, bool]


class Ears:
    """Judges who is heard, by the rules of the detector `unheard`."""

    def __init__(self, rules: Sequence[Rule], nodes: Sequence[Node], devices: Sequence[Device]) -> None:
        self._rules = [rule for rule in rules if rule.detector == UNHEARD]
        self._nodes = {node.id: node for node in nodes}
        self._devices = {device.id: device for device in devices}
        self._settings = {rule.subject: msgspec.convert(rule.settings, Unheard) for rule in self._rules}

    def listen(
        self,
        window: Window,
        now_us: int,
        *,
        since_us: int,
        judging: bool,
        broker_lost_s: float = 0.0,
        online: Mapping[str, bool] | None = None,
    ) -> Presence:
        """Who is heard now. `since_us`: since when this gateway listens; what it never heard counts from there."""
        states = dict(online or {})
        score = self._gateway(window, broker_lost_s)
        blind = score >= 1
        known = judging and not blind
        nodes = {
            id_: self._node(window, node, now_us, since_us, known, states.get(id_)) for id_, node in self._nodes.items()
        }
        devices = {}
        for id_, device in self._devices.items():
            node = nodes.get(device.node)
            sure = known and (node is None or node.score < 1)
            devices[id_] = self._device(window, device, now_us, since_us, sure)
        return Presence(blind=blind, score=score, quiet_s=window.quiet_s(), nodes=nodes, devices=devices, online=states)

    def findings(self, presence: Presence, now_us: int) -> list[Finding]:
        """A finding of every rule about every subject; numbers only where the score is over the line."""
        found = []
        for rule in self._rules:
            if rule.subject == "gateway":
                found.append(_finding(rule, GATEWAY, "gateway", presence.score, now_us, {"quiet_s": presence.quiet_s}))
            elif rule.subject == "node":
                for id_, heard in presence.nodes.items():
                    numbers = self._node_numbers(id_, heard) if heard.score >= 1 else {}
                    found.append(_finding(rule, id_, "node", heard.score, now_us, numbers))
            else:
                for id_, heard in presence.devices.items():
                    numbers = self._device_numbers(id_, heard) if heard.score >= 1 else {}
                    found.append(_finding(rule, id_, "device", heard.score, now_us, numbers))
        return found

    def _gateway(self, window: Window, broker_lost_s: float) -> float:
        settings = self._settings.get("gateway")
        if settings is None or not (self._nodes or self._devices):
            return 0.0
        return max(window.quiet_s() / settings.floor_s, broker_lost_s / BROKER_LOST_S)

    def _node(self, window: Window, node: Node, now_us: int, since_us: int, known: bool, online: bool | None) -> Heard:
        settings = self._settings.get("node", Unheard())
        limit_s = max(settings.intervals * node.interval_s, settings.floor_s)
        heard_us = window.received_us(node.id)
        quiet_s = max(0.0, (now_us - max(heard_us, since_us)) / 1e6)
        score = max(quiet_s / limit_s, 1.0 if online is False else 0.0) if known else math.nan
        return Heard(time_us=heard_us, limit_s=limit_s, score=score, quiet_s=quiet_s)

    def _device(self, window: Window, device: Device, now_us: int, since_us: int, sure: bool) -> Heard:
        settings = self._settings.get("device", Unheard())
        every_s = interval_s(device)
        limit_s = max(settings.intervals * every_s, settings.floor_s)
        heard_us = window.heard_us(device.id)
        quiet_s = max(0.0, (now_us - max(heard_us, since_us)) / 1e6)
        score = quiet_s / limit_s if sure and every_s > 0 else math.nan
        return Heard(time_us=heard_us, limit_s=limit_s, score=score, quiet_s=quiet_s)

    def _node_numbers(self, id_: str, heard: Heard) -> Numbers:
        node = self._nodes[id_]
        count = sum(device.node == id_ for device in self._devices.values())
        return {
            "node": id_,
            "place_ja": node.place_ja or id_,
            "place_en": node.place_en or id_,
            "quiet_s": heard.quiet_s,
            "measured_us": float(heard.time_us),
            "devices": float(count),
        }

    def _device_numbers(self, id_: str, heard: Heard) -> Numbers:
        device = self._devices[id_]
        return {
            "device": id_,
            "place_ja": device.place_ja or device.site,
            "place_en": device.place_en or device.site,
            "quiet_s": heard.quiet_s,
            "measured_us": float(heard.time_us),
            "interval_s": interval_s(device),
        }


def _finding(rule: Rule, subject: str, kind: SubjectKind, score: float, now_us: int, numbers: Numbers) -> Finding:
    return Finding(
        rule=rule.id,
        subject=subject,
        subject_kind=kind,
        severity=rule.severity,
        score=score,
        time_us=now_us,
        numbers=numbers,
    )
