"""Ingest end to end, in readings per CPU second of the gateway: MQTT QoS 1 → journal commit → receipt → store.

The gateway's roles run in a process of their own, whose CPU time is read; broker and publisher are other processes.
Beside it Telegraf, where it is installed, on the same readings (as line protocol, its own fastest format), without
any durability of its own: .ci/telegraf builds it.

    cd tests && python -m bench.ingest [--messages N]
"""

import argparse
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from bench.peers import Telegraf, find_telegraf
from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from parts import TENANT, influxd_path, start_broker, start_influxd

from firmware_bridge import envelope
from firmware_bridge.credentials import mqtt_password
from firmware_bridge.reading import Batch, Column
from gateway.forwarder import Forwarder
from gateway.ingest import Ingest
from gateway.inlets import inlets
from gateway.journal import Journal
from gateway.registry import Registry
from gateway.settings import Node
from gateway.store import Store
from gateway.store.influx import InfluxStore
from gateway.store.sqlite import SqliteStore
from gateway.subscription import Subscription

KEY = b"k" * 32
NODE = "bench-node"
SERIES = 10
QUANTITY = "soil_moisture_vwc_pct"
EPOCH = "0" * 16
START_US = 1_790_000_000_000_000
StoreMaker = Callable[[Path], Store]


def batches(messages: int, readings: int) -> list[Batch]:
    """`messages` batches of `readings` readings, spread over ten series."""
    per_series = readings // SERIES
    made = []
    for number in range(messages):
        times = [START_US + (number * per_series + k) * 60_000_000 for k in range(per_series)]
        columns = [
            Column(
                f"probe-{s}",
                "soil_moisture_vwc_pct",
                times,
                [20.0 + s + (number + k) % 97 / 10 for k in range(per_series)],
            )
            for s in range(SERIES)
        ]
        made.append(
            Batch(
                node=NODE,
                epoch="0" * 16,
                seq=number + 1,
                clock="synced",
                read_total=(number + 1) * readings,
                columns=columns,
            )
        )
    return made


def now_us() -> int:
    """The wall clock."""
    return time.time_ns() // 1000


def gateway(pipe: Connection, folder: str, port: int, password: str, make_store: StoreMaker) -> None:
    """The gateway's roles until told to stop; answers `cpu` with its CPU seconds and what it has stored."""
    registry = Registry(TENANT, [Node(id=NODE)], [], [], {NODE: KEY})
    journal = Journal(Path(folder) / "journal.db")
    store = make_store(Path(folder))
    subscription = Subscription(
        "127.0.0.1", port, "gateway", password, TENANT, Ingest(journal, registry, inlets(), now_us)
    )
    forwarder = Forwarder(journal, store, registry, [], now_us)
    stop = threading.Event()
    threads = [threading.Thread(target=role.run, args=(stop,)) for role in (forwarder, subscription)]
    for thread in threads:
        thread.start()
    while not subscription.connected:
        stop.wait(0.01)
    pipe.send("ready")
    while pipe.recv() == "cpu":
        pipe.send((time.process_time(), journal.last_id, forwarder.waiting))
    stop.set()
    for thread in threads:
        thread.join()
    journal.close()
    store.close()


def publish(port: int, username: str, password: str, topic: str, payloads: list[bytes]) -> None:
    """Send everything at QoS 1 as fast as the broker takes it."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=username, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set(username, password)
    client.max_inflight_messages_set(100)
    client.connect("127.0.0.1", port)
    client.loop_start()
    last: MQTTMessageInfo | None = None
    for payload in payloads:
        last = client.publish(topic, payload, qos=1)
    if last is not None:
        last.wait_for_publish(120)
    client.disconnect()
    client.loop_stop()


def measure(messages: int, readings: int, make_store: StoreMaker) -> float:
    """Readings per CPU second of the gateway for one size of batch."""
    users = {"gateway": "g" * 16, NODE: mqtt_password(KEY)}
    payloads = [envelope.encode(batch, KEY) for batch in batches(messages, readings)]
    with tempfile.TemporaryDirectory() as folder, start_broker(Path(folder), users) as broker:
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(
            target=gateway, args=(theirs, folder, broker.port, users["gateway"], make_store)
        )
        child.start()
        ours.recv()
        ours.send("cpu")
        before_s, _, _ = ours.recv()
        publish(broker.port, NODE, users[NODE], envelope.topic(TENANT, NODE, "data"), payloads)
        committed, waiting, now_s = 0, 1, before_s
        pause = threading.Event()
        while committed < messages or waiting:
            pause.wait(0.1)
            ours.send("cpu")
            now_s, committed, waiting = ours.recv()
        ours.send("stop")
        child.join(20)
    return messages * readings / (now_s - before_s)


def main() -> None:
    """Measure and print every line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=4000)
    messages = parser.parse_args().messages
    sizes = ((10, messages), (500, max(messages // 10, 1)))
    aims = {"sqlite": (50_000, 250_000), "influx": (100_000, 500_000)}
    for (readings, number), aim in zip(sizes, aims["sqlite"], strict=True):
        rate = measure(number, readings, lambda folder: SqliteStore(folder / "points.db"))
        print(f"ingest sqlite  {readings:>4} a message  {rate:>10,.0f} readings/CPU s  (aim {aim:,})", flush=True)
    if not influxd_path().is_file():
        print("ingest influx: not measured, influxd is not here (.ci/influxd builds it)")
        return
    with tempfile.TemporaryDirectory() as scratch, start_influxd(Path(scratch)) as influx:
        for (readings, number), aim in zip(sizes, aims["influx"], strict=True):
            bucket = f"bench-{readings}"

            def make(folder: Path, bucket: str = bucket) -> Store:
                store = InfluxStore(influx.url, influx.org, bucket, influx.token, folder / "rejects.db")
                store.ensure()
                return store

            rate = measure(number, readings, make)
            print(f"ingest influx  {readings:>4} a message  {rate:>10,.0f} readings/CPU s  (aim {aim:,})", flush=True)
            program = find_telegraf()
            if program is None:
                print("       telegraf: not measured, it is not here (.ci/telegraf builds it)")
                continue
            peer = Telegraf(program, influx, bucket).measure(batches(number, readings))
            print(
                f"       telegraf {readings:>3} a message  {peer:>10,.0f} readings/CPU s  → {rate / peer:.1f}×",
                flush=True,
            )


if __name__ == "__main__":
    main()
