"""LoRa without LoRaWAN: an E220-900T22S(JP) on a UART that hears nodes of our own (`firmware_bridge/c`).

The frame's payload is what the node sealed, its port the type of the radio frame. Only what opens with the key of a
listed node is believed, and each frame once: unknown senders, forgeries and repetitions are counted, told and refused.
The driver never transmits. A plan that breaks ARIB STD-T108 (`airtime`) is a mistake in the configuration, and a node
that is heard to speak more than its hour's share is told.

The module's mode is set by its pins M0 and M1, which a UART does not have: both low is how it must run. To write its
registers a person sets both high and `setup = true`; the driver then writes, reads back, and asks for the pins to be
set low again. While it runs, registers cannot be read; with `ambient_rssi = true` its noise level can, which tells a
module that is alive from one that is dead, asleep or at another baud rate.
"""

import math
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge import ports
from edge.drivers import Ear
from edge.errors import LinkError
from edge.heard import HeardFile
from edge.ports import Port
from firmware_bridge import airtime, e220, nodeframe
from firmware_bridge.errors import FrameError
from firmware_bridge.nodeframe import Receiver
from firmware_bridge.reading import Frame, Id

CHARACTER_BITS = 10
_ANSWER_S = 1.0
_SETTLE_S = 0.05
_NO_FRAME = frozenset({"short", "version", "header", "length"})


class RadioNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node by its number, with its key: a file of 32 hex digits.

    `interval_s`, `payload_bytes`: how often and how much it says at most; its time on the air is planned with them.
    """

    id: Id
    model: str
    node: Annotated[int, msgspec.Meta(ge=1, le=0xFFFE)]
    key_file: Annotated[str, msgspec.Meta(min_length=1)]
    interval_s: Annotated[float, msgspec.Meta(gt=0)] = 600.0
    payload_bytes: Annotated[int, msgspec.Meta(ge=1, le=nodeframe.MAX_PAYLOAD)] = 48


class E220(msgspec.Struct, frozen=True, kw_only=True):
    """A module, its network and the nodes that are believed.

    `tag_bytes`: the shortest seal that is believed. `clear_text`: believe unsealed frames of listed nodes too, for a
    test bench. `rssi_byte`, `ambient_rssi`: as in the module's registers. `quiet_s`: after so long a silence the noise
    level is asked for. `gap_s`: half a frame followed by so long a silence is noise. `state`: where it is kept which
    frames were heard.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    port: Annotated[str, msgspec.Meta(min_length=1)]
    net: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
    device: tuple[RadioNode, ...]
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    channel: Annotated[int, msgspec.Meta(ge=0, le=37)] = 0
    bandwidth_khz: Literal[125, 250, 500] = 125
    spreading: Annotated[int, msgspec.Meta(ge=5, le=11)] = 9
    power_dbm: Literal[13, 12, 7, 0] = 13
    address: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] = e220.BROADCAST
    rssi_byte: bool = True
    ambient_rssi: bool = False
    quiet_s: Annotated[float, msgspec.Meta(gt=0)] = 600.0
    tag_bytes: Literal[4, 6, 8] = 8
    clear_text: bool = False
    gap_s: Annotated[float, msgspec.Meta(gt=0)] = 0.25
    state: str = ""
    setup: bool = False

    def __post_init__(self) -> None:
        """Refuse doubles, rates and channels the module has not, and any plan that breaks the rules of the air."""
        numbers = [one.node for one in self.device]
        doubles = sorted({str(one) for one in numbers if numbers.count(one) > 1})
        if doubles:
            raise ValueError(f"node numbers that differ; {', '.join(doubles)} given twice")
        least_s = 3 * CHARACTER_BITS / self.baud
        if self.gap_s < least_s:
            raise ValueError(
                f"gap_s of at least {least_s:.4f} (three characters at {self.baud} baud), not {self.gap_s}"
            )
        self._registers()
        for one in self.device:
            try:
                airtime.check_plan(self.rule(), self.airtime_us(_frame_bytes(one.payload_bytes)), one.interval_s)
            except airtime.AirtimeError as error:
                raise ValueError(f"a plan that ARIB STD-T108 allows; {one.id}: {error.detail}") from error

    def devices(self) -> tuple[RadioNode, ...]:
        """Every node that is believed."""
        return self.device

    def links(self) -> tuple[str, ...]:
        """Models that speak our own radio frames."""
        return ("lora",)

    def anchored(self, folder: Path) -> "E220":
        """Key files and state count from `folder`."""
        devices = tuple(msgspec.structs.replace(one, key_file=str(folder / one.key_file)) for one in self.device)
        state = str(folder / (self.state or f"{self.name}.heard.json"))
        return msgspec.structs.replace(self, device=devices, state=state)

    def resumes(self) -> str:
        """Radio has no position."""
        return ""

    def frames(self, ear: Ear) -> Iterator[Frame]:
        """Each genuine frame of a listed node, once. LinkError where a key is missing or the module does not answer."""
        if self.setup:
            self._set_up(ear)
        keys = {one.node: _key(one) for one in self.device}
        with (
            closing(Listener(self, keys)) as listener,
            ports.opened(self.port, ports.Line(baud=self.baud)) as port,
        ):
            asked_s = -math.inf
            while not ear.stop.is_set():
                now_s = time.monotonic()
                chunk = b""
                if self.ambient_rssi and now_s - max(asked_s, listener.heard_s) >= self.quiet_s:
                    chunk = self._ask_noise(port, ear)
                    asked_s = time.monotonic()
                chunk += port.read(1024, timeout_s=min(0.25, self.gap_s))
                yield from listener.listen(chunk, ear)

    def _registers(self) -> e220.Registers:
        return e220.Registers(
            address=self.address,
            channel=self.channel,
            bandwidth_khz=self.bandwidth_khz,
            spreading=self.spreading,
            uart_baud=self.baud,
            power_dbm=self.power_dbm,
            rssi_byte=self.rssi_byte,
            ambient_rssi=self.ambient_rssi,
        )

    def rule(self) -> airtime.Rules:
        """What a transmitter may do on this channel."""
        return airtime.rules(self.channel, self.bandwidth_khz)

    def airtime_us(self, frame_bytes: int) -> int:
        """Time on the air of one radio frame of ours."""
        return e220.modulation(self.bandwidth_khz, self.spreading).airtime_us(frame_bytes)

    def _set_up(self, ear: Ear) -> None:
        """Write the registers and end: LinkError, which is not retried, says what is to be done next."""
        wanted = self._registers()
        with ports.opened(self.port, ports.Line(baud=e220.CONFIG_BAUD)) as port:
            for command in (e220.write_command(wanted), e220.read_command()):
                try:
                    found = e220.parse_registers(_ask(port, ear, command))
                except FrameError as error:
                    raise LinkError(
                        f"{self.port}: no answer to the set-up of an E220 ({error.detail}); M0 and M1 must both be high"
                    ) from error
                if found != wanted:
                    raise LinkError(f"{self.port}: wanted {wanted}, the module keeps {found}")
        raise LinkError(
            f"{self.port}: the module is set up and was read back; now set M0 and M1 low and remove `setup = true`",
            retryable=False,
        )

    def _ask_noise(self, port: Port, ear: Ear) -> bytes:
        """Ask for the noise level; what else was heard meanwhile is returned. LinkError where nothing answers."""
        port.write(e220.AMBIENT_REQUEST)
        heard, until_s = b"", time.monotonic() + _ANSWER_S
        while (left_s := until_s - time.monotonic()) > 0 and not ear.stop.is_set():
            heard += port.read(512, timeout_s=min(left_s, 0.25))
            for at in range(len(heard)):
                try:
                    e220.parse_ambient(heard[at:])
                except FrameError:
                    continue
                return heard[:at] + heard[at + e220.AMBIENT_ANSWER_BYTES :]
        if ear.stop.is_set():
            return heard
        raise LinkError(
            f"{self.port}: the module does not tell its noise level: dead, asleep, or not at {self.baud} baud"
        )


class Listener:
    """What one opening of the port hears: frames found, opened, judged and counted."""

    def __init__(self, radio: E220, keys: dict[int, bytes]) -> None:
        self._radio = radio
        self._devices = {one.node: one for one in radio.device}
        self._file = HeardFile(Path(radio.state or f"{radio.name}.heard.json"), keys)
        self._receiver = Receiver(
            radio.net,
            keys,
            heard=self._file.load(),
            min_tag_bytes=radio.tag_bytes,
            takes_clear=radio.clear_text,
        )
        self._packets = e220.Packets(self._opens, has_rssi=radio.rssi_byte, gap_us=round(radio.gap_s * 1e6))
        self._ledgers = {one.node: airtime.Ledger(radio.rule()) for one in radio.device}
        self._over: set[int] = set()
        self.heard_s = -math.inf

    def listen(self, chunk: bytes, ear: Ear) -> Iterator[Frame]:
        """Frames in these bytes; what was heard is kept on disk as it goes."""
        running_us = time.monotonic_ns() // 1000
        for piece in self._packets.feed(chunk, running_us):
            if not piece.is_frame:
                self._refuse_all(piece.raw, ear)
                continue
            self.heard_s = time.monotonic()
            frame = self._judge(piece, running_us, ear)
            if frame is not None:
                yield frame
        self._file.write(self._receiver.heard, time.monotonic())

    def close(self) -> None:
        """Keep at once what was heard."""
        self._file.write(self._receiver.heard, math.inf)

    def _opens(self, raw: bytes) -> bool:
        try:
            self._receiver.open(raw)
        except FrameError:
            return False
        return True

    def _judge(self, piece: e220.Piece, running_us: int, ear: Ear) -> Frame | None:
        said = self._receiver.open(piece.raw)
        device = self._devices[said.node]
        try:
            self._receiver.take(said)
        except FrameError as error:
            ear.reject(error.code, error.detail, piece.raw, device.id)
            return None
        if said.is_genuine:
            self._file.changed()
        self._account(said.node, len(piece.raw), running_us, ear)
        if said.kind != nodeframe.READINGS:
            ear.reject("type-unknown", f"wanted type {nodeframe.READINGS}, got {said.kind}", piece.raw, device.id)
            return None
        return Frame(
            device=device.id,
            model=device.model,
            payload=said.payload,
            time_us=ear.now_us(),
            port=said.kind,
            rssi_dbm=piece.rssi_dbm,
        )

    def _account(self, node: int, size: int, now_us: int, ear: Ear) -> None:
        """Count a frame against its sender's hour; what was lost on the way is not counted."""
        ledger, is_over = self._ledgers[node], node in self._over
        if airtime.account(ledger, self._radio.rule(), self._radio.airtime_us(size), now_us):
            self._over.discard(node)
        elif not is_over:
            self._over.add(node)
            used_s = ledger.used_us(now_us) / 1e6
            ear.reject("airtime-over", f"{used_s:.0f} s on the air within an hour", b"", self._devices[node].id)

    def _refuse_all(self, raw: bytes, ear: Ear) -> None:
        """Name every frame among bytes that did not open; what is left is noise."""
        at = noise_at = 0
        while at < len(raw):
            size = self._size_at(raw, at)
            if not size:
                at += 1
                continue
            _refuse_noise(raw[noise_at:at], ear)
            self._refuse(raw[at : at + size], ear)
            at = noise_at = min(len(raw), at + size + self._radio.rssi_byte)
        _refuse_noise(raw[noise_at:], ear)

    def _size_at(self, raw: bytes, at: int) -> int:
        """Bytes of a frame that stands whole at `at`; of a foreign network only where it is all that was heard."""
        try:
            header = nodeframe.parse(raw[at : at + nodeframe.HEADER_BYTES])
        except FrameError:
            return 0
        is_all = at == 0 and header.size in (len(raw), len(raw) - self._radio.rssi_byte)
        return header.size if at + header.size <= len(raw) and (header.net == self._radio.net or is_all) else 0

    def _refuse(self, raw: bytes, ear: Ear) -> None:
        device = self._devices.get(nodeframe.parse(raw).node)
        try:
            self._receiver.open(raw)
        except FrameError as error:
            code = "noise" if error.code in _NO_FRAME else error.code
            ear.reject(code, error.detail, raw, device.id if device and code != "net-foreign" else "")
        else:
            ear.reject("epoch-late", "opens only now that its epoch is known", raw, device.id if device else "")


def _refuse_noise(raw: bytes, ear: Ear) -> None:
    if raw:
        ear.reject("noise", f"{len(raw)} bytes that are no frame of ours", raw)


def _frame_bytes(payload_bytes: int) -> int:
    """The longest frame with such a payload: epoch told, tag of 8 bytes."""
    return nodeframe.HEADER_BYTES + 4 + payload_bytes + 8


def _key(one: RadioNode) -> bytes:
    try:
        key = bytes.fromhex(Path(one.key_file).read_text("ascii"))
    except (OSError, ValueError) as error:
        raise LinkError(f"{one.id}: {one.key_file}: wanted a file of 32 hex digits, got: {error}") from error
    if len(key) != nodeframe.KEY_BYTES:
        raise LinkError(f"{one.id}: {one.key_file}: wanted 32 hex digits, got {2 * len(key)}")
    return key


def _ask(port: Port, ear: Ear, command: bytes) -> bytes:
    """The registers a module answers. FrameError where it answers something else, or nothing."""
    ear.stop.wait(_SETTLE_S)
    port.discard_input()
    port.write(command)
    heard, until_s = b"", time.monotonic() + _ANSWER_S
    while True:
        try:
            return e220.parse_answer(heard, 0, e220.REGISTERS_BYTES)
        except FrameError as error:
            left_s = until_s - time.monotonic()
            if error.code != "short" or left_s <= 0 or ear.stop.is_set():
                raise
        heard += port.read(64, timeout_s=min(left_s, 0.25))


DRIVER = E220
