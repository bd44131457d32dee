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

from collections.abc import Iterable

from firmware_bridge import points
from firmware_bridge.reading import Column
from gateway.store import Entry

RANKS = 1000
OWN_RANKS, NEIGHBOURS = 16, 62  # 16 · 62 < 1000
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
        self._prefixes: dict[tuple[str, str, str, int, int], str] = {}

    def encode(self, entry: Entry) -> list[str]:
        """Lines of a whole entry, in its order. LineError as in `lines`."""
        ranks = first_ranks(entry)
        return [line for column in entry.columns for line in self.lines(entry, column, ranks)]

    def lines(self, entry: Entry, column: Column, ranks: dict[tuple[str, int], int] | None) -> list[str]:
        """Lines of one column of an entry, in its order. `ranks` comes from `first_ranks`, one for all its columns.

        LineError where the series' name cannot be written, or more than 1000 readings stand at one µs.
        """
        head = self._prefix(entry, column)
        times_us = column.times_us
        base = (entry.fingerprint or entry.id) % NEIGHBOURS * OWN_RANKS
        if ranks is None and (len(times_us) == 1 or len(set(times_us)) == len(times_us)):
            tail = f"{base:03d}"
            return [f"{head}{x!r} {t}{tail}" for t, x in zip(times_us, column.values, strict=True)]
        ranks = {} if ranks is None else ranks
        found = []
        for time_us, value in zip(times_us, column.values, strict=True):
            rank = ranks.get((head, time_us), 0)
            ranks[head, time_us] = rank + 1
            if rank >= RANKS:
                raise LineError(f"{column.device}/{column.quantity}: more than {RANKS} readings at {time_us}")
            found.append(f"{head}{value!r} {time_us}{(base + rank) % RANKS:03d}")
        return found

    def _prefix(self, entry: Entry, column: Column) -> str:
        key = (entry.tenant, column.device, column.quantity, column.channel, entry.quality)
        head = self._prefixes.get(key)
        if head is None:
            if len(self._prefixes) >= _CACHE:
                self._prefixes.clear()
            tags = (
                (points.TENANT, entry.tenant),
                (points.DEVICE, column.device),
                (points.CHANNEL, str(column.channel or "")),
                (points.QUALITY, str(entry.quality or "")),
            )
            head = self._prefixes[key] = prefix(column.quantity, tags, points.VALUE)
        return head


def first_ranks(entry: Entry) -> dict[tuple[str, int], int] | None:
    """Where ranks are counted for an entry that names a series in several columns; None for the usual one."""
    names = {(column.device, column.quantity, column.channel) for column in entry.columns}
    return None if len(names) == len(entry.columns) else {}
