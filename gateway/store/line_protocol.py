"""InfluxDB line protocol: the one encoder, for floats only.

    soil_moisture_vwc_pct,device=field1-soil,tenant=014729 value=23.45 1789850045123000672
    └ quantity            └ tags, sorted by name (`channel` where not 0, `quality` where not good)   └ µs, then 3 digits

A point of InfluxDB is its series and its time, and a later one replaces an earlier one. So the last three digits of the
nanoseconds, which no clock of ours fills, tell readings of one series and µs apart: 16 · (fingerprint or id of the
entry mod 62) + rank among the entry's readings of that series and µs, mod 1000. The same entry gives the same bytes
for ever: sending it again changes nothing. Readings of one series and µs never meet where each of their entries has at
most 16 of them and the entries are neighbours (less than 62 apart in one stream).

Names: a comma, an equals sign or a space is escaped with a backslash; a backslash stays as it is, which is why a name
may not end with one. Control characters are refused, an empty tag is left out. NaN and infinity never get here.
"""

from collections.abc import Iterable, Sequence
from math import isfinite

import msgspec

from firmware_bridge import points
from firmware_bridge.reading import Column
from gateway.store import Entry

RANKS = 1000
LAST_US = (1 << 63) // 1000 - 1  # where 64 bits of nanoseconds end
OWN_RANKS, NEIGHBOURS = 16, 62  # 16 · 62 < 1000
_encode = msgspec.json.Encoder().encode
_NAME = str.maketrans({",": "\\,", " ": "\\ "})
_TAG = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\="})
_CACHE = 100_000  # series; far more than one gateway has


class LineError(Exception):
    """A name that line protocol cannot carry."""


def prefix(measurement: str, tags: Iterable[tuple[str, str]], field: str) -> str:
    """Everything of a line before the value. LineError for a name that cannot be written."""
    parts = [_checked(measurement, "measurement").translate(_NAME)]
    parts += [
        f"{_checked(name, 'tag').translate(_TAG)}={_checked(value, name).translate(_TAG)}"
        for name, value in sorted(tags)
        if value
    ]
    return f"{','.join(parts)} {_checked(field, 'field').translate(_TAG)}="


def _checked(text: str, what: str) -> str:
    if not text or text.endswith("\\") or text.startswith("#"):
        raise LineError(f"{what}: wanted a name without # before or a backslash behind it, got {text!r}")
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise LineError(f"{what}: wanted no control character, got {text!r}")
    return text


class LineEncoder:
    """Encodes entries; remembers the part of a line that a series' points have in common."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, int], dict[tuple[str, str, int], str]] = {}

    def encode(self, entry: Entry) -> list[str]:
        """Lines of an entry, one a reading, in its order.

        LineError where a series' name cannot be written, a value is not finite, a time is none that InfluxDB knows, or
        more than 1000 readings stand at one series and µs.
        """
        base = (entry.fingerprint or entry.id) % NEIGHBOURS * OWN_RANKS
        heads = self._heads_of(entry)
        if len(set(heads)) < len(heads):
            return _ranked(entry, heads, base)
        each_head: list[str] = []
        times_us: list[int] = []
        values: list[float] = []
        for head, column in zip(heads, entry.columns, strict=True):
            size = len(column.times_us)
            if size > 1 and len(set(column.times_us)) < size:
                return _ranked(entry, heads, base)
            each_head += [head] * size
            times_us += column.times_us
            values += column.values
        if times_us and not _writable(times_us, values):
            raise LineError(f"entry {entry.id}: wanted finite values and times from 1970 to 2262")
        tail = f"{base:03d}"
        return [f"{h}{x} {t}{tail}" for h, x, t in zip(each_head, _texts(values), _texts(times_us), strict=False)]

    def _heads_of(self, entry: Entry) -> list[str]:
        known = self._heads.setdefault((entry.tenant, entry.quality), {})
        found = []
        for column in entry.columns:
            key = (column.device, column.quantity, column.channel)
            head = known.get(key)
            if head is None:
                if len(known) >= _CACHE:
                    known.clear()
                head = known[key] = _head(entry, column)
            found.append(head)
        return found


def _writable(times_us: Sequence[int], values: Sequence[float]) -> bool:
    if not isfinite(sum(values)) and not all(map(isfinite, values)):
        return False
    return min(times_us) > 0 and max(times_us) <= LAST_US


def _head(entry: Entry, column: Column) -> str:
    tags = (
        (points.TENANT, entry.tenant),
        (points.DEVICE, column.device),
        (points.CHANNEL, str(column.channel or "")),
        (points.QUALITY, str(entry.quality or "")),
    )
    return prefix(column.quantity, tags, points.VALUE)


def _ranked(entry: Entry, heads: list[str], base: int) -> list[str]:
    """The slow way, for an entry with several readings of one series and µs."""
    ranks: dict[tuple[str, int], int] = {}
    found = []
    for head, column in zip(heads, entry.columns, strict=True):
        if not _writable(column.times_us, column.values):
            raise LineError(f"{head}: wanted finite values and times from 1970 to 2262")
        for time_us, value in zip(column.times_us, column.values, strict=True):
            rank = ranks.get((head, time_us), 0)
            if rank >= RANKS:
                raise LineError(f"{column.device}/{column.quantity}: more than {RANKS} readings at {time_us}")
            ranks[head, time_us] = rank + 1
            found.append(f"{head}{value!r} {time_us}{(base + rank) % RANKS:03d}")
    return found


def _texts(numbers: Sequence[int] | Sequence[float]) -> list[str]:
    """All numbers written at once, exactly and shortest, as JSON writes them: several times quicker than one by one."""
    return _encode(numbers)[1:-1].decode().split(",")
