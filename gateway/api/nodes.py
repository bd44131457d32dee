"""Nodes and the devices they read."""

from typing import Any

from fastapi import APIRouter, Request

from gateway.api import times
from gateway.context import context_of
from gateway.people.door import SignedIn

router = APIRouter(tags=["nodes"])


@router.get("/nodes")
def nodes(request: Request, actor: SignedIn) -> dict[str, Any]:
    """Every node with its devices: state, when last heard, streams of the journal. `unknown` = cannot know."""
    actor.needs("node")
    context = context_of(request)
    state = context.state()
    zone = context.town.zone
    by_node = {one.id: one for one in state.nodes}
    devices = {one.id: one for one in state.devices}
    streams: dict[str, list[dict[str, Any]]] = {}
    for stream in context.journal.streams():
        streams.setdefault(stream.source, []).append(
            {
                "epoch": stream.epoch,
                "settled": stream.mark,
                "ranges": stream.ranges,
                "readings": stream.readings,
                "read_total": stream.read_total,
                "last_received": times.text(stream.last_us, zone),
            }
        )
    found = []
    for node in context.registry.nodes.values():
        known = by_node.get(node.id)
        found.append(
            {
                "id": node.id,
                "place_ja": node.place_ja,
                "place_en": node.place_en,
                "sealed": node.sealed,
                "state": known.key if known else "unknown",
                "online": known.online if known else None,
                "heard": times.text(known.heard_us if known else 0, zone),
                "streams": streams.get(node.id, []),
                "devices": [
                    {
                        "id": device.id,
                        "model": device.model,
                        "site": device.site,
                        "state": devices[device.id].key if device.id in devices else "unknown",
                        "heard": times.text(devices[device.id].heard_us if device.id in devices else 0, zone),
                    }
                    for device in context.registry.devices.values()
                    if device.node == node.id
                ],
            }
        )
    return {"nodes": found}
