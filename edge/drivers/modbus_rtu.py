"""Modbus RTU on an RS-485 pair: several units on one bus, asked one after the other.

Which registers a unit is asked for is its model's affair (`Model.registers`); the frame's payload is the reply as it
stood on the bus, its port the first register. A reply is believed only if it answers the request it follows: what
arrived unasked is thrown away before each request, so a late reply is never taken for the next one's.

A unit that does not answer is lost: it is asked once only, ever more seldom, so it takes little of the others' time.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge import ports
from edge.drivers import Ear
from edge.ports import Port
from firmware_bridge import codecs, modbus
from firmware_bridge.errors import DecodeError, FrameError
from firmware_bridge.reading import Frame, Id

MAX_PAUSE_S = 900.0
_BUSY = frozenset({"modbus-exception-5", "modbus-exception-6"})  # acknowledge, device busy: ask again


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One device on the bus. `function`: 3 holding, 4 input registers. `interval_s`: 0 is the model's own."""

    id: Id
    model: str
    unit: Annotated[int, msgspec.Meta(ge=1, le=247)]
    function: Literal[3, 4] = 3
    interval_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class Poll:
    """When one unit is asked next, in seconds of a clock that never jumps."""

    def __init__(self, unit: Unit, now_s: float) -> None:
        model = codecs.models()[unit.model][0]
        self.unit = unit
        self.first, count = model.registers or (0, 1)
        self.request = modbus.read_request(unit.unit, unit.function, self.first, count)
        self.interval_s = unit.interval_s or model.interval_s
        self.due_s = now_s
        self.failures = 0

    def answered(self, now_s: float) -> None:
        """Ask again an interval after it was due, or from now on where that has passed."""
        self.failures = 0
        self.due_s = max(self.due_s + self.interval_s, now_s)

    def failed(self, now_s: float) -> None:
        """Ask ever more seldom: 1, 2, 4 … intervals, at most a quarter of an hour (or the interval)."""
        pause_s = self.interval_s * 2 ** min(self.failures, 20)
        self.failures += 1
        self.due_s = now_s + max(self.interval_s, min(pause_s, MAX_PAUSE_S))


class ModbusRtu(msgspec.Struct, frozen=True, kw_only=True):
    """A bus of Modbus units.

    `timeout_s`: for one reply. `retries`: tries a poll while the unit is known to answer; a lost unit has one.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    port: Annotated[str, msgspec.Meta(min_length=1)]
    device: tuple[Unit, ...]
    baud: Annotated[int, msgspec.Meta(ge=300, le=1_000_000)] = 9600
    parity: ports.Parity = "N"
    stop_bits: Literal[1, 2] = 1
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=10)] = 0.5
    retries: Annotated[int, msgspec.Meta(ge=1, le=3)] = 3

    def __post_init__(self) -> None:
        """Two units of one address would answer at once."""
        units = [one.unit for one in self.device]
        doubles = sorted({str(one) for one in units if units.count(one) > 1})
        if doubles or not units:
            raise ValueError(f"unit addresses that differ, at least one; {', '.join(doubles) or 'none'} given twice")

    def devices(self) -> tuple[Unit, ...]:
        """Every unit on the bus."""
        return self.device

    def links(self) -> tuple[str, ...]:
        """Models that speak Modbus RTU."""
        return ("modbus-rtu",)

    def anchored(self, folder: Path) -> "ModbusRtu":
        """Ports do not count from a folder."""
        del folder
        return self

    def resumes(self) -> str:
        """A bus has no position."""
        return ""

    def frames(self, ear: Ear) -> Iterator[Frame]:
        """One frame for each answered poll."""
        line = ports.Line(baud=self.baud, parity=self.parity, stop_bits=self.stop_bits)
        with ports.opened(self.port, line) as port:
            polls = [Poll(unit, time.monotonic()) for unit in self.device]
            while not ear.stop.is_set():
                poll = min(polls, key=lambda one: one.due_s)
                wait_s = poll.due_s - time.monotonic()
                if wait_s > 0:
                    ear.stop.wait(min(wait_s, 1.0))
                    continue
                reply = self._poll(port, poll, ear)
                if reply is None:
                    poll.failed(time.monotonic())
                    continue
                poll.answered(time.monotonic())
                unit = poll.unit
                yield Frame(device=unit.id, model=unit.model, payload=reply, time_us=ear.now_us(), port=poll.first)

    def _poll(self, port: Port, poll: Poll, ear: Ear) -> bytes | None:
        reason, detail, heard = "modbus-silent", "no answer", b""
        for _ in range(1 if poll.failures else self.retries):
            try:
                heard = self._ask(port, poll.request, ear)
                if heard:
                    return answer_in(poll.request, heard)
            except DecodeError as error:
                reason, detail = error.code, error.detail
                if error.code not in _BUSY:
                    break
            except FrameError as error:
                reason, detail = f"modbus-{error.code}", error.detail
            if ear.stop.is_set():
                return None
        if not poll.failures:
            ear.reject(reason, f"unit {poll.unit.unit}: {detail}", heard, poll.unit.id)
        return None

    def _ask(self, port: Port, request: bytes, ear: Ear) -> bytes:
        """What was heard within the timeout: enough for an answer, or all there was."""
        silence_s = max(0.00175, 3.5 * 11 / self.baud)
        ear.stop.wait(silence_s)
        port.discard_input()
        port.write(request)
        heard = b""
        until_s = time.monotonic() + self.timeout_s
        while (left_s := until_s - time.monotonic()) > 0 and not ear.stop.is_set():
            heard += port.read(512, timeout_s=min(left_s, 0.25))
            if _is_whole(request, heard):
                break
        return heard[:1024]


def _is_whole(request: bytes, heard: bytes) -> bool:
    if len(heard) < modbus.REFUSAL_BYTES:
        return False
    try:
        answer_in(request, heard)
    except FrameError:
        return False
    except DecodeError:
        return True
    return True


def answer_in(request: bytes, heard: bytes) -> bytes:
    """The answer to `request` among the bytes heard: noise before it and after it is cut away.

    FrameError where there is none (of the first try at the unit's address, else of the start). DecodeError where the
    unit refused.
    """
    length = modbus.response_length(request)
    first_error: FrameError | None = None
    for at in range(max(1, len(heard))):
        if heard[at : at + 1] != request[:1]:
            continue
        try:
            modbus.parse_response(request, heard[at : at + length])
        except FrameError as error:
            first_error = first_error or error
        else:
            return heard[at : at + length]
    raise first_error or FrameError("unit", f"no answer of unit {request[0]} in {len(heard)} bytes")


DRIVER = ModbusRtu
