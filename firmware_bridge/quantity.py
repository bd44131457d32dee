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
        _q("soil_water_potential_kpa", "kPa", -10000, 0, "土の水ポテンシャル", "Soil water potential"),
        # air and weather
        _q("air_temperature_c", "°C", -50, 60, "気温", "Air temperature"),
        _q("humidity_pct", "%", 0, 100, "湿度", "Humidity"),
        _q("illuminance_lx", "lx", 0, 200000, "明るさ", "Light", step=1),
        _q("probe_temperature_c", "°C", -55, 125, "外付け温度", "Probe temperature"),
        _q("probe_humidity_pct", "%", 0, 100, "外付け湿度", "Probe humidity"),
        _q("air_pressure_hpa", "hPa", 300, 1200, "気圧", "Air pressure"),
        _q("vapour_pressure_kpa", "kPa", 0, 50, "水蒸気圧", "Vapour pressure", step=0.01),
        _q("rain_mm", "mm", 0, 500, "前回からの雨量", "Rain since the last report"),
        _q("rain_total_mm", "mm", 0, 1e9, "積算雨量", "Rain in total", kind="counter"),
        _q("rain_rate_mm_h", "mm/h", 0, 2000, "雨の強さ", "Rain intensity"),
        _q("wind_speed_m_s", "m/s", 0, 100, "風速", "Wind speed"),
        _q("wind_gust_m_s", "m/s", 0, 150, "最大瞬間風速", "Wind gust"),
        _q("wind_direction_deg", "°", 0, 360, "風向", "Wind direction", step=1),
        _q("solar_w_m2", "W/m²", 0, 2000, "日射", "Solar radiation", step=1),
        _q("uv_index", "1", 0, 25, "UV指数", "UV index"),
        _q("lightning_count", "1", 0, 65535, "雷の回数", "Lightning strikes", step=1),
        _q("lightning_distance_km", "km", 0, 100, "雷までの距離", "Distance of lightning", step=1),
        _q("leaf_wetness", "1", 0, 1, "葉のぬれ", "Leaf wetness", step=0.01),
        _q("surface_temperature_c", "°C", -80, 500, "表面の温度", "Surface temperature"),
        # water
        _q("water_level_mm", "mm", -5000, 100000, "水位", "Water level", step=1),
        _q("water_temperature_c", "°C", -10, 100, "水温", "Water temperature"),
        _q("water_ec_us_cm", "µS/cm", 0, 200000, "水の電気伝導度", "Water conductivity", step=1),
        _q("freezing", "0/1", 0, 1, "凍結", "Freezing", kind="state", step=1),
        # air quality
        _q("co2_ppm", "ppm", 0, 65535, "二酸化炭素", "Carbon dioxide", step=1),
        _q("tvoc_ppb", "ppb", 0, 65535, "揮発性有機物(ppb)", "Volatile organics (ppb)", step=1),
        _q("tvoc_ug_m3", "µg/m³", 0, 65535, "揮発性有機物(µg)", "Volatile organics (µg)", step=1),
        _q("tvoc_index", "1", 0, 500, "揮発性有機物の指数", "Volatile organics index", step=0.01),
        _q("air_quality_index", "1", 0, 65535, "空気質の指数", "Air quality index", step=1),
        _q("pm1_ug_m3", "µg/m³", 0, 6554, "PM1", "PM1"),
        _q("pm25_ug_m3", "µg/m³", 0, 65535, "PM2.5", "PM2.5"),
        _q("pm10_ug_m3", "µg/m³", 0, 65535, "PM10", "PM10"),
        _q("formaldehyde_mg_m3", "mg/m³", 0, 656, "ホルムアルデヒド", "Formaldehyde", step=0.01),
        _q("ozone_ppm", "ppm", 0, 656, "オゾン", "Ozone", step=0.01),
        _q("light_level", "1", 0, 10, "明るさの段階", "Light level", step=1),
        _q("sound_db", "dB", 0, 200, "音の大きさ", "Sound level"),
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
        _q("leak_count", "1", 0, 16777215, "水もれの回数", "Times leaked", kind="counter", step=1),
        _q("leak_minutes", "min", 0, 16777215, "最後に水もれしていた時間", "Last leaked for", step=1),
        _q("motion_count", "1", 0, 16777215, "動きの回数", "Times moved", kind="counter", step=1),
        _q("still_minutes", "min", 0, 65535, "最後の動きからの時間", "Since the last motion", step=1),
        _q("activity", "1", 0, 65535, "前回からの動きの数", "Motion since the last report", step=1),
        _q("occupied", "0/1", 0, 1, "人の在室", "Occupied", kind="state", step=1),
        _q("people_count", "1", 0, 65535, "人数", "People", step=1),
        _q("people_in", "1", 0, 65535, "入った人数", "People in", step=1),
        _q("people_out", "1", 0, 65535, "出た人数", "People out", step=1),
        _q("tilted", "0/1", 0, 1, "傾き", "Tilted", kind="state", step=1),
        _q("removed", "0/1", 0, 1, "取り外し", "Taken off", kind="state", step=1),
        _q("dark", "0/1", 0, 1, "暗さ", "Dark", kind="state", step=1),
        _q("acceleration_g", "g", -16, 16, "加速度", "Acceleration", step=0.01),
        # power
        _q("power_w", "W", -2147483648, 2147483645, "電力", "Power", step=1),
        _q("current_a", "A", -3276.7, 3276.5, "電流", "Current"),
        _q("energy_kwh", "kWh", 0, 1e12, "買った電力量", "Energy bought", kind="counter", step=0.01),
        _q("energy_sold_kwh", "kWh", 0, 1e12, "売った電力量", "Energy sold", kind="counter", step=0.01),
        _q("charge_ah", "Ah", 0, 42949673, "積算電流", "Charge", kind="counter", step=0.01),
        # inputs without a meaning of their own
        _q("pulse_count", "1", 0, 4294967295, "パルスの数", "Pulses", kind="counter", step=1),
        _q("pulses", "1", 0, 65535, "前回からのパルスの数", "Pulses since the last report", step=1),
        _q("digital_input", "1", 0, 255, "デジタル入力", "Digital input", step=1),
        _q("digital_output", "1", 0, 255, "デジタル出力", "Digital output", step=1),
        _q("analog_input", "1", -3e6, 3e6, "アナログ入力", "Analog input", step=0.01),
        _q("analog_output", "1", -3e6, 3e6, "アナログ出力", "Analog output", step=0.01),
        _q("voltage_v", "V", -100, 1000, "電圧", "Voltage", step=0.001),
        _q("acceleration_x_g", "g", -33, 33, "加速度x", "Acceleration x", step=0.001),
        _q("acceleration_y_g", "g", -33, 33, "加速度y", "Acceleration y", step=0.001),
        _q("acceleration_z_g", "g", -33, 33, "加速度z", "Acceleration z", step=0.001),
        _q("rotation_x_deg_s", "°/s", -330, 330, "回転x", "Rotation x", step=0.01),
        _q("rotation_y_deg_s", "°/s", -330, 330, "回転y", "Rotation y", step=0.01),
        _q("rotation_z_deg_s", "°/s", -330, 330, "回転z", "Rotation z", step=0.01),
        _q("latitude_deg", "°", -90, 90, "緯度", "Latitude", step=0.0001),
        _q("longitude_deg", "°", -180, 180, "経度", "Longitude", step=0.0001),
        _q("altitude_m", "m", -500, 10000, "標高", "Altitude", step=0.01),
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
