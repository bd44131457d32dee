"""What detectors have learned, kept over restarts: newest versions of each model, with the series they speak of.

A model is found again only by the same detector with the same settings and the same format of arrays; anything else is
learned anew. Losing the file loses nothing but the memory of streams longer than the window: it may be deleted.
"""

import io
import logging
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_bridge.reading import SeriesKey
from gateway.sqlitefile import SqliteFile

log = logging.getLogger(__name__)
KEPT = 3  # versions
_FORMAT = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS model (
  name TEXT NOT NULL, version INTEGER NOT NULL, settings TEXT NOT NULL, learned_us INTEGER NOT NULL,
  until INTEGER NOT NULL, series TEXT NOT NULL, arrays BLOB NOT NULL, PRIMARY KEY (name, version)
)
"""


class Kept(msgspec.Struct, frozen=True):
    """A model: its series in the order of the arrays' first axis, the last column of a stream (−1: none), arrays."""

    series: Sequence[SeriesKey]
    until: int
    arrays: Mapping[str, NDArray[Any]]
    learned_us: int = 0
    version: int = 0


class Models:
    """The file of models. `name`: rule and quantity. StoreError where the file cannot be written."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA)

    def keep(self, name: str, detector: msgspec.Struct, model: Kept) -> int:
        """Write a new version and let old ones go; its number."""
        named: dict[str, Any] = dict(model.arrays)
        arrays = io.BytesIO()
        np.savez_compressed(arrays, **named)
        series = msgspec.json.encode(list(model.series)).decode()
        with self._file.writing() as db:
            (newest,) = db.execute("SELECT coalesce(max(version), 0) FROM model WHERE name = ?", (name,)).fetchone()
            version = int(newest) + 1
            row = (name, version, _settings(detector), model.learned_us, model.until, series, arrays.getvalue())
            db.execute("INSERT INTO model VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            db.execute("DELETE FROM model WHERE name = ? AND version <= ?", (name, version - KEPT))
        return version

    def newest(self, name: str, detector: msgspec.Struct) -> Kept | None:
        """The newest version that this detector can go on with; None where there is none."""
        asked = "SELECT series, until, arrays, learned_us, version FROM model WHERE name = ? AND settings = ?"
        with self._file.reading() as db:
            rows = db.execute(f"{asked} ORDER BY version DESC", (name, _settings(detector))).fetchall()
        for series, until, blob, learned_us, version in rows:
            try:
                keys = msgspec.json.decode(series, type=list[SeriesKey])
                with np.load(io.BytesIO(blob), allow_pickle=False) as stored:
                    arrays = {key: stored[key] for key in stored.files}
            except (msgspec.MsgspecError, ValueError, OSError, zipfile.BadZipFile) as error:
                log.warning("model_unreadable name=%s version=%d error=%s", name, version, error)
                continue
            if all(array.shape[0] == len(keys) for array in arrays.values()):
                return Kept(keys, until, arrays, learned_us, version)
        return None

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _settings(detector: msgspec.Struct) -> str:
    kind = f"{type(detector).__module__}.{type(detector).__name__}/{_FORMAT}"
    return f"{kind} {msgspec.json.encode(detector, order='sorted').decode()}"


__all__ = ["Kept", "Models"]
