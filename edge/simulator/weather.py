"""The sky over the town: always deep winter, whatever the calendar says, since the story is a snowstorm."""

import math

from edge.simulator.noise import seed_of, smooth

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
_MEAN_C, _SWING_C = -7.5, 2.5


class Weather:
    """Air temperature as a function of time. `offset_us`: local time minus UTC."""

    def __init__(self, seed: int, offset_us: int) -> None:
        self._weeks = seed_of(seed, "weather", "weeks")
        self._hours = seed_of(seed, "weather", "hours")
        self.offset_us = offset_us

    def day_wave(self, time_us: int, lag_h: float = 0.0) -> float:
        """−1 (before dawn) to 1 (two in the afternoon), `lag_h` hours later."""
        hour = (time_us + self.offset_us) % DAY_US / HOUR_US
        return math.cos((hour - 14 - lag_h) * math.pi / 12)

    def air_c(self, time_us: int) -> float:
        """Air temperature, °C: −17 to 2."""
        days = 4.0 * smooth(self._weeks, time_us, 3 * 86_400)
        hours = 0.9 * smooth(self._hours, time_us, 3_600)
        return _MEAN_C + _SWING_C * self.day_wave(time_us) + days + hours
