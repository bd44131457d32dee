"""Seeed SenseCAP S2101–S2105 and the S2120 weather station, over LoRaWAN, in two formats.

S210x   [ channel u8 ][ id u16 ][ value int32 ÷1000 ] … [ CRC-16 ]      little endian, CRC-16/KERMIT of all before it
        id 1001 air °C · 1002 % · 1003 lx · 1004 ppm CO2 · 1006 soil °C · 1007, 100E soil % · 100C soil dS/m
        channel 0: id 7 battery u16 %, u16 minutes between reports; ids 0 to 6 and 0120 tell about the device itself
S2120   [ id u8 ][ value, big endian ] …                                       see `tlv`
        01, 4A int16 ÷10 °C, u8 %, u32 lx, u8 ÷10 UV, u16 ÷10 m/s · 02, 4B u16 °, u32 ÷1000 mm/h, u16 ÷10 hPa
        03 u8 battery % · 04 u8 battery %, versions, intervals · 4C u16 ÷10 m/s gust, u32 ÷1000 mm rain in total
        05, 06 (fault of its sensor head), 10: nothing told

The vendor's decoders do not check the CRC, and read lux above 2³¹ as negative.
Sources: github.com/TheThingsNetwork/lorawan-devices vendor/sensecap; github.com/Seeed-Solution/SenseCAP-Decoder S2120;
wiki.seeedstudio.com list of measurement ids (units).
"""

from collections.abc import Sequence

from firmware_bridge.codecs import DeviceKind
from firmware_bridge.crc import crc16_kermit
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading
from firmware_bridge.tlv import Device, Family, Item, Items, Value, device

_S2120 = "sensecap/sensecaps2120-8-in-1"
_ABOUT: Items = {
    "00 00 00": Item("4x"),
    "00 07 00": Item("<H2x", (Value("battery_pct"),)),
    **{f"01 {number:02x} 00": Item("4x") for number in range(7)},
    "01 20 01": Item("4x"),
}
_AIR_ITEM = Item(
    ">hBIBH",
    (
        Value("air_temperature_c", 10),
        Value("humidity_pct"),
        Value("illuminance_lx"),
        Value("uv_index", 10),
        Value("wind_speed_m_s", 10),
    ),
)
_RAIN_ITEM = Item(">HIH", (Value("wind_direction_deg"), Value("rain_rate_mm_h", 1000), Value("air_pressure_hpa", 10)))
_WEATHER: Items = {
    "01": _AIR_ITEM,
    "02": _RAIN_ITEM,
    "03": Item("B", (Value("battery_pct"),)),
    "04": Item("B8x", (Value("battery_pct"),)),
    "05": Item("4x"),
    "06": Item("x"),
    "10": Item("9x"),
    "4a": _AIR_ITEM,
    "4b": _RAIN_ITEM,
    "4c": Item(">HI", (Value("wind_gust_m_s", 10), Value("rain_total_mm", 1000))),
}


def _value(number: int, quantity: str, factor: int = 1) -> Items:
    tag = b"\x01" + number.to_bytes(2, "little")
    return {tag.hex(" "): Item("<i", (Value(quantity, 1000, factor),))}


def _product(
    identity: str,
    name: str,
    kinds: tuple[DeviceKind, ...],
    ja: str,
    en: str,
    items: Items,
    **limits: tuple[float, float],
) -> Device:
    return device(
        items,
        id=f"sensecap/{identity}",
        name=f"SenseCAP {name}",
        kinds=kinds,
        interval_s=3600,
        source=f"github.com/TheThingsNetwork/lorawan-devices vendor/sensecap/{identity}; wiki.seeedstudio.com",
        cannot_ja=ja,
        cannot_en=en,
        limits=limits,
    )


_SOIL_JA = "水分は鉱質土の検量線による。黒ボク土では二点補正をすること。凍った土では低く出る。"
_SOIL_EN = "Moisture uses a mineral-soil curve: calibrate volcanic ash soil at two points. Reads low in frozen soil."
_SUN = ("日なたでは気温より高く出る。", "Reads high in the sun.")
_FAMILY = Family(
    (
        _product(
            "sensecaps2101-temp-humid",
            "S2101 air temperature and humidity",
            ("climate", "weather"),
            *_SUN,
            {**_value(0x1001, "air_temperature_c"), **_value(0x1002, "humidity_pct"), **_ABOUT},
            air_temperature_c=(-40, 90),
            humidity_pct=(0, 100),
        ),
        _product(
            "sensecaps2102-light",
            "S2102 light",
            ("weather",),
            "雪や霜が付くと暗く出る。",
            "Reads dark under snow or frost.",
            {**_value(0x1003, "illuminance_lx"), **_ABOUT},
            illuminance_lx=(0, 188_000),
        ),
        _product(
            "sensecaps2103-co2-temp-humid",
            "S2103 CO2, temperature, humidity",
            ("air-quality", "climate"),
            "二酸化炭素は外気で校正しないと少しずつずれる。",
            "CO2 drifts unless it sees fresh air now and then.",
            {
                **_value(0x1001, "air_temperature_c"),
                **_value(0x1002, "humidity_pct"),
                **_value(0x1004, "co2_ppm"),
                **_ABOUT,
            },
            air_temperature_c=(-40, 90),
            co2_ppm=(0, 10_000),
        ),
        _product(
            "sensecaps2104-soil-moisture-temp",
            "S2104 soil moisture and temperature",
            ("soil",),
            _SOIL_JA,
            _SOIL_EN,
            {
                **_value(0x1006, "soil_temperature_c"),
                **_value(0x1007, "soil_moisture_vwc_pct"),
                **_value(0x100E, "soil_moisture_vwc_pct"),
                **_ABOUT,
            },
            soil_temperature_c=(-30, 70),
        ),
        _product(
            "sensecaps2105-soll-moisture-temp-ec",
            "S2105 soil moisture, temperature, conductivity",
            ("soil",),
            _SOIL_JA,
            _SOIL_EN,
            {
                **_value(0x1006, "soil_temperature_c"),
                **_value(0x1007, "soil_moisture_vwc_pct"),
                **_value(0x100E, "soil_moisture_vwc_pct"),
                **_value(0x100C, "soil_ec_us_cm", 1000),
                **_ABOUT,
            },
            soil_temperature_c=(-40, 60),
            soil_ec_us_cm=(0, 23000),
        ),
        _product(
            _S2120.partition("/")[2],
            "S2120 weather station",
            ("weather",),
            "雪は測れない(雨量の口に積もり、とけてから数える)。着氷すると風速が0になる。日なたでは気温が高く出る。",
            "Cannot measure snow: it fills the rain opening and counts when it melts. Ice stops the wind cups at 0. "
            "Temperature reads high in the sun.",
            _WEATHER,
        ),
    )
)
MODELS = _FAMILY.models


def decode(model: str, port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of an uplink on any port. DecodeError crc (S210x), and those of `tlv.Family.decode`."""
    if model == _S2120:
        return _FAMILY.decode(model, port, payload)
    if len(payload) < 2 or crc16_kermit(payload[:-2]) != int.from_bytes(payload[-2:], "little"):
        raise DecodeError("crc", f"{len(payload)} bytes whose last two are not the checksum of the others")
    return _FAMILY.decode(model, port, payload[:-2])


def encode(model: str, port: int, readings: Sequence[Reading]) -> bytes:
    """Uplink for these readings. DecodeError `missing` where one cannot be said, or not without others."""
    frame = _FAMILY.encode(model, port, readings)
    return frame if model == _S2120 else frame + crc16_kermit(frame).to_bytes(2, "little")
