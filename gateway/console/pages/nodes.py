"""Nodes and devices, for the technician: which, since when, and what could not be read."""

from collections import Counter

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from firmware_bridge.reading import SeriesKey
from gateway.alerts import Alert
from gateway.console import plots
from gateway.console.page import render, voice_of
from gateway.console.telling import AlertView, alert_view
from gateway.console.values import series_href
from gateway.console.voice import DASH, Voice
from gateway.context import Context, context_of
from gateway.journal.evidence import Quarantined, quarantined
from gateway.people.door import Actor, Person, Refused
from gateway.people.sights import open_alerts
from gateway.settings import Device
from gateway.states import ORDER, DeviceState, NodeState, StateKey
from gateway.store import Latest

router = APIRouter()
_DAY_US = 86_400 * plots.US
_SHOWN_BYTES = 48
_BARS = (-110, -100, -90, -75)


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One node, or the devices of an inlet: what a technician reads before driving there."""

    id: str
    href: str
    place: str
    key: StateKey
    word: str
    heard: str
    waiting: str
    devices: int
    quarantined: int


class DeviceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One device of a node. `bars` 0 to 4, None where no signal is told."""

    id: str
    place: str
    model: str
    site: str
    key: StateKey
    heard: str
    bars: int | None
    rssi: str
    battery: str
    series: list[tuple[str, str]]


class QuarantineRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message that was not understood."""

    when: str
    source: str
    code: str
    detail: str
    topic: str
    size: str
    hex: str


@router.get("/nodes")
def nodes(request: Request, actor: Person) -> Response:
    """Every node and every device that an inlet brings, those that need a hand first."""
    actor.needs("node")
    context, voice = context_of(request), voice_of(request)
    latest = context.store.latest()
    bad = Counter(row.source for row in quarantined(context.journal, 1000))
    rows = sorted(
        (_node_row(context, voice, node, latest, bad) for node in context.state().nodes),
        key=lambda row: ORDER.index(row.key),
    )
    brought = [device for device in context.registry.devices.values() if not device.node]
    return render(
        request,
        "nodes.html",
        actor,
        moment=voice.today(context.state().time_us or context.now_us()),
        rows=rows,
        needing=sum(row.key != "fine" for row in rows),
        inlet=_device_rows(context, voice, brought, latest, actor),
        shown=_hardware_alerts(context, voice, actor),
        refused=_refused(voice, context, ""),
        gateway=_gateway(context, voice),
    )


@router.get("/nodes/{node_id}")
def node(request: Request, actor: Person, node_id: str) -> Response:
    """One node: its devices, its own health, its streams and what of it was not understood."""
    actor.needs("node")
    context, voice = context_of(request), voice_of(request)
    known = context.registry.nodes.get(node_id)
    if known is None:
        raise Refused(404, "error.not-found")
    latest = context.store.latest()
    state = next((one for one in context.state().nodes if one.id == node_id), None)
    own = [device for device in context.registry.devices.values() if device.node == node_id]
    streams = [stream for stream in context.journal.streams() if stream.source == node_id]
    end_us = context.now_us()
    key = SeriesKey(context.registry.tenant, node_id, "outbox_depth")
    return render(
        request,
        "node.html",
        actor,
        node=known,
        row=_node_row(context, voice, state, latest, Counter()) if state else None,
        health=[
            (
                voice.quantity(k.quantity),
                voice.value(x.value, k.quantity),
                voice.ago(x.time_us),
                series_href(node_id, k.quantity),
            )
            for k, x in sorted(latest.items())
            if k.device == node_id
        ],
        devices=_device_rows(context, voice, own, latest, actor),
        streams=[
            (s.epoch, voice.count(s.mark), str(len(s.ranges)), voice.count(s.readings), voice.moment(s.last_us))
            for s in reversed(streams)
        ],
        refused=_refused(voice, context, node_id),
        chart=plots.chart(context, voice, key, end_us - 7 * _DAY_US, end_us) if key in latest else None,
        shown=[one for one in _hardware_alerts(context, voice, actor) if one.site_href == f"/nodes/{node_id}"],
    )


def _hardware_alerts(context: Context, voice: Voice, actor: Actor) -> list[AlertView]:
    def about_hardware(alert: Alert) -> bool:
        return alert.subject_kind in ("device", "node", "gateway")

    return [alert_view(context, voice, alert, actor) for alert in open_alerts(context, actor) if about_hardware(alert)]


def _node_row(
    context: Context, voice: Voice, state: NodeState, latest: dict[SeriesKey, Latest], bad: Counter[str]
) -> NodeRow:
    node = context.registry.nodes[state.id]
    depth = latest.get(SeriesKey(context.registry.tenant, state.id, "outbox_depth"))
    own = [device for device in context.state().devices if device.node == state.id]
    key: StateKey = state.key
    word = voice.t(f"state.{key}")
    if key == "tech":
        word = voice.t("node.unheard" if state.online is not False else "node.offline")
    elif key == "fine" and any(device.key == "tech" for device in own):
        key, word = "tech", voice.t("node.part")
    return NodeRow(
        id=state.id,
        href=f"/nodes/{state.id}",
        place=voice.place(node),
        key=key,
        word=word,
        heard=voice.ago(state.heard_us),
        waiting=voice.number(depth.value) if depth else DASH,
        devices=len(own),
        quarantined=bad[state.id],
    )


def _device_rows(
    context: Context, voice: Voice, devices: list[Device], latest: dict[SeriesKey, Latest], actor: Actor
) -> list[DeviceRow]:
    states = {state.id: state for state in context.state().devices}
    rows = [_device_row(context, voice, device, states.get(device.id), latest, actor) for device in devices]
    return sorted(rows, key=lambda row: ORDER.index(row.key))


def _device_row(
    context: Context,
    voice: Voice,
    device: Device,
    state: DeviceState | None,
    latest: dict[SeriesKey, Latest],
    actor: Actor,
) -> DeviceRow:
    own = {key.quantity: newest for key, newest in latest.items() if key.device == device.id}
    rssi = own.get("rssi_dbm")
    battery = next(((name, own[name]) for name in ("battery_v", "battery_pct") if name in own), None)
    site = context.registry.sites[device.site]
    shown = [
        name for name in own if actor.sees(site.kind) or name in ("rssi_dbm", "battery_v", "battery_pct", "snr_db")
    ]
    return DeviceRow(
        id=device.id,
        place=voice.place(device),
        model=device.model,
        site=voice.label(site),
        key=state.key if state else "unknown",
        heard=voice.ago(state.heard_us if state else 0),
        bars=sum(rssi.value >= line for line in _BARS) if rssi else None,
        rssi=voice.value(rssi.value, "rssi_dbm") if rssi else DASH,
        battery=voice.value(battery[1].value, battery[0]) if battery else DASH,
        series=[(voice.quantity(name), series_href(device.id, name)) for name in sorted(shown)],
    )


def _refused(voice: Voice, context: Context, source: str) -> list[QuarantineRow]:
    found = [one for one in quarantined(context.journal, 500) if not source or one.source == source]
    return [_quarantine_row(voice, one) for one in found[:20]]


def _quarantine_row(voice: Voice, one: Quarantined) -> QuarantineRow:
    shown = one.head[:_SHOWN_BYTES]
    return QuarantineRow(
        when=voice.moment(one.received_us),
        source=one.source or voice.t("node.nobody"),
        code=one.code,
        detail=one.detail,
        topic=one.topic,
        size=voice.count(one.size),
        hex=" ".join(f"{byte:02X}" for byte in shown) + (" …" if one.size > len(shown) else ""),
    )


def _gateway(context: Context, voice: Voice) -> list[tuple[str, str]]:
    roles = context.roles()
    down = [role.name for role in roles if not role.alive]
    restarts = sum(role.restarts for role in roles)
    return [
        (voice.t("gateway.broker"), context.broker_kind),
        (voice.t("gateway.store"), context.store.name),
        (voice.t("gateway.entries"), voice.count(context.journal.last_id)),
        (voice.t("gateway.roles"), voice.t("list.comma").join(down) if down else voice.t("gateway.all-well")),
        (voice.t("gateway.restarts"), voice.count(restarts)),
        (voice.t("gateway.judged"), voice.ago(context.state().time_us)),
    ]
