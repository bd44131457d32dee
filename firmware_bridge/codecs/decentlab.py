"""Decentlab over LoRaWAN (fPort 1): one frame for the whole family, see `flagged`; then each product's own groups.

A word's reading is (word + shift) × factor ÷ divisor + offset, to four decimals.
Derived, and left out where they make no sense: water content (Topp's curve for DL-5TM, the maker's for DL-TRS), the
permittivity of DL-TRS, DL-IAM's lux. DL-SMTP's moisture has no documented unit: its word is told as it is. A level that
is not there (word 0) and a distance of no valid sample are left out. DL-TBRG: 0.1 mm a tip.
Sources: github.com/TheThingsNetwork/lorawan-devices vendor/decentlab; github.com/decentlab/decentlab-decoders;
github.com/chirpstack/chirpstack-device-profiles vendors/decentlab.
"""

from collections.abc import Mapping, Sequence

from firmware_bridge import flagged
from firmware_bridge.codecs import DeviceKind, Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.flagged import Derived, Group, Word, Words
from firmware_bridge.reading import Reading

_MIDDLE = -32768


def _middle(quantity: str, at: int, divisor: int = 1, channel: int = 0) -> Word:
    return Word(quantity, at, _MIDDLE, divisor, channel=channel)


def _share(value: float) -> float | None:
    return round(value, 4) if 0 <= value <= 100 else None


def _topp(words: Words) -> float | None:
    e = words[0] / 50
    return _share(100 * (4.3e-6 * e**3 - 5.5e-4 * e**2 + 2.92e-2 * e - 5.3e-2))


def _trs_water(words: Words) -> float | None:
    return _share(100 * (words[0] / 10 * 0.0003879 - 0.6956))


def _trs_permittivity(words: Words) -> float | None:
    count = words[0] / 10
    value = (2.887e-9 * count**3 - 2.08e-5 * count**2 + 5.276e-2 * count - 43.39) ** 2
    return round(value, 4) if 1 <= value <= 82 else None


def _lux(words: Words) -> float:
    both, infrared = words[0], words[1]
    return round(max(both - 1.64 * infrared, 0.59 * both - 0.86 * infrared, 0) * 1.5504, 5)


def _lux_words(lux: float) -> tuple[int, int]:
    """Some pair of counts that gives these lux."""
    for infrared in range(2000):
        both = lux / 1.5504 + 1.64 * infrared
        if abs(both - round(both)) < 1e-4 and _lux((round(both), infrared)) == lux:
            return round(both), infrared
    raise DecodeError("missing", f"no counts of its light sensor are {lux:g} lx")


def _distance(words: Words) -> float | None:
    return words[0] if words[1] else None


def _distance_words(distance_mm: float) -> tuple[int, int]:
    return round(distance_mm), 1


_BATTERY = Group(1, (Word("battery_v", 0, divisor=1000),))
_SHT35 = Group(
    2,
    (Word("air_temperature_c", 0, 0, 65535, 175, -45), Word("humidity_pct", 1, 0, 65535, 100)),
)
_SHT21 = Group(
    2,
    (
        Word("air_temperature_c", 0, 0, 6553600, 17572, -46.85),
        Word("humidity_pct", 1, 0, 65536, 125, -6),
    ),
)
_PRESSURE = Group(1, (Word("air_pressure_hpa", 0, divisor=50),))
_TRS = (
    Word("soil_raw_moisture", 0),
    Derived("soil_permittivity", _trs_permittivity),
    Derived("soil_moisture_vwc_pct", _trs_water),
    _middle("soil_temperature_c", 1, 10),
)
_GROUPS: Mapping[str, tuple[Group, ...]] = {
    "dl-smtp": (
        Group(
            16,
            tuple(
                field
                for level in range(8)
                for field in (
                    Word("soil_raw_moisture", 2 * level, channel=level, absent=0),
                    Word("soil_temperature_c", 2 * level + 1, _MIDDLE, 100, channel=level, absent=0),
                )
            ),
        ),
        _BATTERY,
    ),
    "dl-trs11": (Group(2, _TRS), _BATTERY),
    "dl-trs12": (Group(3, (*_TRS, Word("soil_ec_us_cm", 2))), _BATTERY),
    "dl-trs21": (
        Group(2, (Word("soil_water_potential_kpa", 0, 0, -10), _middle("soil_temperature_c", 1, 10))),
        _BATTERY,
    ),
    "dl-5tm": (
        Group(
            2,
            (
                Word("soil_permittivity", 0, divisor=50),
                Derived("soil_moisture_vwc_pct", _topp),
                Word("soil_temperature_c", 1, -400, 10),
            ),
        ),
        _BATTERY,
    ),
    "dl-tp": (
        Group(
            16,
            tuple(Word("soil_temperature_c", level, _MIDDLE, 100, channel=level, absent=0) for level in range(16)),
        ),
        _BATTERY,
    ),
    "dl-mbx": (Group(2, (Derived("distance_mm", _distance, _distance_words),)), _BATTERY),
    "dl-sht35-001": (_SHT35, _BATTERY),
    "dl-sht35-002": (_SHT35, _BATTERY),
    "dl-atm22": (
        Group(
            8,
            (
                _middle("wind_speed_m_s", 0, 100),
                _middle("wind_direction_deg", 1, 10),
                _middle("wind_gust_m_s", 2, 100),
                _middle("air_temperature_c", 3, 10),
            ),
        ),
        _BATTERY,
    ),
    "dl-atm41": (
        Group(
            17,
            (
                _middle("solar_w_m2", 0),
                _middle("rain_mm", 1, 1000),
                _middle("lightning_count", 2),
                _middle("lightning_distance_km", 3),
                _middle("wind_speed_m_s", 4, 100),
                _middle("wind_direction_deg", 5, 10),
                _middle("wind_gust_m_s", 6, 100),
                _middle("air_temperature_c", 7, 10),
                _middle("vapour_pressure_kpa", 8, 100),
                Word("air_pressure_hpa", 9, _MIDDLE, 10),
                _middle("humidity_pct", 10, 10),
            ),
        ),
        _BATTERY,
    ),
    "dl-atm41g2": (
        Group(
            17,
            (
                _middle("solar_w_m2", 0, 10),
                Word("rain_mm", 1, divisor=1000),
                _middle("lightning_count", 2),
                _middle("lightning_distance_km", 3),
                _middle("wind_speed_m_s", 4, 100),
                _middle("wind_direction_deg", 5, 10),
                _middle("wind_gust_m_s", 6, 100),
                _middle("air_temperature_c", 7, 10),
                _middle("vapour_pressure_kpa", 8, 100),
                Word("air_pressure_hpa", 9, _MIDDLE, 10),
                _middle("humidity_pct", 10, 10),
                Word("rain_total_mm", 15, divisor=1000, wide=True),
            ),
        ),
        _BATTERY,
    ),
    "dl-tbrg": (
        Group(4, (Word("rain_mm", 0, divisor=10), Word("rain_total_mm", 2, divisor=10, wide=True))),
        _BATTERY,
    ),
    "dl-lws": (
        Group(2, (Word("leaf_wetness", 0, -8388608, 8388608, wide=True),)),
        _BATTERY,
    ),
    "dl-ctd10": (
        Group(
            4,
            (
                _middle("water_level_mm", 0),
                _middle("water_temperature_c", 1, 10),
                Word("water_ec_us_cm", 2),
                Word("freezing", 3),
            ),
        ),
        _BATTERY,
    ),
    "dl-wrm": (_SHT35, Group(2, (Word("surface_temperature_c", 0, -1000, 10),)), _BATTERY),
    "dl-iam": (
        _BATTERY,
        _SHT35,
        _PRESSURE,
        Group(2, (Derived("illuminance_lx", _lux, _lux_words),)),
        Group(3, (_middle("co2_ppm", 0),)),
        Group(1, (Word("activity", 0),)),
        Group(1, (Word("tvoc_ppb", 0),)),
    ),
    "dl-lp8p": (
        _SHT21,
        Group(2, (Word("air_pressure_hpa", 1, divisor=50),)),
        Group(8, (_middle("co2_ppm", 0),)),
        _BATTERY,
    ),
    "dl-pm": (
        _BATTERY,
        Group(
            10,
            (
                Word("pm1_ug_m3", 0, divisor=10),
                Word("pm25_ug_m3", 1, divisor=10),
                Word("pm10_ug_m3", 3, divisor=10),
            ),
        ),
        _SHT21,
        _PRESSURE,
    ),
}

_SOIL = (
    "水分は鉱質土の検量線による。黒ボク土では二点補正をすること。凍った土では低く出る。",
    "Moisture uses a mineral-soil curve: calibrate volcanic ash soil at two points. Reads low in frozen soil.",
)
_RAW_SOIL = (
    "水分は単位のない生の値。深さごとに現地で補正すること。",
    "Moisture is a raw count without a unit: calibrate each depth in the field.",
)
_RAIN = (
    "雪は測れない(口に積もり、とけてから数える)。着氷すると風が0になることがある。",
    "Cannot measure snow: it fills the opening and counts when it melts. Ice may stop the wind at 0.",
)
_ECHO = (
    "粉雪や吹雪では反射を失う。気温の補正がない。夏は草を雪と見る。",
    "Powder and blowing snow swallow the echo; not compensated for the air's temperature; in summer it sees grass.",
)
_SHIELD = ("日よけが雪で埋まると気温ではなくなる。", "No longer the air's temperature when snow buries its shield.")
_TIPS = ("1回0.1 mmの機種用。" + _RAIN[0], "For the model of 0.1 mm a tip. " + _RAIN[1])
_ICE = ("凍ると値は当てにならない(freezingが1)。", "Not to be trusted when frozen (freezing is 1).")
_GAS = ("二酸化炭素は外気で校正しないと少しずつずれる。", "CO2 drifts unless it sees fresh air now and then.")
_DUST = ("霧や吹雪を粒子として数える。", "Counts fog and blowing snow as particles.")
_LEAF = ("雪と霜では値が当てにならない。", "Not to be trusted under snow or frost.")
_SURFACE = ("放射率と窓の汚れで表面温度がずれる。", "Off with the surface's emissivity, and with a dirty window.")


def _product(identity: str, name: str, kinds: tuple[DeviceKind, ...], cannot: tuple[str, str]) -> Model:
    fields = [field for group in _GROUPS[identity] for field in group.fields]
    words = [field for field in fields if isinstance(field, Word)]
    return Model(
        id=f"decentlab/{identity}",
        name=f"Decentlab {identity.upper()} {name}",
        kinds=kinds,
        link="lorawan",
        quantities=tuple(dict.fromkeys(field.quantity for field in fields)),
        interval_s=600,
        source=f"github.com/decentlab/decentlab-decoders {identity.upper()}",
        cannot_ja=cannot[0],
        cannot_en=cannot[1],
        resolution={word.quantity: round(abs(word.factor / word.divisor), 9) for word in words},
    )


MODELS: tuple[Model, ...] = (
    _product("dl-smtp", "soil moisture and temperature profile", ("soil",), _RAW_SOIL),
    _product("dl-trs11", "soil moisture and temperature", ("soil",), _SOIL),
    _product("dl-trs12", "soil moisture, temperature, conductivity", ("soil",), _SOIL),
    _product("dl-trs21", "soil water potential and temperature", ("soil",), _SOIL),
    _product("dl-5tm", "soil moisture and temperature", ("soil",), _SOIL),
    _product("dl-tp", "temperature profile", ("soil", "snow"), _SHIELD),
    _product("dl-mbx", "ultrasonic distance", ("snow",), _ECHO),
    _product("dl-sht35-001", "air temperature and humidity", ("climate", "weather"), _SHIELD),
    _product("dl-sht35-002", "air temperature and humidity, shielded", ("climate", "weather"), _SHIELD),
    _product("dl-atm22", "wind and air temperature", ("weather",), _RAIN),
    _product("dl-atm41", "weather station", ("weather",), _RAIN),
    _product("dl-atm41g2", "weather station, second generation", ("weather",), _RAIN),
    _product("dl-tbrg", "tipping bucket rain gauge", ("weather",), _TIPS),
    _product("dl-lws", "leaf wetness", ("weather",), _LEAF),
    _product("dl-ctd10", "water level, temperature, conductivity", ("weather",), _ICE),
    _product("dl-wrm", "winter road: air and surface temperature", ("weather", "snow"), _SURFACE),
    _product("dl-iam", "indoor ambiance monitor", ("air-quality", "climate", "motion"), _GAS),
    _product("dl-lp8p", "CO2, temperature, humidity, pressure", ("air-quality", "climate"), _GAS),
    _product("dl-pm", "particulate matter", ("air-quality", "climate"), _DUST),
)


def decode(model: str, port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of an uplink. DecodeError port, and those of `flagged.decode`."""
    if port != 1:
        raise DecodeError("port", f"wanted fPort 1, got {port}")
    return flagged.decode(_GROUPS[model.partition("/")[2]], payload)


def encode(model: str, _port: int, readings: Sequence[Reading]) -> bytes:
    """Uplink of device 1 for these readings. DecodeError `missing` where a group gets only a part of its values."""
    return flagged.encode(_GROUPS[model.partition("/")[2]], readings)
