"""Whether this Pi's time can be believed, and the time itself.

A Pi has no battery-backed clock: it starts in the past and jumps when the network tells the time. So time here is

    wall = CLOCK_BOOTTIME + offset

and the offset moves only in `refresh`. What was stamped with an offset nobody believed can be put right later in the
same boot: add the difference of the offsets. Timers never use the wall clock.
"""

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from firmware_bridge.envelope import FIRST_US

_TIMESYNCD = Path("/run/systemd/timesync/synchronized")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR = 5  # adjtimex(2): the kernel's clock is not synchronised
_STEP_US = 1_000


class Belief(msgspec.Struct, frozen=True):
    """What is known of the time at one moment: the boot, the offset, and whether the wall clock is believed."""

    boot: str
    offset_us: int
    believed: bool


def kernel_is_synchronised() -> bool:
    """True once NTP set the clock: the kernel says so (chrony, ntpd, timesyncd), or timesyncd's own mark is there."""
    buffer = ctypes.create_string_buffer(512)  # struct timex is at most 208 bytes; modes = 0 only reads
    state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    return (state not in (-1, _TIME_ERROR)) or _TIMESYNCD.exists()


def boot_id() -> str:
    """The kernel's name of this boot; a constant where it has none."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return "unknown-boot"


def boottime_us() -> int:
    """Microseconds since boot, sleep included; never steps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def wall_us() -> int:
    """The wall clock, whatever it is worth."""
    return time.time_ns() // 1000


class Clock:
    """The node's clock.

    `mode`: auto believes NTP, trust believes the wall clock as it is. `newest_us`: the newest time this node is known
    to have written; an unbelieved clock starts there at the earliest, so that time does not run backwards.
    """

    def __init__(
        self,
        mode: Literal["auto", "trust"],
        newest_us: int = 0,
        *,
        synchronised: Callable[[], bool] = kernel_is_synchronised,
        wall: Callable[[], int] = wall_us,
        running: Callable[[], int] = boottime_us,
        boot: str | None = None,
    ) -> None:
        self._mode = mode
        self._synchronised = synchronised
        self._wall = wall
        self._running = running
        self._floor_us = max(newest_us, FIRST_US)
        self.boot = boot_id() if boot is None else boot
        start_us = max(wall(), self._floor_us)
        self.belief = Belief(self.boot, start_us - running(), believed=False)
        self.refresh()

    def now_us(self) -> int:
        """The time now, believed or not."""
        return self._running() + self.belief.offset_us

    def running_us(self) -> int:
        """Microseconds that never step, for timers."""
        return self._running()

    def refresh(self) -> bool:
        """Look again whether the clock is believed; True where it just became so."""
        wall = self._wall()
        believed = wall >= FIRST_US and (self._mode == "trust" or self._synchronised())
        if not believed:
            # Once believed in this boot, time goes on from there: losing NTP does not make a clock wrong at once.
            return False
        offset_us = wall - self._running()
        became = not self.belief.believed
        if became or abs(offset_us - self.belief.offset_us) > _STEP_US:
            self.belief = Belief(self.boot, offset_us, believed=True)
        return became
