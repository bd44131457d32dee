"""How far each quantity may leap, and flutter, without anybody doubting the sensor: (step, reversal) in its unit.

From what the things themselves do between two readings: a door opened on a winter night moves a room's air by a
degree and its humidity by five percent within a minute; a watering moves soil by a few percent.
"""

from firmware_bridge.quantity import QUANTITIES

FLOORS: dict[str, tuple[float, float]] = {
    "air_temperature_c": (1.2, 0.04),
    "soil_temperature_c": (1.0, 0.04),
    "probe_temperature_c": (1.2, 0.04),
    "water_temperature_c": (1.0, 0.04),
    "surface_temperature_c": (2.0, 0.1),
    "humidity_pct": (5.0, 0.5),
    "probe_humidity_pct": (5.0, 0.5),
    "soil_moisture_vwc_pct": (3.0, 0.2),
    "snow_depth_cm": (5.0, 1.0),
    "distance_mm": (50.0, 10.0),
    "snow_load_kg_m2": (10.0, 2.0),
    "water_level_mm": (50.0, 5.0),
    "air_pressure_hpa": (2.0, 0.1),
}


def floors(quantity: str) -> tuple[float, float]:
    """(step, reversal) of a quantity; where nothing is known of it, twenty and two of its steps."""
    if quantity in FLOORS:
        return FLOORS[quantity]
    known = QUANTITIES.get(quantity)
    step = known.step if known else 0.1
    return 20 * step, 2 * step
