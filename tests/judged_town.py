"""A town under judgement with every clock in the test's hand: one field, one roof, two homes, three nodes."""

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from firmware_bridge.reading import Column
from gateway import rules
from gateway.alerts import Alert
from gateway.alerts.ledger import Ledger
from gateway.records import open_records
from gateway.settings import Device, Node, Site
from gateway.states import TownState
from gateway.store import Entry
from gateway.watch import Watch
from gateway.window import Window

TOKYO = ZoneInfo("Asia/Tokyo")
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
START_US = 1_799_982_000_000_000  # 2027-01-15, 12:00 in Japan
DESIGN_KG_M2 = 600.0
SITES = [
    Site(id="home-a07", kind="home", label_ja="A-07", label_en="A-07"),
    Site(id="home-b02", kind="home", label_ja="B-02", label_en="B-02"),
    Site(id="roof-hall", kind="roof", label_ja="公民館", label_en="Hall", limits={"snow_load_kg_m2": DESIGN_KG_M2}),
    Site(id="roof-old", kind="roof", label_ja="空き家", label_en="Old house"),
    Site(id="field-east", kind="field", label_ja="東の畑", label_en="East field"),
]
NODES = [Node(id="pi-a07"), Node(id="pi-b02"), Node(id="pi-town", place_ja="公民館の2階", place_en="Hall, upstairs")]
DEVICES = [
    Device(id="pir-a07", model="x/pir", site="home-a07", node="pi-a07", interval_s=1200, place_ja="居間"),
    Device(id="door-a07", model="x/door", site="home-a07", node="pi-a07", interval_s=1200, place_ja="玄関"),
    Device(id="pir-b02", model="x/pir", site="home-b02", node="pi-b02", interval_s=1200),
    Device(id="cell-hall", model="x/cell", site="roof-hall", node="pi-town", interval_s=600),
    Device(id="cell-old", model="x/cell", site="roof-old", node="pi-town", interval_s=600),
    Device(id="probe-1", model="x/probe", site="field-east", node="pi-town", interval_s=600),
    Device(id="probe-2", model="x/probe", site="field-east", node="pi-town", interval_s=600),
]  # fmt: skip


class JudgedTown:
    """`hear` brings readings, `pass_time` lets minutes go by with a judgement each."""

    def __init__(self, folder: Path, *, grace_s: float = 180.0) -> None:
        self.now_us = START_US
        self.steady_s = 0.0
        self.ready = True
        self.online: dict[str, bool] = {}
        self.engine = open_records(folder / "records.db")
        self.ledger = Ledger(self.engine, TOKYO)
        self.window = Window(SITES, DEVICES, NODES, zone=TOKYO, now_us=self.clock, monotonic_s=self.steady)
        self.watch = self.make_watch(grace_s)
        self._number = 0

    def make_watch(self, grace_s: float = 180.0) -> Watch:
        return Watch(
            self.window,
            rules.load(),
            SITES,
            DEVICES,
            NODES,
            self.ledger,
            grace_s=grace_s,
            now_us=self.clock,
            monotonic_s=self.steady,
            broker_ready=lambda: self.ready,
            node_online=lambda: self.online,
        )

    def clock(self) -> int:
        return self.now_us

    def steady(self) -> float:
        return self.steady_s

    def hear(self, node: str, values: Mapping[str, float], time_us: int | None = None) -> None:
        """One message of a node: values by `device/quantity`."""
        time_us = self.now_us if time_us is None else time_us
        self.take(node, [Column(*name.split("/"), [time_us], [value]) for name, value in values.items()])

    def take(self, node: str, columns: list[Column]) -> None:
        self._number += 1
        entry = Entry(id=self._number, tenant="014729", source=node, received_us=self.now_us, columns=columns)
        self.window.take([entry])

    def hear_everybody(self, time_us: int | None = None, **values: float) -> None:
        """A calm sweep of the whole town; `values` replaces some (`cell_hall=540`)."""
        self.hear("pi-a07", {"pi-a07/outbox_depth": 0, "pir-a07/battery_v": 3.0, "door-a07/battery_v": 3.0}, time_us)
        self.hear("pi-b02", {"pi-b02/outbox_depth": 0, "pir-b02/battery_v": 3.0}, time_us)
        at_us = self.now_us if time_us is None else time_us
        wobble = (at_us // (10 * MINUTE_US)) % 7 * 0.1
        calm = {
            "cell-hall/snow_load_kg_m2": values.get("cell_hall", 120 + wobble),
            "cell-old/snow_load_kg_m2": values.get("cell_old", 480 + wobble),
            "probe-1/soil_moisture_vwc_pct": values.get("probe_1", 31 + wobble),
            "probe-2/soil_moisture_vwc_pct": values.get("probe_2", 28 + wobble),
        }
        self.hear("pi-town", calm, time_us)

    def pass_time(self, minutes: int, *, quietly: bool = False, **values: float) -> TownState:
        """Minute by minute: everybody is heard (unless `quietly`) and judged."""
        state = self.watch.states()
        for _ in range(minutes):
            self.now_us += MINUTE_US
            self.steady_s += 60
            if not quietly:
                self.hear_everybody(**values)
            state = self.watch.step(self.now_us)
        return state

    def open(self) -> dict[tuple[str, str], Alert]:
        """Open alerts by (rule, subject)."""
        return {(alert.rule, alert.subject): alert for alert in self.ledger.open()}

    def close(self) -> None:
        self.engine.dispose()
