"""How this node is, as readings under the node's own id. What the computer does not tell is left out."""

import ctypes
import gc
import os
from pathlib import Path

from firmware_bridge.reading import Reading

_TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")
_OWN_IO = Path("/proc/self/io")
_OWN_MEMORY = Path("/proc/self/statm")
_BOARD = Path("/proc/device-tree/model")


def readings(folder: Path, outbox_depth: int, frames_rejected: int) -> tuple[Reading, ...]:
    """The node's health now; `folder` is where the outbox lies, on whose disk the free space is told."""
    found = [
        Reading("outbox_depth", float(outbox_depth)),
        Reading("frames_rejected", float(frames_rejected)),
    ]
    measured = {
        "cpu_temperature_c": _cpu_temperature_c(),
        "disk_free_mb": _disk_free_mb(folder),
        "disk_written_kb": _disk_written_kb(),
        "memory_rss_mb": memory_rss_mb(),
    }
    found += [Reading(name, round(value, 1)) for name, value in measured.items() if value is not None]
    return tuple(found)


def board() -> str:
    """What the computer calls itself; empty where it does not."""
    try:
        return _BOARD.read_text("utf-8").strip("\0 \n")[:100]
    except (OSError, UnicodeDecodeError):
        return ""


def memory_rss_mb() -> float | None:
    """Resident memory of this process."""
    try:
        return int(_OWN_MEMORY.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError, IndexError):
        return None


def _cpu_temperature_c() -> float | None:
    try:
        value_c = int(_TEMPERATURE.read_text("ascii")) / 1000.0
    except (OSError, ValueError):
        return None
    return value_c if -40 <= value_c <= 125 else None


def _disk_free_mb(folder: Path) -> float | None:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize / 1e6


def _disk_written_kb() -> float | None:
    try:
        text = _OWN_IO.read_text("ascii")
    except OSError:
        return None
    return next((int(line.split()[1]) / 1e3 for line in text.splitlines() if line.startswith("write_bytes:")), None)


def let_go_of_memory() -> None:
    """Hand memory that nothing uses any more back to the system; after imports that is some megabytes."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; another C library may have none
    if trim is not None:
        trim(0)
