"""When the quiet home's person must have moved last, so that the silence passes its limit at a chosen moment.

The limit of a silence is `margin` times the person's longest ended silence that began in the same half hour of the
local day or within `neighbours` half hours of it, and at least `floor_s`: the rule by which the gateway judges homes.
Where it changes with the half hour, several last movements may fit: the latest is taken.
"""

from itertools import pairwise

import msgspec

from edge.simulator.residents import Resident
from edge.simulator.weather import DAY_US

BINS = 48
_BIN_US = DAY_US // BINS


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rule's settings, as the gateway's rules file has them."""

    margin: float = 1.3
    floor_s: float = 9000.0
    neighbours: int = 2


def last_movement_us(resident: Resident, limit: Limit, crossing_us: int, offset_us: int, past: tuple[int, int]) -> int:
    """Time of the last movement; `past` is the range of time in which the person's habits can be seen."""
    longest_us = _longest_us(resident, offset_us, past)
    limits_us = []
    for place in range(BINS):
        near = range(place - limit.neighbours, place + limit.neighbours + 1)
        longest = max(longest_us[one % BINS] for one in near)
        limits_us.append(max(round(limit.floor_s * 1e6), round(longest * limit.margin)))
    fitting = [
        crossing_us - limits_us[place]
        for place in range(BINS)
        if _bin(crossing_us - limits_us[place], offset_us) == place
    ]
    return max(fitting, default=crossing_us - max(limits_us))


def _longest_us(resident: Resident, offset_us: int, past: tuple[int, int]) -> list[int]:
    longest = [0] * BINS
    for before, after in pairwise(resident.steps(*past)):
        place = _bin(before.time_us, offset_us)
        longest[place] = max(longest[place], after.time_us - before.time_us)
    return longest


def _bin(time_us: int, offset_us: int) -> int:
    return (time_us + offset_us) % DAY_US // _BIN_US
