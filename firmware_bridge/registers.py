"""Modbus registers ↔ readings, by a table: what the RS-485 soil families share, which is everything but their tables.

Missing: FFFF, 7FFF and 8000 are what such probes send for "no value" (a signed register uses the last two only); the
reading is left out. A value its probe cannot measure refuses the whole frame as `implausible`: two families answer
the same question with other quantities in the same registers, and only such a value betrays the wrong profile.
"""

from collections.abc import Mapping, Sequence

import msgspec

from firmware_bridge import modbus
from firmware_bridge.errors import DecodeError, FrameError
from firmware_bridge.reading import Reading

_NO_VALUE_SIGNED = (0x7FFF, 0x8000)
_NO_VALUE = (0xFFFF, 0x7FFF, 0x8000)
_LEAST_SPECIAL = 0x7FFF


class Register(msgspec.Struct, frozen=True):
    """One register: value = raw ÷ `divisor`; `low`…`high` is what the probe can measure at all."""

    quantity: str
    divisor: int
    low: float
    high: float
    signed: bool = False


Table = Mapping[int, Register]


def decode(table: Table, quantities: Sequence[str], first: int, payload: bytes, rival: str) -> tuple[Reading, ...]:
    """Readings of a whole RTU reply whose first register is `first`; registers not in `quantities` are passed over.

    DecodeError: the codes of `modbus.parse_reply`, `no-value` where nothing is left, `implausible` naming `rival`,
    the family this probe may really be.
    """
    try:
        raws = modbus.parse_reply(payload).registers
    except FrameError as error:
        raise DecodeError(error.code, error.detail) from error
    readings = []
    for address, raw in enumerate(raws, first):
        register = table.get(address)
        if register is None or register.quantity not in quantities:
            continue
        if raw >= _LEAST_SPECIAL and raw in (_NO_VALUE_SIGNED if register.signed else _NO_VALUE):
            continue
        value = (raw - 0x10000 if register.signed and raw & 0x8000 else raw) / register.divisor
        if not register.low <= value <= register.high:
            raise implausible(f"{register.quantity} would be {value:g}", rival)
        readings.append(Reading(register.quantity, value))
    if not readings:
        raise DecodeError("no-value", f"registers {first} to {first + len(raws) - 1} hold no value this model has")
    return tuple(readings)


def implausible(what: str, rival: str) -> DecodeError:
    """The error for a value that no soil has: most likely the device is entered as the wrong model."""
    return DecodeError("implausible", f"{what}; is this probe of the {rival} family? Both answer on the same registers")


def encode(table: Table, first: int, count: int, readings: Sequence[Reading]) -> bytes:
    """Reply of unit 1, function 3, with `count` registers from `first`; what no reading fills says "no value".

    FrameError `register` for a value that no register holds.
    """
    values = {reading.quantity: reading.value for reading in readings}
    raws = []
    for address in range(first, first + count):
        register = table.get(address)
        if register is None or register.quantity not in values:
            raws.append(0x7FFF if register is not None and register.signed else 0xFFFF)
        else:
            raw = round(values[register.quantity] * register.divisor)
            raws.append(raw + 0x10000 if register.signed and raw < 0 else raw)
    return modbus.encode_response(1, modbus.HOLDING, raws)
