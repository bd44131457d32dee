"""Snow on a roof: a settled pack, and a storm of two days that comes up to now and eases once it has been watched."""

import math

import msgspec

from edge.simulator.noise import seed_of, smooth, white

STORM_S = 2 * 86_400
_OLD_DENSITY, _NEW_DENSITY = 3.2, 1.5  # kg/m² a centimetre
_MONTH_S = 30 * 86_400
_EASING = 0.06  # what still falls after the peak, as a share of the storm


class Storm(msgspec.Struct, frozen=True, kw_only=True):
    """What the roof carried before, and carries at `peak_us`, when the storm is two days old; kg/m²."""

    peak_us: int
    before_kg_m2: float
    peak_kg_m2: float


class Roof:
    """Load and depth of one roof. The pack before the storm grew slowly over a month of small snowfalls."""

    def __init__(self, seed: int, site: str, storm: Storm) -> None:
        self._seed = seed_of(seed, "roof", site)
        self._storm = storm

    def load_kg_m2(self, time_us: int) -> float:
        """Load on the plate, with the trembling of a load cell that averages (0.04 kg/m²)."""
        return self._mass(time_us) + 0.04 * white(self._seed + 1, time_us)

    def depth_cm(self, time_us: int) -> float:
        """Depth: old snow, fresh snow, and the wind that plays with the surface."""
        fresh = self._share(time_us) * (self._storm.peak_kg_m2 - self._storm.before_kg_m2)
        old = self._mass(time_us) - fresh
        wind = 0.8 * smooth(self._seed + 2, time_us, 1_800) + 0.25 * white(self._seed + 3, time_us)
        return old / _OLD_DENSITY + fresh / _NEW_DENSITY + wind

    def _mass(self, time_us: int) -> float:
        storm = self._storm
        began_us = storm.peak_us - STORM_S * 1_000_000
        earlier = min(0.0, (time_us - began_us) / 1e6 / _MONTH_S)
        old = storm.before_kg_m2 * max(0.1, 1 + 0.5 * earlier)
        return old + self._share(time_us) * (storm.peak_kg_m2 - storm.before_kg_m2)

    def _share(self, time_us: int) -> float:
        """Part of the storm that has fallen: 0 before it, 1 at its peak, a little over 1 for ever after."""
        progress = 1 + (time_us - self._storm.peak_us) / 1e6 / STORM_S
        if progress <= 0:
            return 0.0
        if progress >= 1:
            return 1 + _EASING * (1 - math.exp((1 - progress) / _EASING))
        return progress - 0.03 * math.sin(4 * math.pi * progress) * math.sin(math.pi * progress) ** 2
