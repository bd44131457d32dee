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
from gateway.quality.windows import means, shifted, sums, variances, packed, counts

Flags = NDArray[np.uint16]
Mask = NDArray[np.bool_]

HIGHEST_PCT = 60.0
LEAST_RAIN_MM = 0.2
SURFACE_M = 0.1


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
    """[series × hour] bits of `Ismn`."""
    moisture = soil.moisture_pct
    spike = _spike(moisture)
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
        Ismn.D06: spike,
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
    return (
        (moisture > shifted(moisture, -1))
        & (rise > spread)
        & ~np.isclose(rise, spread)
        & (_rain_of_a_day(rain_mm, own) < enough_mm)
        & ~(depth_m >= SURFACE_M)
    )


def _rain_of_a_day(rain_mm: Block, own: bool) -> Block:
    """Sum of the last 24 values; the model's hours without a value do not count as hours, ours do."""
    if own:
        total = np.where(counts(rain_mm, 23, 0) > 0, sums(rain_mm, 23, 0), np.nan)
        return np.round(total, 1)
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
    double = (moisture == after) & (
        ((before < moisture) & (after > later)) | ((before > moisture) & (after < later))
    )
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
    """|variance ÷ mean| of the 12 h before and after, without the hour itself; NaN unless all are there."""
    full = counts(moisture, 12, 12) == 25
    variance, mean = variances(moisture, 12, 12), means(moisture, 12, 12)
    others = (25 * mean - moisture) / 24
    # 24·var(25) = 23·var(24) + 24/25·(x − mean of the others)²
    rest = np.maximum(24 * variance - 24 / 25 * (moisture - others) ** 2, 0) / 23
    return np.where(full, np.abs(rest / others), np.nan)


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
