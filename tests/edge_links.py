"""Drivers run as the agent runs them but without it, and the devices they are made for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from edge.clock import wall_us
from edge.drivers import Driver, Ear, enocean, line, modbus_rtu
from edge.errors import LinkError
from firmware_bridge import esp3, modbus
from firmware_bridge.reading import Frame


class Listening:
    """A driver in a thread, as the agent runs it but without the agent."""

    def __init__(self, driver: Driver, now_us: Callable[[], int] = wall_us) -> None:
        self.frames: list[Frame] = []
        self.rejected: list[tuple[str, str, bytes, str]] = []
        self.error: LinkError | None = None
        self.stop = threading.Event()
        self.ear = Ear(self.stop, now_us, lambda *facts: self.rejected.append(facts))
        self._driver = driver
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            for frame in self._driver.frames(self.ear):
                self.frames.append(frame)
        except LinkError as error:
            self.error = error

    def reasons(self) -> list[str]:
        return [reason for reason, *_ in self.rejected]


@contextmanager
def listening(driver: Driver, **more: Any) -> Iterator[Listening]:
    one = Listening(driver, **more)
    try:
        yield one
    finally:
        one.stop.set()
        one.thread.join(5)
        assert not one.thread.is_alive()


def scale(port: str, **more: Any) -> line.Line:
    device = line.Device(id="scale-1", model="generic/line-load-cell", interval_s=more.pop("interval_s", 0.0))
    return line.Line(name="scale", port=port, device=(device,), **more)


def bus(port: str, *units: int, **more: Any) -> modbus_rtu.ModbusRtu:
    devices = tuple(
        modbus_rtu.Unit(id=f"probe-{unit}", model="generic/rs485-soil-7in1", unit=unit, interval_s=0.05)
        for unit in units
    )
    return modbus_rtu.ModbusRtu(name="bus", port=port, device=devices, timeout_s=0.1, **more)


def radio(port: str) -> enocean.EnOcean:
    sender = enocean.Sender(id="motion-1", model="enocean/a5-07-01", address="04001A2B")
    return enocean.EnOcean(name="radio", port=port, device=(sender,))


def telegram(sender: str = "04001a2b", data: bytes = b"\x00\x00\xff\x08", **more: Any) -> bytes:
    return esp3.encode_telegram(esp3.Telegram(sender=sender, rorg=esp3.FOUR_BS, data=data, **more))


def soil(unit: int, registers: int = 7) -> bytes:
    return modbus.encode_response(unit, 3, [300 + unit, 215, 120, 65, 10, 20, 30][:registers])
