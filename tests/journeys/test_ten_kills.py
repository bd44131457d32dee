import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from town import SerialDevice, Town
from waiting import wait_until

from firmware_bridge.codecs import encode
from firmware_bridge.reading import Reading

KILLS = 10
NODE = "roof-node"
DRIVER = """
[[driver]]
kind = "line"
name = "scale"
port = "PORTS/scale"
[[driver.device]]
id = "scale-1"
model = "generic/line-load-cell"
"""


class Talker:
    """A load cell that says a new value fifty times a second, whether anybody listens or not."""

    def __init__(self, device: SerialDevice) -> None:
        self._device = device
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()

    def _talk(self) -> None:
        number = 0
        while not self._stop.wait(0.02):
            number += 1
            self._device.say(encode("generic/line-load-cell", 0, [Reading("snow_load_kg_m2", number % 1000)]) + b"\n")

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path, broker_mode="external")
    town.add_node(NODE, DRIVER)
    town.add("""
[[site]]
id = "store-2"
kind = "roof"
label_ja = "倉庫"
label_en = "Store"
[[device]]
id = "scale-1"
model = "generic/line-load-cell"
site = "store-2"
node = "roof-node"
""")
    yield town
    town.stop()


def committed(town: Town) -> set[tuple[str, int]]:
    """Rows that the outbox itself still holds: a kill can fall between its commit and the line that told of it."""
    with closing(sqlite3.connect(f"file:{town.folder / f'{NODE}.outbox.db'}?mode=ro", uri=True)) as outbox:
        epoch = next(iter(town.truth(NODE)))[0]
        return {(epoch, row[0]) for row in outbox.execute("SELECT seq FROM batch")}


def journaled(town: Town) -> list[tuple[str, int]]:
    sql = "SELECT epoch, seq FROM entry JOIN stream ON stream.id = entry.stream"
    return [(epoch, seq) for epoch, seq in town.query("journal.db", sql)]


@pytest.mark.mosquitto
@pytest.mark.parametrize("victim", ["edge", "gateway", "broker"])
def test_ten_kills_lose_nothing_double_nothing_and_invent_nothing(town: Town, victim: str) -> None:
    seed = {"edge": 11, "gateway": 22, "broker": 33}[victim]
    print(f"seed {seed}")
    dice = random.Random(seed)
    scale = SerialDevice(town.folder / "ports" / "scale")
    town.write()
    town.start_broker()
    town.start_gateway()
    town.start_edge(NODE)
    talker = Talker(scale)
    try:
        wait_until(lambda: town.stored() > 0, 40)
        for _ in range(KILLS):
            before = len(town.truth(NODE))
            threading.Event().wait(dice.uniform(0.1, 0.8))
            if victim == "edge":
                town.kill(NODE)
                town.start_edge(NODE)
            elif victim == "gateway":
                town.kill("gateway")
                town.start_gateway(wait=False)
            else:
                town.kill("broker")
                town.start_broker()
            wait_until(lambda before=before: len(town.truth(NODE)) > before, 40)
    finally:
        talker.stop()
    wait_until(lambda: set(town.truth(NODE)) <= set(journaled(town)), 60)
    truth, stored = town.truth(NODE), journaled(town)
    assert set(truth) - set(stored) == set(), "lost"
    assert len(stored) == len(set(stored)), "doubled"
    assert set(stored) - set(truth) <= committed(town), "invented"
    readings = town.query("journal.db", "SELECT sum(readings) FROM entry")[0][0]
    wait_until(lambda: town.stored() == readings, 30)
    assert sum(truth.values()) <= readings
    scale.unplug()
