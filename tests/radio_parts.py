"""The LoRa driver in a thread over a pseudo-terminal, and frames as nodes seal them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waiting import wait_until

from edge.clock import wall_us
from edge.drivers import Ear
from edge.drivers.e220 import E220, RadioNode
from edge.errors import LinkError
from firmware_bridge import nodeframe
from firmware_bridge.reading import Frame

NET = 0x5A01
KEYS = {17: bytes(range(16)), 18: bytes(range(16, 32))}
STRANGER = bytes(range(100, 116))
RSSI = b"\xb0"
PAYLOAD = bytes.fromhex("01 10 f3")


class Stop(threading.Event):
    """Tells when it was asked first: the port is open then, and what was said before would be thrown away."""

    def __init__(self) -> None:
        super().__init__()
        self.was_asked = False

    def is_set(self) -> bool:
        self.was_asked = True
        return super().is_set()


class Listening:
    """The driver in a thread, as the agent runs it but without the agent."""

    def __init__(self, driver: E220) -> None:
        self.frames: list[Frame] = []
        self.rejected: list[tuple[str, str, bytes, str]] = []
        self.error: LinkError | None = None
        self.stop = Stop()
        self.ear = Ear(self.stop, wall_us, lambda *facts: self.rejected.append(facts))
        self._driver = driver
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            for frame in self._driver.frames(self.ear):
                self.frames.append(frame)  # one by one: the test looks on
        except LinkError as error:
            self.error = error

    def counts(self) -> dict[str, int]:
        reasons = [reason for reason, *_ in list(self.rejected)]
        return {reason: reasons.count(reason) for reason in set(reasons)}


@contextmanager
def listening(driver: E220) -> Iterator[Listening]:
    one = Listening(driver)
    wait_until(lambda: one.stop.was_asked or one.error is not None)
    try:
        yield one
    finally:
        one.stop.set()
        one.thread.join(5)
        assert not one.thread.is_alive()


def radio(folder: Path, port: str, **more: Any) -> E220:
    for node, key in KEYS.items():
        (folder / f"{node}.key").write_text(key.hex() + "\n")
    devices = tuple(
        RadioNode(id=f"node-{node}", model="satomori/node", node=node, key_file=f"{node}.key") for node in KEYS
    )
    keys: dict[str, Any] = {"name": "lora", "port": port, "net": NET, "device": devices, "gap_s": 0.1} | more
    return E220(**keys).anchored(folder)


def sealed(seq: int, *, node: int = 17, epoch: int = 3, key: bytes | None = None, **more: Any) -> bytes:
    said = nodeframe.Said(
        net=more.pop("net", NET),
        node=node,
        epoch=epoch,
        seq=seq,
        payload=more.pop("payload", PAYLOAD),
        kind=more.pop("kind", 1),
    )
    return nodeframe.encode(said, key or KEYS[node], **{"tells_epoch": True} | more)


def heard(one: Listening, count: int) -> None:
    wait_until(lambda: len(one.frames) + len(one.rejected) >= count)
