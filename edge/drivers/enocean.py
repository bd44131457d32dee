"""EnOcean radio through a serial dongle (ESP3, 57,600 baud): switches, motion and door sensors without batteries.

The frame's payload is the whole serial packet. Who sent it is known by the sender's address; an address that is not
listed is counted and told, never taken in. Repeaters say a telegram again within 100 ms: those are one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from edge import ports
from edge.drivers import Ear
from firmware_bridge import esp3
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Frame, Id

REPEAT_US = 100_000


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """One device by its radio address: 8 hex digits (12 for a 48-bit one), lower or upper case."""

    id: Id
    model: str
    address: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-fA-F]{8}|[0-9a-fA-F]{12})$")]


class Once:
    """Tells a telegram from its own repetitions within 100 ms."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, int, bytes], int] = {}

    def is_new(self, telegram: esp3.Telegram, now_us: int) -> bool:
        """True the first time; a clock that was set back forgets what it heard."""
        self._heard = {key: at for key, at in self._heard.items() if 0 <= now_us - at <= REPEAT_US}
        key = (telegram.sender, telegram.rorg, telegram.data)
        if key in self._heard:
            return False
        self._heard[key] = now_us
        return True


class EnOcean(msgspec.Struct, frozen=True, kw_only=True):
    """A dongle and the senders that are believed."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    port: Annotated[str, msgspec.Meta(min_length=1)]
    device: tuple[Sender, ...]
    baud: Annotated[int, msgspec.Meta(ge=9600, le=1_000_000)] = 57600

    def __post_init__(self) -> None:
        """One address is one device."""
        addresses = [one.address.lower() for one in self.device]
        doubles = sorted({one for one in addresses if addresses.count(one) > 1})
        if doubles:
            raise ValueError(f"addresses that differ; {', '.join(doubles)} given twice")

    def devices(self) -> tuple[Sender, ...]:
        """Every sender that is believed."""
        return self.device

    def links(self) -> tuple[str, ...]:
        """Models that speak EnOcean."""
        return ("enocean",)

    def anchored(self, folder: Path) -> "EnOcean":
        """Ports do not count from a folder."""
        del folder
        return self

    def resumes(self) -> str:
        """Radio has no position."""
        return ""

    def frames(self, ear: Ear) -> Iterator[Frame]:
        """Each telegram of a listed sender, once."""
        senders = {one.address.lower(): one for one in self.device}
        framer, once, noise = esp3.Esp3Framer(), Once(), 0
        with ports.opened(self.port, ports.Line(baud=self.baud)) as port:
            while not ear.stop.is_set():
                chunk = port.read(1024, timeout_s=0.25)
                packets = framer.feed(chunk) if chunk else framer.quiet()
                if framer.rejected > noise:
                    noise = framer.rejected
                    ear.reject("esp3-noise", "bytes that are no packet", chunk)
                for packet in packets:
                    frame = _frame(packet, senders, once, ear)
                    if frame is not None:
                        yield frame


def _frame(packet: esp3.Packet, senders: dict[str, Sender], once: Once, ear: Ear) -> Frame | None:
    raw = packet.to_bytes()
    try:
        telegram = esp3.parse_telegram(packet)
    except DecodeError as error:
        ear.reject(error.code, error.detail, raw)
        return None
    now_us = ear.now_us()
    if not once.is_new(telegram, now_us):
        return None
    sender = senders.get(telegram.sender)
    if sender is None:
        ear.reject("sender-unknown", f"{telegram.sender} is not listed at this node", raw)
        return None
    if telegram.learn:
        ear.reject("teach-in", f"{telegram.sender} teaches in, but devices are listed, not taught", raw, sender.id)
        return None
    return Frame(device=sender.id, model=sender.model, payload=raw, time_us=now_us, rssi_dbm=telegram.dbm)


DRIVER = EnOcean
