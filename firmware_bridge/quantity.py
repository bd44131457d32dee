"""What can be measured: one name, one unit, one physically possible range for each quantity.

The unit is part of the name (`soil_moisture_vwc_pct`). Ranges are what the quantity can be on Earth in a cold, snowy
town (outdoor air −50…+45 °C: −41.2 °C was read at Moshiri); a value outside is a fault of the sensor, never weather.
"""

from typing import Literal

import msgspec

Kind = Literal["gauge", "counter", "state", "event"]


class Quantity(msgspec.Struct, frozen=True, kw_only=True):
    """One measurable thing.

    `low`/`high`: physically possible range in `unit`, both ends possible. `step`: resolution a person reads.
    `kind`: gauge (a level), counter (only grows), state (0/1 that lasts), event (1 when something happened).
    """

    name: str
    unit: str
    low: float
    high: float
    kind: Kind = "gauge"
    step: float = 0.1
    ja: str
    en: str


def _q(
    name: str, unit: str, low: float, high: float, ja: str, en: str, kind: Kind = "gauge", step: float = 0.1
) -> Quantity:
    return Quantity(name=name, unit=unit, low=low, high=high, ja=ja, en=en, kind=kind, step=step)


QUANTITIES: dict[str, Quantity] = {
    q.name: q
    for q in (
        # soil
        _q("soil_moisture_vwc_pct", "%", 0, 100, "土の水分", "Soil moisture"),
        _q("soil_temperature_c", "°C", -40, 60, "地温", "Soil temperature"),
        _q("soil_ec_us_cm", "µS/cm", 0, 30000, "土の電気伝導度", "Soil conductivity", step=1),
        _q("soil_ph", "pH", 0, 14, "土のpH", "Soil pH"),
        _q("soil_nitrogen_mg_kg", "mg/kg", 0, 5000, "窒素(参考値)", "Nitrogen (reference only)", step=1),
        _q("soil_phosphorus_mg_kg", "mg/kg", 0, 5000, "リン(参考値)", "Phosphorus (reference only)", step=1),
        _q("soil_potassium_mg_kg", "mg/kg", 0, 5000, "カリ(参考値)", "Potassium (reference only)", step=1),
        _q("soil_salinity_mg_l", "mg/L", 0, 30000, "土の塩分", "Soil salinity", step=1),
        _q("soil_tds_mg_l", "mg/L", 0, 30000, "土の溶存固形物", "Soil dissolved solids", step=1),
        _q("soil_permittivity", "1", 1, 82, "土の誘電率", "Soil permittivity", step=0.01),
        _q("soil_raw_moisture", "1", 0, 65535, "水分の生の値", "Raw moisture count", step=1),
        _q("soil_raw_ec", "1", 0, 65535, "伝導度の生の値", "Raw conductivity count", step=1),
        # air and weather
        _q("air_temperature_c", "°C", -50, 60, "気温", "Air temperature"),
        _q("humidity_pct", "%", 0, 100, "湿度", "Humidity"),
        _q("illuminance_lx", "lx", 0, 200000, "明るさ", "Light", step=1),
        _q("probe_temperature_c", "°C", -55, 125, "外付け温度", "Probe temperature"),
        # snow
        _q("distance_mm", "mm", 0, 15000, "距離", "Distance", step=1),
        _q("snow_depth_cm", "cm", 0, 800, "積雪の深さ", "Snow depth"),
        _q("snow_load_kg_m2", "kg/m²", -50, 2500, "雪の重さ", "Snow load", step=1),
        # home
        _q("motion", "0/1", 0, 1, "動き", "Motion", kind="event", step=1),
        _q("contact_open", "0/1", 0, 1, "戸の開き", "Door open", kind="state", step=1),
        _q("button", "0/1", 0, 1, "ボタン", "Button", kind="event", step=1),
        _q("open_count", "1", 0, 16777215, "開いた回数", "Times opened", kind="counter", step=1),
        _q("open_minutes", "min", 0, 16777215, "最後に開いていた時間", "Last open for", step=1),
        _q("leak", "0/1", 0, 1, "水もれ", "Leak", kind="state", step=1),
        _q("acceleration_g", "g", -16, 16, "加速度", "Acceleration", step=0.01),
        # the device itself
        _q("battery_v", "V", 0, 30, "電池", "Battery", step=0.01),
        _q("battery_pct", "%", 0, 100, "電池の残り", "Battery left", step=1),
        _q("rssi_dbm", "dBm", -150, 20, "電波の強さ", "Signal strength", step=1),
        _q("snr_db", "dB", -40, 40, "信号対雑音比", "Signal to noise"),
        # the node's own health
        _q("cpu_temperature_c", "°C", -40, 125, "基板の温度", "CPU temperature"),
        _q("disk_free_mb", "MB", 0, 1e8, "空き容量", "Free disk", step=1),
        _q("disk_written_kb", "kB", 0, 1e12, "書き込んだ量", "Written to disk", kind="counter", step=1),
        _q("memory_rss_mb", "MB", 0, 1e6, "使用メモリー", "Memory in use"),
        _q("outbox_depth", "1", 0, 1e9, "送信待ち", "Waiting to be sent", step=1),
        _q("frames_rejected", "1", 0, 1e12, "読めなかった電文", "Frames not understood", kind="counter", step=1),
    )
}


def quantity(name: str) -> Quantity:
    """Return the quantity of that name. KeyError where it is unknown: a codec or a rule misspells it."""
    return QUANTITIES[name]
