"""Quality flags of the International Soil Moisture Network for `[series × hour]` blocks.

C: outside what can be. D: doubtful. No bit and a value: good (G). The criteria look up to 36 h ahead: the flags of the
newest day and a half may still change. A missing value has no flag at all.
Source: Dorigo et al. (2013), Global automated quality control of in situ soil moisture data, Vadose Zone J. 12(3),
doi:10.2136/vzj2012.0097 (equation numbers below), in the form ISMN applies it.
Derivatives: Savitzky–Golay of 3 points and order 2, which are the central differences; the ends repeat their value.
"""

from enum import IntFlag

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.detect import Block
from gateway.quality import plateaus
from gateway.quality.windows import counts, means, packed, shifted, sums, variances

Flags = NDArray[np.uint16]
Mask = NDArray[np.bool_]

HIGHEST_PCT = 60.0
LEAST_RAIN_MM = 0.2
SURFACE_M = 0.1
RANGES = {
    "soil_temperature_c": (-60.0, 60.0),
    "air_temperature_c": (-60.0, 60.0),
    "surface_temperature_c": (-60.0, 60.0),
    "rain_mm": (0.0, 100.0),
    "soil_water_potential_kpa": (-2500.0, 0.0),  # ISMN: suction 0 to 2500 kPa
    "snow_depth_cm": (0.0, 1000.0),
    "snow_load_kg_m2": (0.0, 10_000.0),  # water equivalent in mm
}
_CELLS = 32_768  # judged at a time


class Ismn(IntFlag):
    """One bit a flag. `MISSING` is ours: it tells "no value" from "good", which has no bit."""

    C01 = 1
    C02 = 2
    C03 = 4
    D01 = 8
    D02 = 16
    D03 = 32
    D04 = 64
    D05 = 128
    D06 = 256
    D07 = 512
    D08 = 1024
    D09 = 2048
    D10 = 4096
    MISSING = 8192


class Soil(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of some soil moisture series, hour by hour; all blocks have one shape.

    `moisture_pct` in volume %. The others are asked only where they are given: soil and air temperature beside the
    probe, soil temperature and rain of a weather model, rain of the hour. `saturation_pct`, `depth_m` (upper end of
    the probe) and `highest_pct` (highest moisture below 60 % of the past two years; the block's own where NaN) are
    [series × 1], NaN = not known.
    """

    moisture_pct: Block
    soil_temperature_c: Block | None = None
    air_temperature_c: Block | None = None
    model_soil_temperature_c: Block | None = None
    rain_mm: Block | None = None
    model_rain_mm: Block | None = None
    saturation_pct: Block | None = None
    depth_m: Block | None = None
    highest_pct: Block | None = None


def flags(soil: Soil) -> Flags:
    """[series × hour] bits of `Ismn`. A few rows at a time, so that they stay in the processor's cache."""
    rows, hours = soil.moisture_pct.shape
    few = max(1, _CELLS // max(hours, 1))
    parts = [_flags(_rows_of(soil, slice(row, row + few))) for row in range(0, rows, few)]
    return np.concatenate(parts) if parts else np.zeros((rows, hours), dtype=np.uint16)


def _rows_of(soil: Soil, rows: slice) -> Soil:
    blocks = {name: getattr(soil, name) for name in soil.__struct_fields__}
    return msgspec.structs.replace(soil, **{name: block[rows] for name, block in blocks.items() if block is not None})


def _flags(soil: Soil) -> Flags:
    moisture = soil.moisture_pct
    drop, jump = _breaks(moisture)
    found: dict[Ismn, Mask | None] = {
        Ismn.C01: moisture < 0,
        Ismn.C02: moisture > HIGHEST_PCT,
        Ismn.C03: None if soil.saturation_pct is None else moisture > soil.saturation_pct,
        Ismn.D01: _freezing(soil.soil_temperature_c),
        Ismn.D02: _freezing(soil.air_temperature_c),
        Ismn.D03: _freezing(soil.model_soil_temperature_c),
        Ismn.D04: _rise(soil, soil.rain_mm, own=True),
        Ismn.D05: _rise(soil, soil.model_rain_mm, own=False),
        Ismn.D06: _spike(moisture),
        Ismn.D07: drop,
        Ismn.D08: jump,
        Ismn.D09: plateaus.low(moisture, drop),
        Ismn.D10: plateaus.high(moisture, slope(moisture), soil.highest_pct),
    }
    out = np.zeros(moisture.shape, dtype=np.uint16)
    for flag, where in found.items():
        if where is not None:
            out |= where * np.uint16(flag)
    out[np.isnan(moisture)] = Ismn.MISSING
    return out


def _freezing(temperature_c: Block | None) -> Mask | None:
    return None if temperature_c is None else temperature_c < 0


def _rise(soil: Soil, rain_mm: Block | None, *, own: bool) -> Mask | None:
    """Wetter than an hour and a day ago, though it has not rained (in situ rain, or the model's)."""
    if rain_mm is None:
        return None
    moisture = soil.moisture_pct
    depth_m = np.full((moisture.shape[0], 1), np.nan) if soil.depth_m is None else soil.depth_m
    enough_mm = np.where(depth_m > 0, depth_m * 0.05 * 0.5 * 1000, LEAST_RAIN_MM)
    rise = moisture - shifted(moisture, -24)
    spread = 2 * np.sqrt(variances(moisture, 24, 0))
    risen: Mask = (moisture > shifted(moisture, -1)) & (rise > spread) & ~np.isclose(rise, spread)
    return risen & (_rain_of_a_day(rain_mm, own) < enough_mm) & ~(depth_m >= SURFACE_M)


def _rain_of_a_day(rain_mm: Block, own: bool) -> Block:
    """Sum of the last 24 values; the model's hours without a value do not count as hours, ours do."""
    if own:
        return np.where(counts(rain_mm, 23, 0) > 0, np.round(sums(rain_mm, 23, 0), 1), np.nan)
    order, (known,) = packed(rain_mm)
    total = np.full(rain_mm.shape, np.nan)
    np.put_along_axis(total, order, np.where(np.isnan(known), np.nan, sums(known, 23, 0)), axis=1)
    return total


def _curvature(moisture: Block) -> Block:
    """Second derivative d2."""
    padded = _ends_repeated(moisture)
    return padded[:, 2:] - 2 * padded[:, 1:-1] + padded[:, :-2]


def slope(moisture: Block) -> Block:
    """First derivative d1."""
    padded = _ends_repeated(moisture)
    return (padded[:, 2:] - padded[:, :-2]) / 2


def _ends_repeated(block: Block) -> Block:
    return np.concatenate([block[:, :1], block, block[:, -1:]], axis=1)


def _spike(moisture: Block) -> Mask:
    """Equations 4 to 6, and spikes of two equal hours."""
    before, after, later = (shifted(moisture, by) for by in (-1, 1, 2))
    single = ((before < moisture) & (moisture > after)) | ((before > moisture) & (moisture < after))
    double = (moisture == after) & (((before < moisture) & (after > later)) | ((before > moisture) & (after < later)))
    second = _one_later(double & ~single)
    d2 = _curvature(moisture)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.round(moisture / before, 3)
        balance = np.round(np.abs(shifted(d2, -1) / shifted(d2, 1)), 3)
        around = _variance_around(moisture)
    spike = ((step > 1.15) | (step < 0.85) | second) & (balance > 0.8) & (balance < 1.2) & (around < 1)
    spike &= single | double
    return spike | (_one_later(spike) & second)


def _one_later(mask: Mask) -> Mask:
    out = np.zeros_like(mask)
    out[:, 1:] = mask[:, :-1]
    return out


def _variance_around(moisture: Block) -> Block:
    """Variance ÷ mean of the 12 h before and after, without the hour itself; NaN unless all are there."""
    full = counts(moisture, 12, 12) == 25
    variance, mean = variances(moisture, 12, 12), means(moisture, 12, 12)
    others = (25 * mean - moisture) / 24
    # 24·var(25) = 23·var(24) + 24/25·(x − mean of the others)²
    rest = np.maximum(24 * variance - 24 / 25 * (moisture - others) ** 2, 0) / 23
    return np.where(full, rest / others, np.nan)


def _breaks(moisture: Block) -> tuple[Mask, Mask]:
    """(drop, jump). Equations 7 to 9, and the drop to zero."""
    change = moisture - shifted(moisture, -1)
    d1, d2 = slope(moisture), _curvature(moisture)
    usual = np.abs(10 * means(d1, 12, 12, least=4))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.abs(change / moisture)
        mirrored = np.round(np.abs(shifted(d2, -1) / d2), 1)
        settled = np.abs(d2 / shifted(d2, 2))
    found = (share > 0.1) & (np.abs(change) > 1) & (moisture != 0) & (d2 != 0)
    found &= (np.abs(d1) > usual) & ~np.isclose(np.abs(d1), usual) & (np.abs(mirrored - 1) < 0.01) & (settled > 10)
    to_zero = (np.abs(change) > 5) & (moisture == 0)
    return (found & (d1 < 0)) | to_zero, found & (d1 > 0)


def in_range(block: Block, quantity: str) -> Flags:
    """C01 and C02 for what is not soil moisture, in our units; nothing for a quantity ISMN does not know."""
    low, high = RANGES.get(quantity, (np.nan, np.nan))
    out = (block < low) * np.uint16(Ismn.C01) | (block > high) * np.uint16(Ismn.C02)
    out[np.isnan(block)] = Ismn.MISSING
    return out


def words(bits: Flags, frozen_season: Mask) -> NDArray[np.uint8]:
    """`words.SOIL` class of each value for people; `frozen_season` [time]: frozen ground is then what is expected.

    0 good, 1 frozen season (凍結期: D01–D03 and nothing else), 2 doubtful, 3 implausible, 4 missing.
    """
    frost = np.uint16(Ismn.D01 | Ismn.D02 | Ismn.D03)
    out = np.where(bits & ~frost == 0, np.where(frozen_season, 1, 2), 2).astype(np.uint8)
    out[bits == 0] = 0
    out[bits & np.uint16(Ismn.C01 | Ismn.C02 | Ismn.C03) > 0] = 3
    out[bits == Ismn.MISSING] = 4
    return out


def frozen_season(times_us: NDArray[np.int64], first_month: int = 11, last_month: int = 4) -> Mask:
    """[time] whether the (local) month is one of a snow town's frozen half of the year, both months included."""
    month = times_us.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    inside: Mask = (month >= first_month) | (month <= last_month)
    return inside if first_month > last_month else (month >= first_month) & (month <= last_month)


def hourly(block: Block, per_hour: int, *, rain: bool = False) -> Block:
    """[series × hour] of a block whose rows begin on the hour and have `per_hour` columns each.

    The last value heard in the hour, as a station reports it (a mean would hide a spike); of `rain` the sum. An hour
    without a value is NaN; an hour not yet whole is left out.
    """
    hours = block.shape[1] // per_hour
    cells = block[:, : hours * per_hour].reshape(block.shape[0], hours, per_hour)
    known = np.isfinite(cells)
    if rain:
        return np.where(known.any(axis=2), np.nan_to_num(cells).sum(axis=2), np.nan)
    last = per_hour - 1 - np.argmax(known[:, :, ::-1], axis=2)
    return np.take_along_axis(cells, last[:, :, None], axis=2)[:, :, 0]
