"""Sample Town (見本町): who is watched by which device behind which port, as plain tables. Nothing here is written yet.

Two kinds of field probe on RS-485, one LoRaWAN probe; a roof with a scale and an ultrasonic sensor, one with a LoRaWAN
depth sensor; homes with EnOcean sensors. Homes are called by codes, nobody by a name.
"""

from pathlib import Path

import msgspec

from gateway.demo.plain import Table
from gateway.demo.stories import DESIGN_KG_M2

TENANT = "999999"  # no municipality has this code
INLET_USER = "inlet-chirpstack"
_FIELDS = (("そば畑", "Buckwheat field"), ("川ぞいの畑", "River field"))
_ROOMS = (("living", "居間", "Living room"), ("bedroom", "寝室", "Bedroom"), ("toilet", "トイレ", "Toilet"))
_HOME_LETTERS = "ABCDEF"


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How large a town, and from which seed."""

    seed: int = 1
    homes: int = 3
    fields: int = 2


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """TCP ports on 127.0.0.1."""

    page: int
    broker: int
    smtp: int


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One node with its drivers' tables; `port` values are names below the folder's `ports/`."""

    node: str
    sealed: bool
    drivers: list[Table]


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The whole town as tables: nodes, sites and devices for the gateway, links for the agents, rooms for the world."""

    nodes: list[Table]
    sites: list[Table]
    devices: list[Table]
    links: list[Link]
    rooms: dict[str, str]

    @property
    def homes(self) -> list[str]:
        """Ids of the homes."""
        return [site["id"] for site in self.sites if site["kind"] == "home"]


def layout(size: Size) -> Layout:
    """The town of that size."""
    town = Layout(nodes=[], sites=[], devices=[], links=[], rooms={})
    for number in range(1, size.fields + 1):
        _add_field(town, number)
    _add_roofs(town)
    for number in range(size.homes):
        _add_home(town, number)
    return town


def _add_node(town: Layout, node: str, place: tuple[str, str], drivers: list[Table], *, sealed: bool = False) -> None:
    table = {"id": node, "sealed": sealed, "place_ja": place[0], "place_en": place[1]}
    # In the replayed past a node is heard only when one of its sensors speaks: never more than ten minutes apart.
    town.nodes.append({**table, "interval_s": 300.0})
    town.links.append(Link(node=node, sealed=sealed, drivers=drivers))


def _add_field(town: Layout, number: int) -> None:
    ja, en = _FIELDS[number - 1] if number <= len(_FIELDS) else (f"畑{number}", f"Field {number}")
    site, node = f"field-{number}", f"node-field-{number}"
    town.sites.append({"id": site, "kind": "field", "label_ja": ja, "label_en": en, **_district(number)})
    model = "generic/rs485-soil-7in1" if number % 2 else "seeed/s-soil-mtec-02"
    units = []
    for unit, depth_cm in enumerate((10.0, 30.0), 1):
        device = f"soil-{number}-{depth_cm:.0f}"
        place = {"place_ja": f"深さ{depth_cm:.0f} cm", "place_en": f"{depth_cm:.0f} cm deep"}
        town.devices.append({"id": device, "model": model, "site": site, "node": node, "depth_cm": depth_cm, **place})
        units.append({"id": device, "model": model, "unit": unit, "interval_s": 30.0})
    _add_node(
        town,
        node,
        (f"{ja}の小屋", f"Shed at {en}"),
        [{"kind": "modbus_rtu", "name": "bus", "port": node, "device": units}],
    )
    if number == 1:
        town.devices.append(
            {
                "id": "soil-1-lora",
                "model": "dragino/lse01",
                "site": site,
                "dev_eui": "a84041000181c061",
                "depth_cm": 20.0,
                "place_ja": "奥、深さ20 cm",
                "place_en": "Far end, 20 cm deep",
            }
        )


def _add_roofs(town: Layout) -> None:
    """Two roofs with a scale each; their depth sensors hang on the node's second port, and on LoRaWAN."""
    by_wire = {"id": "depth-1", "model": "generic/line-ultrasonic", "node": "node-roof-1", "mount_mm": 4000.0}
    by_radio = {"id": "depth-2", "model": "dragino/ldds75", "dev_eui": "a84041000181c062", "mount_mm": 4500.0}
    for number, (ja, en, depth) in enumerate(
        (("体育館", "Gymnasium", by_wire), ("公民館", "Community hall", by_radio)), 1
    ):
        site, node, scale = f"roof-{number}", f"node-roof-{number}", f"scale-{number}"
        town.sites.append(
            {
                "id": site,
                "kind": "roof",
                "label_ja": f"{ja}の屋根",
                "label_en": f"{en} roof",
                **_district(number),
                "limits": {"snow_load_kg_m2": DESIGN_KG_M2},
            }
        )
        sensors: list[Table] = [{"id": scale, "model": "generic/line-load-cell", "node": node}, depth]
        places = (("はかり", "Scale"), ("深さ計", "Depth sensor"))
        for sensor, (place_ja, place_en) in zip(sensors, places, strict=True):
            town.devices.append({**sensor, "site": site, "place_ja": place_ja, "place_en": place_en})
        drivers: list[Table] = [
            {"kind": "line", "name": one["id"], "port": one["id"], "device": [{"id": one["id"], "model": one["model"]}]}
            for one in sensors
            if "node" in one
        ]
        _add_node(town, node, (f"{ja}の機械室", f"Plant room, {en.lower()}"), drivers)


def _add_home(town: Layout, number: int) -> None:
    code = f"{_HOME_LETTERS[number % len(_HOME_LETTERS)]}-{7 + number // len(_HOME_LETTERS):02d}"
    short = code.replace("-", "").lower()
    site, node = f"home-{short}", f"node-{short}"
    town.sites.append({"id": site, "kind": "home", "label_ja": code, "label_en": code, **_district(number + 1)})
    senders = []
    for part, (room, ja, en) in enumerate((*_ROOMS, ("entrance", "玄関の戸", "Front door")), 1):
        device = f"{short}-{part}"
        model = "enocean/d5-00-01" if room == "entrance" else "enocean/a5-07-01"
        town.devices.append({"id": device, "model": model, "site": site, "node": node, "place_ja": ja, "place_en": en})
        town.rooms[device] = room
        senders.append({"id": device, "model": model, "address": f"04{number + 1:04x}{part:02x}"})
    drivers = [{"kind": "enocean", "name": "radio", "port": node, "device": senders}]
    _add_node(town, node, (f"{code} 宅", f"Home {code}"), drivers, sealed=True)


def _district(number: int) -> Table:
    ja, en = ("北地区", "North") if number % 2 else ("南地区", "South")
    return {"district_ja": ja, "district_en": en}


def node_file(link: Link, folder: Path, broker_port: int) -> Table:
    """The agent's configuration of a link: its drivers, and the past that is replayed beside them."""
    drivers = [
        {**driver, "port": str(folder / "ports" / driver["port"]), "device": driver["device"]}
        for driver in link.drivers
    ]
    past = {"kind": "replay", "name": "past", "path": f"../captures/{link.node}.jsonl", "speed": 0.0}
    return {
        "node": {
            "id": link.node,
            "tenant": TENANT,
            "key_file": f"../var/nodes/{link.node}.key",
            "sealed": link.sealed,
            "clock": "trust",
            "model": "simulated",
        },
        "broker": {"host": "127.0.0.1", "port": broker_port},
        "outbox": {"path": f"{link.node}.outbox.db"},
        "uplink": {"backlog_rows_per_s": 0.0, "reconnect_max_s": 2.0, "receipt_s": 5.0},
        "driver": [*drivers, past],
    }


def gateway_file(town: Layout, ports: Ports, step_s: float) -> Table:
    """The gateway's configuration."""
    return {
        "town": {"code": TENANT, "name_ja": "見本町", "name_en": "Sample Town", "timezone": "Asia/Tokyo"},
        "gateway": {"data_dir": "var", "port": ports.page, "public_url": f"http://127.0.0.1:{ports.page}"},
        "broker": {"mode": "auto", "port": ports.broker},
        "judge": {"step_s": step_s},
        "node": town.nodes,
        "site": town.sites,
        "device": town.devices,
        "notifier": [
            {
                "kind": "email",
                "name": "mailbox",
                "host": "127.0.0.1",
                "port": ports.smtp,
                "security": "none",
                "sender": "satomori@sample-town.invalid",
                "to": ["duty@sample-town.invalid"],
            }
        ],
    }
