"""Serial ports: named by identity, opened for us alone, every failure a LinkError.

A port is written as
- a path or a pyserial URL: `/dev/ttyUSB0`, `/dev/serial/by-id/…`, `socket://host:port`, `loop://`; a symbolic link is
  followed at every opening;
- `usb:VID:PID` or `usb:VID:PID:SERIAL`, hexadecimal as `lsusb` shows them;
- a USB serial number alone: `A50285BI`.

An identity is looked up at every opening, so a device that returns under another name is found again.
"""

import os
import termios
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal, Protocol

import msgspec
import serial

from edge.errors import LinkError

WRITE_TIMEOUT_S = 2.0
Parity = Literal["N", "E", "O"]


class PortInfo(Protocol):
    """What pyserial's scan tells about one port."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """How bytes stand on the line: 8 data bits always."""

    baud: int
    parity: Parity = "N"
    stop_bits: Literal[1, 2] = 1


def scan() -> list[PortInfo]:
    """Every serial port of this computer."""
    from serial.tools.list_ports import comports  # its memory is paid only where an identity has to be looked up

    return list(comports())


def identity(port: PortInfo) -> str:
    """The most lasting name of a scanned port; its path where it has no USB identity."""
    if port.vid is None or port.pid is None:
        return port.device
    serial_number = f":{port.serial_number}" if port.serial_number else ""
    return f"usb:{port.vid:04x}:{port.pid:04x}{serial_number}"


def resolve(port: str, scanned: Callable[[], Iterable[PortInfo]] = scan) -> str:
    """Path or URL to open for a configured port. LinkError where no device, or more than one, has that identity."""
    if "://" in port or port.startswith(("/", ".", "COM")):
        return port
    found = [one.device for one in scanned() if _matches(one, port)]
    if len(found) != 1:
        raise LinkError(f"{port}: wanted one device of that identity, found {', '.join(found) or 'none'}")
    return found[0]


def _matches(port: PortInfo, wanted: str) -> bool:
    if not wanted.startswith("usb:"):
        return port.serial_number == wanted
    return f"{identity(port)}:".lower().startswith(f"{wanted}:".lower())


class Port:
    """An open port. `read` returns what is there within `timeout_s`, at most `limit` bytes; b"" is silence."""

    def __init__(self, name: str, handle: serial.SerialBase) -> None:
        self.name = name
        self._handle = handle

    def read(self, limit: int, timeout_s: float) -> bytes:
        """Wait for the first byte, then take what else has arrived."""
        with _translated(self.name):
            self._handle.timeout = timeout_s
            first = bytes(self._handle.read(1))
            if not first or limit == 1:
                return first
            self._handle.timeout = 0
            return first + bytes(self._handle.read(limit - 1))

    def write(self, data: bytes) -> None:
        """Send all of it within two seconds."""
        with _translated(self.name):
            self._handle.write(data)
            self._handle.flush()

    def discard_input(self) -> bytes:
        """Throw away and return what has arrived unasked."""
        with _translated(self.name):
            self._handle.timeout = 0
            return bytes(self._handle.read(4096))


@contextmanager
def opened(port: str, line: Line) -> Iterator[Port]:
    """The port, exclusively ours until the block ends. LinkError where it is absent, busy or goes away."""
    with _translated(port):
        handle = serial.serial_for_url(
            resolve(port),
            baudrate=line.baud,
            parity=line.parity,
            stopbits=line.stop_bits,
            timeout=0,
            write_timeout=WRITE_TIMEOUT_S,
            exclusive=True,
        )
    try:
        yield Port(port, handle)
    finally:
        with suppress(serial.SerialException, OSError, termios.error):
            handle.close()


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except (serial.SerialException, OSError, termios.error, ValueError) as error:
        raise LinkError(f"{name}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return f"{os.strerror(number)} ({error})" if isinstance(number, int) else str(error)
