"""A capture: frames written down as they were heard, one JSON object a line.

{"t_us":1769904000000000,"device":"probe-1","model":"generic/rs485-soil-7in1","port":0,"hex":"010302…"}
"""

from pathlib import Path
from types import TracebackType

import msgspec

from firmware_bridge.envelope import FIRST_US, LAST_US
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Frame, Id

MAX_LINE_BYTES = 4096


class _Line(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    t_us: int
    device: Id
    model: str
    hex: str
    port: int = 0
    rssi_dbm: float | None = None


_decoder = msgspec.json.Decoder(_Line)


def encode(frame: Frame) -> bytes:
    """One line, with its newline."""
    line = _Line(frame.time_us, frame.device, frame.model, frame.payload.hex(), frame.port, frame.rssi_dbm)
    return msgspec.json.encode(line) + b"\n"


def decode(line: bytes) -> Frame:
    """Frame of one line. DecodeError `capture` where it is not one, or its time is not between 2020 and 2100."""
    try:
        one = _decoder.decode(line)
        payload = bytes.fromhex(one.hex)
    except (ValueError, RecursionError) as error:
        raise DecodeError("capture", str(error)) from error
    if not FIRST_US <= one.t_us < LAST_US:
        raise DecodeError("capture", f"wanted t_us from 2020 to 2100 in microseconds, got {one.t_us}")
    return Frame(
        device=one.device,
        model=one.model,
        payload=payload,
        time_us=one.t_us,
        port=one.port,
        rssi_dbm=one.rssi_dbm,
    )


class Recorder:
    """Appends frames to a capture; each is handed to the system before the next, none is synced."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def write(self, frame: Frame) -> None:
        """Append one frame."""
        self._file.write(encode(frame))

    def __enter__(self) -> "Recorder":
        """Open since construction."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()
