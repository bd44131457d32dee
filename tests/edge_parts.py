"""Real parts for the edge's tests: a mosquitto of our own, a gateway that only answers receipts, serial lines."""

import getpass
import json
import os
import pty
import shutil
import socket
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from waiting import wait_until

from edge import capture
from edge.clock import Belief
from edge.nouns import Owner, Taken
from edge.outbox import Outbox
from firmware_bridge import envelope
from firmware_bridge.crc import xor8
from firmware_bridge.errors import EnvelopeError
from firmware_bridge.reading import Batch, Frame, Reading

TENANT, NODE = "014729", "node-1"
KEY = bytes(range(32))
OWNER = Owner(tenant=TENANT, node=NODE, key=KEY)
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin") or "mosquitto"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """A broker on a free port; `kill` and `start` again keep the port."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser {getpass.getuser()}\npersistence false\n"
            f"max_queued_messages 100000\nmax_inflight_messages 100\n{extra}\n"
        )
        self._log = folder / "mosquitto.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen([MOSQUITTO, "-c", str(self._config)], stdout=log, stderr=log)
        try:
            wait_until(self._answers, timeout_s=10)
        except AssertionError:
            self.kill()
            raise AssertionError(self._log.read_text()) from None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def mosquitto(folder: Path, extra: str = "") -> Iterator[Mosquitto]:
    broker = Mosquitto(folder, extra)
    try:
        yield broker
    finally:
        broker.kill()


class FakeGateway:
    """Commits batches in memory under (epoch, seq) and answers each with a receipt, as the contract of the wire says.

    `answers` off: takes everything in and says nothing. `marks` has the contiguous mark and ranges of each epoch.
    """

    def __init__(self, port: int, key: bytes = KEY, node: str = NODE) -> None:
        self.key, self.node = key, node
        self.batches: dict[tuple[str, int], Batch] = {}
        self.payloads: dict[tuple[str, int], bytes] = {}
        self.arrivals: list[tuple[str, int]] = []
        self.conflicts: list[tuple[str, int]] = []
        self.refused: list[str] = []
        self.states: list[bytes] = []
        self.answers = True
        self._guard = threading.Lock()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gateway", protocol=MQTTProtocolVersion.MQTTv5)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.reconnect_delay_set(1, 1)
        client.connect_async("127.0.0.1", port, keepalive=20)
        client.loop_start()
        self.client = client

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe([(envelope.topic(TENANT, "+", "data"), 1), (envelope.topic(TENANT, "+", "state"), 1)])

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/state"):
            self.states.append(bytes(message.payload))
            return
        payload = bytes(message.payload)
        try:
            batch = envelope.decode(payload, lambda _: self.key)
        except EnvelopeError as error:
            self.refused.append(error.code)
            return
        key = (batch.epoch, batch.seq)
        with self._guard:
            self.arrivals.append(key)
            if self.payloads.setdefault(key, payload) != payload:
                self.conflicts.append(key)
            self.batches.setdefault(key, batch)
        if self.answers:
            self.receipt(batch.epoch)

    def covered(self, epoch: str) -> list[tuple[int, int]]:
        with self._guard:
            mine = [(seq, seq) for (other, seq) in self.batches if other == epoch]
            mine += [(gap.first, gap.last) for key, b in self.batches.items() if key[0] == epoch for gap in b.gaps]
        merged: list[tuple[int, int]] = []
        for first, last in sorted(mine):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return merged

    def receipt(self, epoch: str, *, seq: int | None = None, resync: bool = False, key: bytes | None = None) -> None:
        ranges = self.covered(epoch)
        mark = ranges[0][1] if ranges and ranges[0][0] == 1 else 0
        above = [one for one in ranges if one[0] > mark][:64]
        receipt = envelope.Receipt(
            node=self.node,
            epoch=epoch,
            seq=mark if seq is None else seq,
            ranges=above if seq is None else [],
            resync=resync,
        )
        topic = envelope.topic(TENANT, self.node, "receipt")
        self.client.publish(topic, envelope.encode_receipt(receipt, key or self.key), qos=1, retain=True)

    def readings(self) -> list[tuple[str, str, int, float]]:
        """Every reading that was committed, once for each time it is in the store."""
        with self._guard:
            return [
                (column.device, column.quantity, time_us, value)
                for batch in self.batches.values()
                for column in batch.columns
                for time_us, value in zip(column.times_us, column.values, strict=True)
            ]

    def seqs(self) -> set[tuple[str, int]]:
        with self._guard:
            return set(self.batches)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def fake_gateway(port: int, key: bytes = KEY) -> Iterator[FakeGateway]:
    gateway = FakeGateway(port, key)
    try:
        yield gateway
    finally:
        gateway.close()


def _target(handle: Path) -> str:
    try:
        return str(handle.readlink())
    except OSError:
        return ""


class Wire:
    """A pseudo-terminal: the test holds the far end, the driver opens `path`."""

    def __init__(self) -> None:
        self.far, self._near = pty.openpty()
        tty.setraw(self._near)
        self.path = os.ttyname(self._near)

    def say(self, data: bytes) -> None:
        os.write(self.far, data)

    def hear(self, limit: int = 1024) -> bytes:
        return os.read(self.far, limit)

    def wait_opened(self) -> None:
        """Until a driver of this process has opened the near end and thrown away what stood there."""
        wait_until(lambda: sum(_target(handle) == self.path for handle in Path("/proc/self/fd").iterdir()) >= 2)
        threading.Event().wait(0.05)

    def unplug(self) -> None:
        for handle in (self.far, self._near):
            if handle >= 0:
                os.close(handle)
        self.far = self._near = -1


@contextmanager
def wire() -> Iterator[Wire]:
    one = Wire()
    try:
        yield one
    finally:
        one.unplug()


class Answering(threading.Thread):
    """The far end of a wire, played by `answer(bytes) -> list of chunks to say`, until closed."""

    def __init__(self, line: Wire, answer: Callable[[bytes], list[bytes]]) -> None:
        super().__init__(daemon=True)
        self._line = line
        self._answer = answer
        self._ended = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self.start()

    def run(self) -> None:
        import select

        while not self._ended.is_set():
            readable, _, _ = select.select([self._line.far, self._wake_read], [], [], 5)
            if self._line.far in readable:
                for chunk in self._answer(self._line.hear()):
                    self._line.say(chunk)

    def close(self) -> None:
        self._ended.set()
        os.write(self._wake_write, b"\0")
        self.join(5)
        os.close(self._wake_read)
        os.close(self._wake_write)


class Node:
    """A node's folder: configuration and key; starts `satomori-edge` as a process of its own."""

    def __init__(self, folder: Path, port: int, drivers: str, **tables: str) -> None:
        self.folder = folder
        self.config = folder / "node.toml"
        self.truth = folder / "truth.txt"
        self.log = folder / "agent.log"
        (folder / "node.key").write_text(KEY.hex() + "\n")
        sections = {
            "node": f'id = "{NODE}"\ntenant = "{TENANT}"\nkey_file = "node.key"\nclock = "trust"',
            "broker": f"port = {port}\nkeepalive_s = 5",
            "outbox": 'path = "outbox.db"\ngroup_s = 0.1',
            "uplink": "receipt_s = 2.0\nbacklog_rows_per_s = 0.0\nreconnect_max_s = 1.0",
            "health": "interval_s = 0.0",
        } | tables
        text = "\n".join(f"[{name}]\n{body}" for name, body in sections.items())
        self.config.write_text(f"{text}\n{drivers}", "utf-8")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "edge", *words]

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command(*(words or ("run", str(self.config), "--truth", str(self.truth)))),
                stderr=log,
                stdout=subprocess.DEVNULL,
                cwd=Path(__file__).parent.parent,
            )

    @contextmanager
    def running(self, *words: str) -> "Iterator[subprocess.Popen[bytes]]":
        process = self.start(*words)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def ask(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, cwd=Path(__file__).parent.parent, check=False
        )

    def report(self) -> dict[str, Any]:
        answer = self.ask("outbox", str(self.config), "--json")
        assert answer.returncode == 0, answer.stderr
        found: dict[str, Any] = json.loads(answer.stdout)
        return found

    def told(self) -> dict[tuple[str, int], int]:
        """The oracle: readings by (epoch, seq) of every commit that returned."""
        lines = self.truth.read_text("ascii").splitlines() if self.truth.exists() else []
        rows = [line.split() for line in lines if line.count(" ") == 2]
        return {(epoch, int(seq)): int(readings) for epoch, seq, readings in rows}


def line_driver(port: str, name: str = "scale", device: str = "scale-1", extra: str = "") -> str:
    return (
        f'[[driver]]\nkind = "line"\nname = "{name}"\nport = "{port}"\n{extra}\n'
        f'[[driver.device]]\nid = "{device}"\nmodel = "generic/line-load-cell"\n'
    )


def replay_driver(path: Path) -> str:
    return f'[[driver]]\nkind = "replay"\nname = "replay"\npath = "{path}"\n'


def load_line(value: float) -> bytes:
    body = f"LOAD={value:.1f}".encode()
    return body + f"*{xor8(body):02X}\r\n".encode()


def write_capture(path: Path, count: int, first_us: int = 1_769_904_000_000_000, step_us: int = 60_000_000) -> None:
    with path.open("wb") as file:
        for index in range(count):
            file.write(
                capture.encode(
                    Frame(
                        device="scale-1",
                        model="generic/line-load-cell",
                        payload=load_line(index / 10),
                        time_us=first_us + index * step_us,
                    )
                )
            )


class Hands:
    """A clock that moves only when told; wall and running time apart."""

    def __init__(self, wall_us: int = 1_770_000_000_000_000) -> None:
        self.wall_us = wall_us
        self.running_us = 5_000_000_000

    def wall(self) -> int:
        return self.wall_us

    def running(self) -> int:
        return self.running_us

    def move(self, seconds: float) -> None:
        self.wall_us += round(seconds * 1e6)
        self.running_us += round(seconds * 1e6)

    def belief(self, *, believed: bool = True, boot: str = "boot-1") -> Belief:
        return Belief(boot, self.wall_us - self.running_us, believed)


def open_outbox(path: Path, hands: Hands, **more: Any) -> Outbox:
    return Outbox(path, more.pop("owner", OWNER), now_us=hands.wall, running_us=hands.running, **more)


def load(hands: Hands, *values: float, device: str = "scale-1", quantity: str = "snow_load_kg_m2") -> Taken:
    return Taken(device=device, readings=tuple(Reading(quantity, value) for value in values), time_us=hands.wall_us)


def motion(hands: Hands, device: str = "motion-1") -> Taken:
    return load(hands, 1.0, device=device, quantity="motion")


def opened_batch(payload: bytes) -> Batch:
    return envelope.decode(payload, lambda _: KEY)
