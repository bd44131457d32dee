"""The ground under a field's snow: unfrozen, wet, slow, and a little different at every probe."""

import math

from edge.simulator.noise import seed_of, smooth, uniform, white
from edge.simulator.weather import Weather

Values = dict[str, float]
_BULK_EC_PER_PCT = 5.6


class Soil:
    """What one probe at `depth_cm` measures. The deeper, the warmer, wetter and slower."""

    def __init__(self, seed: int, device: str, depth_cm: float, weather: Weather) -> None:
        self._seed = seed_of(seed, "soil", device)
        self._weather = weather
        self._damping = math.exp(-depth_cm / 9)
        self._lag_h = depth_cm / 4
        self._moisture_pct = 27 + 9 * uniform(self._seed, 1) + min(depth_cm, 60) / 12
        self._warmth_c = 0.6 + depth_cm / 18 + 0.4 * uniform(self._seed, 2)
        self._ph = 5.8 + 0.8 * uniform(self._seed, 3)

    def at(self, time_us: int) -> Values:
        """Every quantity a soil probe may tell, by name; each trembles by more than its probe's resolution."""
        moisture = self._moisture_pct + 1.4 * self._wander(4, time_us, 2 * 86_400) + 0.35 * self._noise(5, time_us)
        wave = self._weather.day_wave(time_us, self._lag_h)
        warmth = self._warmth_c + self._damping * (0.5 * wave + 0.6 * self._wander(6, time_us, 86_400))
        conductivity = _BULK_EC_PER_PCT * moisture + 6 * self._wander(7, time_us, 86_400) + 3 * self._noise(8, time_us)
        nutrients = conductivity / 10
        return {
            "soil_moisture_vwc_pct": moisture,
            "soil_temperature_c": warmth + 0.16 * self._noise(9, time_us),
            "soil_ec_us_cm": conductivity,
            "soil_ph": self._ph + 0.14 * self._noise(10, time_us),
            "soil_nitrogen_mg_kg": 1.1 * nutrients + 2 * self._noise(11, time_us),
            "soil_phosphorus_mg_kg": 1.6 * nutrients + 2 * self._noise(12, time_us),
            "soil_potassium_mg_kg": 3.2 * nutrients + 3 * self._noise(13, time_us),
            "soil_salinity_mg_l": 0.55 * conductivity + 2 * self._noise(14, time_us),
            "soil_tds_mg_l": 0.5 * conductivity + 2 * self._noise(15, time_us),
            "soil_permittivity": _permittivity(moisture) + 0.1 * self._noise(16, time_us),
        }

    def _wander(self, which: int, time_us: int, period_s: float) -> float:
        return smooth(self._seed + which, time_us, period_s)

    def _noise(self, which: int, time_us: int) -> float:
        return white(self._seed + which, time_us)


def _permittivity(moisture_pct: float) -> float:
    """Permittivity of a mineral soil with so much water: the inverse of Topp, Davis and Annan (1980), by halving."""
    low, high = 1.0, 81.0
    for _ in range(24):
        middle = (low + high) / 2
        water = -5.3e-2 + 2.92e-2 * middle - 5.5e-4 * middle**2 + 4.3e-6 * middle**3
        low, high = (middle, high) if water < moisture_pct / 100 else (low, middle)
    return (low + high) / 2
