"""A CSV of measurements → series: first column time, every other numeric column a series.

Times: ISO 8601 with or without a zone, or seconds since 1970. A time without a zone is taken as it is written. Empty
cells, `nan`, `null` and `NA` are missing. What cannot be read is an error that names the line.
"""

import csv
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.errors import GatewayError

_MISSING = frozenset({"", "nan", "null", "na", "n/a", "none"})
_LATEST_S = 4_102_444_800.0  # 2100-01-01: beyond it the numbers are not seconds
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH = _EPOCH_UTC.replace(tzinfo=None)  # for times without a zone
_TOKYO_US = 9 * 3_600_000_000


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """`texts`: the times as they stand in the file; `times_us` are the same, in µs. `offset_us`: local minus UTC."""

    names: list[str]
    texts: list[str]
    times_us: NDArray[np.int64]
    values: NDArray[np.float64]  # [series × rows], NaN = missing
    offset_us: int


def read(path: Path) -> Table:
    """The table of a file, in the file's order. GatewayError: where, wanted, got."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            delimiter = next((mark for mark in (",", ";", "\t") if mark in head), ",")
            names = next(csv.reader([head], delimiter=delimiter), [])
            rows = list(csv.reader(file, delimiter=delimiter))
    except OSError as error:
        raise GatewayError(f"{path}: wanted a file that can be read, got {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise GatewayError(f"{path}: wanted CSV in UTF-8, got other bytes at {error.start}") from error
    except csv.Error as error:
        raise GatewayError(f"{path}: wanted CSV, got {error}") from error
    if len(names) < 2 or len(set(names)) != len(names):
        raise GatewayError(f"{path}, line 1: wanted a time column and names of series, each once, got {head.strip()!r}")
    lines: Sequence[int] = range(2, len(rows) + 2)
    if {len(row) for row in rows} != {len(names)}:
        lines, rows = _whole(path, names, rows)
    return _table(path, names, rows, lines)


def in_order(table: Table) -> Table:
    """The same rows in order of time."""
    order = np.argsort(table.times_us, kind="stable")
    return msgspec.structs.replace(
        table,
        texts=[table.texts[row] for row in order],
        times_us=table.times_us[order],
        values=table.values[:, order],
    )


def _whole(path: Path, names: Sequence[str], rows: Sequence[list[str]]) -> tuple[Sequence[int], list[list[str]]]:
    """(lines, rows) without blank lines; GatewayError for a row that is not whole, or none at all."""
    kept = [(line, row) for line, row in enumerate(rows, 2) if any(cell.strip() for cell in row)]
    for line, row in kept:
        if len(row) != len(names):
            raise GatewayError(f"{path}, line {line}: wanted {len(names)} cells, got {len(row)}")
    if not kept:
        raise GatewayError(f"{path}, line 2: wanted a row of values, got the end of the file")
    return [line for line, _ in kept], [row for _, row in kept]


def _table(path: Path, names: Sequence[str], rows: Sequence[list[str]], lines: Sequence[int]) -> Table:
    columns = list(zip(*rows, strict=True))
    numeric = [place for place in range(1, len(names)) if _numeric(columns[place])]
    if not numeric:
        raise GatewayError(f"{path}: wanted at least one column of numbers beside the time, got {', '.join(names[1:])}")
    texts = [text.strip() for text in columns[0]]
    times_us, offset_us = _times(path, texts, lines)
    return Table(
        names=[names[place].strip() for place in numeric],
        texts=texts,
        times_us=times_us,
        values=np.array([_values(path, names[place], columns[place], lines) for place in numeric]),
        offset_us=offset_us,
    )


def _numeric(cells: Sequence[str]) -> bool:
    """Whether the first cell that holds anything is a number."""
    for cell in cells:
        if cell.strip().lower() not in _MISSING:
            try:
                float(cell)
            except ValueError:
                return False
            return True
    return False


def _times(path: Path, texts: Sequence[str], lines: Sequence[int]) -> tuple[NDArray[np.int64], int]:
    """(µs, local minus UTC). All times of a file are of one kind; that of the first one."""
    read: Callable[[str], float] = float
    offset_us = _TOKYO_US
    try:
        float(texts[0])
    except ValueError:
        read, offset_us = _iso_s, _offset_us(texts[0])
    try:
        seconds = np.array([read(text) for text in texts])
    except ValueError:
        seconds = np.array([_one(path, read, text, line) for text, line in zip(texts, lines, strict=True)])
    far = np.flatnonzero(~((seconds >= 0) & (seconds < _LATEST_S)))
    if far.size:
        text, line = texts[far[0]], lines[far[0]]
        raise GatewayError(f"{path}, line {line}: wanted a time from 1970 to 2100, got {text!r}")
    return np.round(seconds * 1e6).astype(np.int64), offset_us


def _iso_s(text: str) -> float:
    when = datetime.fromisoformat(text)
    return (when - _EPOCH if when.tzinfo is None else when - _EPOCH_UTC).total_seconds()


def _offset_us(text: str) -> int:
    try:
        offset = datetime.fromisoformat(text).utcoffset()
    except ValueError:
        return 0
    return int(offset.total_seconds() * 1e6) if offset is not None else 0


def _one(path: Path, read: Callable[[str], float], text: str, line: int) -> float:
    try:
        return read(text)
    except ValueError:
        wanted = "seconds since 1970" if read is float else "a time (ISO 8601, or seconds since 1970)"
        raise GatewayError(f"{path}, line {line}: wanted {wanted}, got {text!r}") from None


def _values(path: Path, name: str, cells: Sequence[str], lines: Sequence[int]) -> NDArray[np.float64]:
    try:
        values = np.array([float(cell) for cell in cells])
    except ValueError:
        values = np.array([_value(path, name, cell, line) for cell, line in zip(cells, lines, strict=True)])
    values[~np.isfinite(values)] = math.nan
    return values


def _value(path: Path, name: str, cell: str, line: int) -> float:
    try:
        return float(cell)
    except ValueError:
        if cell.strip().lower() in _MISSING:
            return math.nan
        raise GatewayError(f"{path}, line {line}: {name}: wanted a number, got {cell!r}") from None
