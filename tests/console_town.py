"""A town for the console's tests: real journal, store, ledger and watch, filled through the real ingest at one moment.

It is 2027-01-19, 3:12 in Japan. A-07 has been quiet for longer than ever, the roof of the hall is at 93 %, one soil
probe is stuck, the node of B-03 has not been heard for two hours, everything else is calm.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from resident import DAY, minutes
from sqlalchemy import delete

from firmware_bridge import envelope
from firmware_bridge.reading import Batch, Column
from gateway import rules
from gateway.alerts.ledger import Ledger
from gateway.context import Context
from gateway.forwarder import Forwarder
from gateway.ingest import Ingest, Message
from gateway.journal import Journal
from gateway.people import ROLES, People
from gateway.people.tables import user_table
from gateway.records import open_records
from gateway.registry import Registry
from gateway.settings import Device, Node, Site, Town
from gateway.states import TownState
from gateway.store.sqlite import SqliteStore
from gateway.supervisor import RoleState
from gateway.watch import Watch
from gateway.window import Window

TENANT = "014729"
MINUTE_US, TEN_US, HOUR_US = 60_000_000, 600_000_000, 3_600_000_000
NOW_US = 1_800_295_920_000_000  # 2027-01-19, 3:12 in Japan
DAYS = 17
QUIET_MINUTES = 510
LIVE_MINUTES = 64
EVIL = "<img src=x onerror=alert(1)>"
PASSWORD = "kitakitsune no shippo"
TOWN = Town(code=TENANT, name_ja="見本町", name_en="Sample Town")
KEYS = {name: bytes([number]) * 32 for number, name in enumerate(("pi-a07", "pi-b03", "pi-c15", "pi-town"), 1)}
NODES = [
    Node(id="pi-a07", sealed=True, interval_s=600, place_ja="A-07 玄関", place_en="A-07, entrance"),
    Node(id="pi-b03", sealed=True, interval_s=600, place_ja="B-03 居間", place_en="B-03, living room"),
    Node(id="pi-c15", sealed=True, interval_s=600, place_ja="C-15 居間", place_en="C-15, living room"),
    Node(id="pi-town", interval_s=600, place_ja="公民館2階", place_en="Hall, upstairs"),
]


def _home(code: str, ja: str, en: str) -> Site:
    label = code.upper()
    return Site(id=f"home-{code}", kind="home", label_ja=label, label_en=label, district_ja=ja, district_en=en)


def sites(evil: bool = False) -> list[Site]:
    return [
        _home("a-07", "中央", "Central"),
        _home("b-03", "東", "East"),
        _home("c-15", "北", "North"),
        Site(
            id="roof-hall",
            kind="roof",
            label_ja=EVIL if evil else "公民館",
            label_en=EVIL if evil else "Community hall",
            district_ja="中央",
            district_en="Central",
            limits={"snow_load_kg_m2": 390.0},
        ),
        Site(id="roof-old", kind="roof", label_ja="空き家 C-2", label_en="Empty house C-2"),
        Site(id="field-east", kind="field", label_ja="第3圃場 そば", label_en="Field 3, buckwheat", district_ja="川向"),
        Site(id="field-west", kind="field", label_ja="第1圃場 ばれいしょ", label_en="Field 1, potatoes"),
    ]


def devices(evil: bool = False) -> list[Device]:
    found = [
        Device(id=f"pir-{home}-{room}", model="enocean/a5-07-01", site=f"home-{code}", node=f"pi-{home}",
               interval_s=1200, place_ja=ja, place_en=en)
        for home, code in (("a07", "a-07"), ("b03", "b-03"), ("c15", "c-15"))
        for room, ja, en in (("living", "居間", "living room"), ("kitchen", "台所", "kitchen"))
    ]  # fmt: skip
    found += [
        Device(id="cell-hall", model="generic/ascii-line", site="roof-hall", node="pi-town", interval_s=600,
               place_ja="=1+1" if evil else "屋根の梁", place_en="=1+1" if evil else "roof beam"),
        Device(id="cell-old", model="generic/ascii-line", site="roof-old", node="pi-town", interval_s=600,
               place_ja="軒先", place_en="eaves"),
    ]  # fmt: skip
    found += [
        Device(id=f"probe-{place}-{depth}", model="seeed/soil", site=f"field-{place}", node="pi-town", interval_s=600,
               depth_cm=depth, place_ja=f"{depth} cm", place_en=f"{depth} cm")
        for place in ("east", "west")
        for depth in (10, 20, 40)
    ]  # fmt: skip
    return found


class Parts(NamedTuple):
    """What `open_town` yields: the context, and the clock that tests may move."""

    context: Context
    clock: "Clock"
    folder: Path


class Clock:
    """A clock in the test's hand."""

    def __init__(self, now_us: int = NOW_US) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us

    def pass_s(self, seconds: float) -> None:
        self.now_us += round(seconds * 1e6)


class Built(NamedTuple):
    """A town as it lies in a folder, with its state at `NOW_US`."""

    folder: Path
    state: TownState


def build(folder: Path) -> Built:
    """Bring seventeen days through ingest, forwarder and watch, the last minutes one by one."""
    clock, steady = Clock(NOW_US - (LIVE_MINUTES + 1) * MINUTE_US), [0.0]
    registry = Registry(TENANT, NODES, sites(), devices(), KEYS)
    journal, store = Journal(folder / "journal.db"), SqliteStore(folder / "points.db")
    engine = open_records(folder / "records.db")
    ledger = Ledger(engine)
    window = Window(sites(), devices(), NODES, now_us=clock, monotonic_s=lambda: steady[0])
    watch = Watch(window, rules.load(), sites(), devices(), NODES, ledger, now_us=clock, monotonic_s=lambda: steady[0])
    ingest = Ingest(journal, registry, {}, clock)
    forwarder = Forwarder(journal, store, registry, [window.take], clock)
    senders = Senders(_past())
    for start_us in range(NOW_US - DAYS * 24 * HOUR_US, clock() + 1, 6 * HOUR_US):
        ingest.take(list(senders.messages(start_us, min(start_us + 6 * HOUR_US, clock() + 1))))
    ingest.take([Message("satomori/1/014729/pi-town/data", b'{"v":1,"node":"pi-town"')])
    _forward(forwarder)
    state = watch.states()
    for _ in range(LIVE_MINUTES + 1):
        clock.pass_s(60)
        steady[0] += 60
        ingest.take(list(senders.messages(clock() - MINUTE_US + 1, clock() + 1)))
        _forward(forwarder)
        state = watch.step(clock())
    journal.flush()
    people = People(engine, clock)
    for role in ROLES:
        people.users.add(f"{role}1", role, PASSWORD)
    engine.dispose()
    journal.close()
    store.close()
    return Built(folder, state)


def _forward(forwarder: Forwarder) -> None:
    while forwarder.listen() or forwarder.forward():
        pass


def _past() -> dict[str, list[Column]]:
    tens = np.arange(NOW_US - DAYS * 24 * HOUR_US, NOW_US + 1, TEN_US)
    rng = np.random.default_rng(7)
    by_node: dict[str, list[Column]] = {node.id: [] for node in NODES}
    for node, start, quiet in (("pi-a07", 3, QUIET_MINUTES), ("pi-b03", 5, 130), ("pi-c15", 9, 25)):
        heard = tens[tens < NOW_US - 2 * HOUR_US] if node == "pi-b03" else tens
        by_node[node] += [_column(node, "outbox_depth", heard, np.zeros(heard.size))]
        moved = np.flatnonzero(minutes(DAYS, start)[: DAYS * DAY - quiet])
        at_us = NOW_US - DAYS * 24 * HOUR_US + moved * MINUTE_US
        for number, room in enumerate(("living", "kitchen")):
            device = f"pir-{node[3:]}-{room}"
            mine = at_us[(moved // 7) % 2 == number]
            by_node[node] += [
                _column(device, "motion", mine, np.ones(mine.size)),
                _column(device, "battery_v", heard, 2.9 - 0.01 * rng.random(heard.size)),
                _column(device, "rssi_dbm", heard, -78.0 - np.round(8 * rng.random(heard.size))),
            ]
    by_node["pi-town"] += _outside(tens, rng)
    return by_node


def _outside(tens: NDArray[np.int64], rng: np.random.Generator) -> list[Column]:
    size = tens.size
    ramp = np.clip((np.arange(size) - size + 2 * 144) / (2 * 144), 0, 1)
    found = [
        _column("pi-town", "outbox_depth", tens, np.where(np.arange(size) % 900 == 500, 40.0, 0.0)),
        _column("cell-hall", "snow_load_kg_m2", tens, np.round(214 + 149 * ramp + rng.normal(0, 1, size), 1)),
        _column("cell-old", "snow_load_kg_m2", tens, np.round(338 + rng.normal(0, 1, size), 1)),
    ]
    for place in ("east", "west"):
        for depth in (10, 20, 40):
            day = 1.2 * np.sin(2 * np.pi * np.arange(size) / 144) * 10 / depth
            values = np.round(26 + depth / 4 + day + rng.normal(0, 0.12, size), 1)
            if (place, depth) == ("east", 40):
                values[-150:] = 41.2
            device = f"probe-{place}-{depth}"
            found.append(_column(device, "soil_moisture_vwc_pct", tens, values))
            found.append(_column(device, "soil_temperature_c", tens, np.round(1.5 + day / 3, 1)))
    return found


def _column(device: str, quantity: str, at_us: NDArray[np.int64], values: NDArray[np.float64]) -> Column:
    return Column(device, quantity, at_us.tolist(), values.tolist())


class Senders:
    """Every node's outbox: numbers its batches and counts its readings."""

    def __init__(self, by_node: dict[str, list[Column]]) -> None:
        self._by_node = by_node
        self._sent = {node.id: (0, 0) for node in NODES}

    def messages(self, start_us: int, end_us: int) -> Iterator[Message]:
        """One batch of each node that has something between."""
        for node in NODES:
            found = [cut for one in self._by_node[node.id] if (cut := _cut(one, start_us, end_us)).times_us]
            if found:
                seq, total = self._sent[node.id]
                self._sent[node.id] = seq, total = seq + 1, total + sum(len(one.times_us) for one in found)
                batch = Batch(
                    node=node.id, epoch="0123456789abcdef", seq=seq, clock="synced", read_total=total, columns=found
                )
                topic = envelope.topic(TENANT, node.id, "data")
                yield Message(topic, envelope.encode(batch, KEYS[node.id], sealed=node.sealed))


def _cut(column: Column, start_us: int, end_us: int) -> Column:
    pairs = [(t, x) for t, x in zip(column.times_us, column.values, strict=True) if start_us <= t < end_us]
    return Column(column.device, column.quantity, [t for t, _ in pairs], [x for _, x in pairs])


@contextmanager
def open_town(
    built: Built,
    folder: Path,
    *,
    evil: bool = False,
    public_url: str = "",
    mailbox: Path | None = None,
    state: Callable[[], TownState] | None = None,
    roles: Callable[[], Sequence[RoleState]] = tuple,
    empty: bool = False,
) -> Iterator[Parts]:
    """The town in a folder of its own, to be changed at will; `empty`: nobody may sign in yet."""
    shutil.copytree(built.folder, folder, dirs_exist_ok=True)
    clock = Clock()
    journal, store = Journal(folder / "journal.db"), SqliteStore(folder / "points.db")
    engine = open_records(folder / "records.db")
    if empty:
        with engine.begin() as connection:
            connection.execute(delete(user_table))
    try:
        yield Parts(
            Context(
                town=TOWN,
                registry=Registry(TENANT, NODES, sites(evil), devices(evil), KEYS),
                store=store,
                journal=journal,
                ledger=Ledger(engine),
                people=People(engine, clock),
                rules=rules.load(),
                state=state or (lambda: built.state),
                now_us=clock,
                roles=roles,
                broker_kind="mosquitto",
                public_url=public_url,
                mailbox=mailbox,
            ),
            clock,
            folder,
        )
    finally:
        engine.dispose()
        journal.close()
        store.close()
