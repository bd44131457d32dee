"""What a distance to the ground means for snow.

An ultrasonic sensor times an echo and assumes the speed of sound at 0 °C: true distance = reading ·
√((T + 273.15) / 273.15) with T the air temperature in °C. A sensor that compensates by itself must not be corrected
twice: then no temperature is given.
"""

import math

ZERO_C_K = 273.15


def echo_factor(air_c: float) -> float:
    """By how much a distance timed as if at 0 °C must be multiplied at `air_c`."""
    return math.sqrt((air_c + ZERO_C_K) / ZERO_C_K)


def depth_cm(distance_mm: float, mount_mm: float, air_c: float | None = None) -> float:
    """Snow depth under a sensor that hangs `mount_mm` over bare ground and reads `distance_mm` to the surface.

    May be negative (grass mown, sensor moved): that is for a detector to judge, not to be hidden here.
    """
    factor = 1.0 if air_c is None else echo_factor(air_c)
    return (mount_mm - distance_mm * factor) / 10.0
