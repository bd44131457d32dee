"""Public recordings of sensors and their faults, as the data folder holds them (see the NOTICE of each)."""

import csv
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

CHANNELS = {"T_air": 3, "T_soil": 4, "H_air": 5, "H_soil": 6}


class Recording(msgspec.Struct, frozen=True):
    """One series: `labels` is 0 where nothing is wrong; `kind` the class of its file."""

    name: str
    quantity: str
    times_s: NDArray[np.float64]
    values: NDArray[np.float64]
    labels: NDArray[np.int64]
    kind: str = ""


def de_bruijn(folder: Path) -> list[Recording]:
    """debruijn_faults/: temperature with injected faults; kind clean, mixed, drift or malfunction."""
    return [_de_bruijn(path) for path in sorted((folder / "debruijn_faults").glob("*/*/*.txt"))]


def _de_bruijn(path: Path) -> Recording:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    times = np.array([row["timestamp"].strip("'") for row in rows], dtype="datetime64[s]").astype(np.float64)
    values = np.array([float(row["temperature"]) for row in rows])
    labels = np.array([int(row["has_fault_type"]) for row in rows])
    kind = path.parent.name.removeprefix("injected_").removeprefix("motes_")
    return Recording(f"{path.parent.parent.name} {path.stem}", "air_temperature_c", times, values, labels, kind)


def asnx(folder: Path, week: str) -> list[Recording]:
    """asnx/: air temperature and humidity of a whole week, `stable` or `room_airing`."""
    table = _asnx_table(folder / "asnx" / "base_datasets" / f"base_-_indoor_-_{week}.csv")
    nothing = np.zeros(len(table), dtype=np.int64)
    return [
        Recording(name, _quantity(name), table[:, 1], table[:, CHANNELS[name]], nothing) for name in ("T_air", "H_air")
    ]


def asnx_with_faults(folder: Path, fault: str, count: int, seed: int = 5) -> list[Recording]:
    """The channel that the fault disturbs, in the stable week, with the fault added at `count` places."""
    base = _asnx_table(folder / "asnx" / "base_datasets" / "base_-_indoor_-_stable.csv")
    signature = _asnx_table(folder / "asnx" / "fault_signatures" / f"fault_-_{fault}.csv")
    channel = max(CHANNELS, key=lambda name: float(np.abs(signature[:, CHANNELS[name]]).max()))
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        at = int(rng.integers(150, len(base) - len(signature)))
        values, labels = base[:, CHANNELS[channel]].copy(), np.zeros(len(base), dtype=np.int64)
        values[at : at + len(signature)] += signature[:, CHANNELS[channel]]
        labels[at : at + len(signature)] = signature[:, -1]
        made.append(Recording(f"{fault} at {at}", _quantity(channel), base[:, 1], values, labels, fault))
    return made


def _asnx_table(path: Path) -> NDArray[np.float64]:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([[np.nan, *(float(cell or "nan") for cell in row[1:])] for row in rows])


def _quantity(channel: str) -> str:
    return (
        "humidity_pct"
        if channel.startswith("H")
        else "soil_temperature_c"
        if channel == "T_soil"
        else "air_temperature_c"
    )


def lwsndr(folder: Path) -> list[Recording]:
    """lwsndr/: temperature and humidity of three nodes; labels only on the first."""
    with (folder / "lwsndr" / "data.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    made = []
    for node in ("1", "2", "3"):
        own = [row for row in rows if row["mote_id"] == node]
        times = np.array([5.0 * int(row["reading"]) for row in own])
        labels = np.array([int(row["label"]) for row in own])
        for name, quantity in (("temperature", "air_temperature_c"), ("humidity", "humidity_pct")):
            made.append(
                Recording(f"node {node} {name}", quantity, times, np.array([float(r[name]) for r in own]), labels)
            )
    return made
