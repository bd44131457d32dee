"""Simulated sensors: what the world is at a moment → the bytes this product would say, by its own codec.

Every sensor has `device`, `model`, `port` and `payload(time_us)`; the payload is what a driver would hand to the codec.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from edge.simulator.noise import seed_of, smooth, white
from firmware_bridge import codecs, esp3, modbus
from firmware_bridge.reading import Frame, Reading

Measure = Callable[[int], Mapping[str, float]]  # time_us → value by quantity
_OTHER_MODE = {"dragino/lse01": ("soil_permittivity",)}  # what it tells only in a mode nobody here has chosen
_MONTH_S = 30 * 86_400


class Sensor(Protocol):
    """A device that measures when it is asked or when its time has come."""

    device: str
    model: str
    port: int

    def payload(self, time_us: int) -> bytes:
        """What it says at that moment."""
        ...


def heard(sensor: Sensor, time_us: int) -> Frame:
    """The frame a driver would have made of what the sensor says at that moment."""
    payload = sensor.payload(time_us)
    return Frame(device=sensor.device, model=sensor.model, payload=payload, time_us=time_us, port=sensor.port)


class Encoded:
    """A sensor whose model is one codec call away: lines, and LoRaWAN payloads of `port`."""

    def __init__(self, device: str, model: str, measure: Measure, port: int = 0) -> None:
        self.device, self.model, self.port = device, model, port
        self._measure = measure

    def payload(self, time_us: int) -> bytes:
        """The codec's bytes for what this model tells; a line without its end."""
        model = codecs.models()[self.model][0]
        values = self._measure(time_us)
        told = [name for name in model.quantities if name in values and name not in _OTHER_MODE.get(self.model, ())]
        readings = [Reading(name, round(values[name], 3)) for name in told]
        whole = codecs.encode(self.model, self.port, readings)
        return whole.removesuffix(b"\r\n") if model.link == "line" else whole


class Probe:
    """A Modbus soil probe at address `unit`. From `stuck_us` on it repeats the registers it had then."""

    def __init__(self, device: str, model: str, unit: int, measure: Measure, stuck_us: int | None = None) -> None:
        self.device, self.model, self.unit = device, model, unit
        self.port = self._registers()[0]
        self._measure, self._stuck_us = measure, stuck_us

    def _registers(self) -> tuple[int, int]:
        return codecs.models()[self.model][0].registers or (0, 1)

    def payload(self, time_us: int) -> bytes:
        """Its answer to the question for all its registers."""
        return self.answer(modbus.HOLDING, *self._registers(), time_us)

    def answer(self, function: int, first: int, count: int, time_us: int) -> bytes:
        """Its answer to a read of any registers: a refusal (2, illegal register) where it has not all of them."""
        start, size = self._registers()
        if not start <= first <= first + count <= start + size:
            return modbus.encode_exception(self.unit, function, 2)
        if self._stuck_us is not None:
            time_us = min(time_us, self._stuck_us)
        readings = [Reading(name, value) for name, value in self._measure(time_us).items()]
        registers = modbus.parse_reply(codecs.encode(self.model, start, readings)).registers
        return modbus.encode_response(self.unit, function, registers[first - start : first - start + count])


class RadioPart:
    """A battery-less or battery radio part in a home: says its state when it changes, and at times that it lives."""

    def __init__(self, seed: int, device: str, model: str, address: str) -> None:
        self.device, self.model, self.port = device, model, 0
        self._address = address
        self._seed = seed_of(seed, "radio", device)
        self.quantity = codecs.models()[model][0].quantities[0]
        self._has_battery = "battery_v" in codecs.models()[model][0].quantities

    def said(self, time_us: int, value: int) -> bytes:
        """The dongle's packet for this state, heard from this part's own address."""
        dbm = -62 + 6 * smooth(self._seed, time_us, 7_200) + 2 * white(self._seed + 1, time_us)
        readings = [Reading(self.quantity, value), Reading("rssi_dbm", round(dbm))]
        if self._has_battery:
            readings.append(Reading("battery_v", round(3.2 + 0.05 * smooth(self._seed + 2, time_us, _MONTH_S / 4), 3)))
        return esp3.readdressed(codecs.encode(self.model, 0, readings), self._address)

    def heard(self, time_us: int, value: int) -> Frame:
        """The frame of `said`."""
        return Frame(device=self.device, model=self.model, payload=self.said(time_us, value), time_us=time_us)
