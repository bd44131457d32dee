"""Milesight IoT field devices (EM, TS, CT): [ channel ][ type ][ value, little endian ] on fPort 85, see `tlv`.

01 75 u8 battery %      03 67 int16 ÷10 °C       04 68 u8 ÷2 %           20 CE a record: u32 seconds, then values
EM500-SMTC 04 68 u8 ÷2 % · 04 CA u16 ÷100 % · 05 7F u16 µS/cm            UDL 03 82 u16 mm (0: no echo)
8x xx is channel 0x with an alarm byte behind its value. FF xx: versions, serial number (8 bytes), class; nothing told.

Another port is read alike: it can be set. Below zero temperatures are two's complement. EM300-DI's conversion to water
and EM400-UDL's location are known and not told. A CO2 of FFFE or FFFF is no value, as no sensor reaches it. CT10x: FFFF
and FFFD are no value (−0.1 and −0.3 °C are lost with them); the vendor's own example of a current ends with four zero
bytes, read as filling.
Sources, for the formats as facts: github.com/Milesight-IoT/SensorDecoders, README of each product;
github.com/TheThingsNetwork/lorawan-devices vendor/milesight-iot (models as named there).
"""

from firmware_bridge.codecs import DeviceKind
from firmware_bridge.tlv import Choice, Device, Family, Item, Items, Value, device, state

_ABOUT: Items = {
    "ff 01": Item("x"),
    "ff 08": Item("6x"),
    "ff 09": Item("2x"),
    "ff 0a": Item("2x"),
    "ff 0b": Item("x"),
    "ff 0f": Item("x"),
    "ff 16": Item("8x"),
    "ff 1f": Item("4x"),
    "ff fe": Item("x"),
    "ff ff": Item("2x"),
}
_NO_GAS = (0xFFFE, 0xFFFF)
AIR = Value("air_temperature_c", 10)
WET = Value("humidity_pct", 2)
CO2 = Value("co2_ppm", absent=_NO_GAS)
HPA = Value("air_pressure_hpa", 10)
_DISTANCE = Value("distance_mm", absent=(0,))
_SOIL_C = Value("soil_temperature_c", 10)
_PROBE_C = Value("probe_temperature_c", 10)
_SOIL_VWC = Value("soil_moisture_vwc_pct", 100)
OPEN, LEAK, _TILT = state("contact_open"), state("leak"), state("tilted")

BATTERY: Items = {"01 75": Item("B", (Value("battery_pct"),))}
TEMPERATURE_HUMIDITY: Items = {**BATTERY, "03 67": Item("<h", (AIR,)), "04 68": Item("B", (WET,))}
_EM500_ALARM: Items = {"83 d7": Item("<h3x", (AIR,))}
_CURRENT: Items = {
    "00 00": Item("2x"),
    "03 97": Item("<I", (Value("charge_ah", 100),)),
    "04 98": Item("<H", (Value("current_a", 100, absent=(0xFFFF,)),)),
    "09 67": Item("<h", (Value("probe_temperature_c", 10, absent=(-1, -3)),)),
    "84 98": Item("<4xHx", (Value("current_a", 100),)),
    "89 67": Item("<hx", (_PROBE_C,)),
}


def record(layout: str, *fields: Value | Choice | None) -> Items:
    """The record of channel 20: `layout` starts with its time, `fields` are the numbers after it."""
    return {"20 ce": Item(layout, fields, dated=True)}


_OUTDOOR = ("日なたでは気温より高く出る。日よけの下に付けること。", "Reads high in the sun: mount it in a shield.")
_ECHO = (
    "粉雪や吹雪では反射を失う。近すぎる物(死角)は測れない。気温の補正は機器まかせ。夏は草を雪と見る。",
    "Powder and blowing snow swallow the echo; nothing too near (its blind zone) is measured; in summer it sees grass.",
)
_SOIL = (
    "水分は鉱質土の検量線による。黒ボク土では二点補正をすること。凍った土では低く出る。",
    "Moisture uses a mineral-soil curve: calibrate volcanic ash soil at two points. Reads low in frozen soil.",
)
CLOSED = ("磁石がずれると「開」のままになる。", "Stays at open where its magnet has slipped.")
DROPS = (
    "電極が水にふれてはじめて分かる。結露でも反応することがある。",
    "Only sees water that reaches its contacts; condensation may count as a leak.",
)
_PULSES = (
    "パルスの数だけを伝える。1パルスが何mm・何Lかは計器による。水量への換算値は読まない。",
    "Tells pulses only: what one pulse is depends on the meter. The device's own conversion to water is not read.",
)
_LEVEL = ("凍ると値は当てにならない。", "Not to be trusted when frozen.")
GAS = ("二酸化炭素は外気で校正しないと少しずつずれる。", "CO2 drifts unless it sees fresh air now and then.")
_CLAMP = (
    "交流の電流だけを測る。向きと力率は分からない。",
    "Alternating current only: neither direction nor power factor.",
)


def product(
    identity: str,
    name: str,
    kinds: tuple[DeviceKind, ...],
    cannot: tuple[str, str],
    items: Items,
    interval_s: float = 600,
) -> Device:
    """One product: `cannot` in Japanese and English, `items` without what every device says about itself."""
    return device(
        {**items, **_ABOUT},
        id=f"milesight-iot/{identity}",
        name=f"Milesight {name}",
        kinds=kinds,
        interval_s=interval_s,
        source=f"github.com/Milesight-IoT/SensorDecoders {identity.upper()} README",
        cannot_ja=cannot[0],
        cannot_en=cannot[1],
    )


_FAMILY = Family(
    (
        product(
            "em300-th",
            "EM300-TH temperature and humidity",
            ("climate", "weather"),
            _OUTDOOR,
            {**TEMPERATURE_HUMIDITY, **record("<IhBx", AIR, WET)},
        ),
        product(
            "em320-th",
            "EM320-TH temperature and humidity",
            ("climate", "weather"),
            _OUTDOOR,
            {**TEMPERATURE_HUMIDITY, **record("<IhB", AIR, WET)},
        ),
        product(
            "em300-mcs",
            "EM300-MCS magnetic contact, temperature, humidity",
            ("contact", "climate"),
            CLOSED,
            {**TEMPERATURE_HUMIDITY, "06 00": Item("B", (OPEN,)), **record("<IhBB", AIR, WET, OPEN)},
        ),
        *(
            product(
                identity,
                name,
                ("leak", "climate"),
                DROPS,
                {**TEMPERATURE_HUMIDITY, "05 00": Item("B", (LEAK,)), **record("<IhBB", AIR, WET, LEAK)},
            )
            for identity, name in (
                ("em300-sld", "EM300-SLD spot leak, temperature, humidity"),
                ("em300-zld", "EM300-ZLD zone leak, temperature, humidity"),
            )
        ),
        product(
            "em300-di",
            "EM300-DI pulse counter, temperature, humidity",
            ("weather", "climate"),
            _PULSES,
            {
                **TEMPERATURE_HUMIDITY,
                "05 00": Item("B", (Value("digital_input"),)),
                "05 c8": Item("<I", (Value("pulse_count"),)),
                "06 e1": Item("8x"),
                "85 00": Item("Bx", (Value("digital_input"),)),
                "86 e1": Item("9x"),
                **record("<IhBBxI", AIR, WET, None, Value("pulse_count", when=(2, 2))),
                "21 ce": Item("<IhB11x", (AIR, WET), dated=True),
            },
        ),
        product(
            "em310-udl",
            "EM310-UDL ultrasonic distance",
            ("snow",),
            _ECHO,
            {**BATTERY, "03 82": Item("<H", (_DISTANCE,)), "04 00": Item("B", (_TILT,))},
        ),
        product(
            "em400-udl",
            "EM400-UDL ultrasonic distance",
            ("snow",),
            _ECHO,
            {
                **BATTERY,
                "03 67": Item("<h", (AIR,)),
                "04 82": Item("<H", (_DISTANCE,)),
                "05 00": Item("B", (_TILT,)),
                "06 88": Item("9x"),
                "83 67": Item("<hx", (AIR,)),
                "84 82": Item("<Hx", (_DISTANCE,)),
            },
        ),
        product(
            "em500-udl",
            "EM500-UDL ultrasonic distance",
            ("snow",),
            _ECHO,
            {**BATTERY, "03 82": Item("<H", (_DISTANCE,)), **record("<IH", _DISTANCE)},
        ),
        product(
            "em500-smtc",
            "EM500-SMTC soil moisture, temperature, conductivity",
            ("soil",),
            _SOIL,
            {
                **BATTERY,
                "03 67": Item("<h", (_SOIL_C,)),
                "04 68": Item("B", (Value("soil_moisture_vwc_pct", 2),)),
                "04 ca": Item("<H", (_SOIL_VWC,)),
                "05 7f": Item("<H", (Value("soil_ec_us_cm"),)),
                "83 d7": Item("<h3x", (_SOIL_C,)),
                **record("<IHhH", Value("soil_ec_us_cm"), _SOIL_C, _SOIL_VWC),
            },
        ),
        product(
            "em500-co2",
            "EM500-CO2 carbon dioxide, pressure, temperature, humidity",
            ("air-quality", "climate"),
            GAS,
            {
                **TEMPERATURE_HUMIDITY,
                "05 7d": Item("<H", (CO2,)),
                "06 73": Item("<H", (HPA,)),
                **_EM500_ALARM,
                **record("<IHHhB", CO2, HPA, AIR, WET),
            },
        ),
        product(
            "em500-pt100",
            "EM500-PT100 temperature probe",
            ("climate",),
            ("プローブの温度であり、気温とは限らない。", "The temperature of its probe, which need not be the air's."),
            {
                **BATTERY,
                "03 67": Item("<h", (_PROBE_C,)),
                "83 d7": Item("<h3x", (_PROBE_C,)),
                **record("<Ih", _PROBE_C),
            },
        ),
        product(
            "ts101",
            "TS101 insertion temperature",
            ("climate",),
            ("差し込んだ物の温度であり、気温ではない。", "The temperature of what it is pushed into, not the air's."),
            {**BATTERY, "03 67": Item("<h", (_PROBE_C,))},
        ),
        product(
            "em500-lgt",
            "EM500-LGT light",
            ("weather",),
            ("雪や霜が付くと暗く出る。", "Reads dark under snow or frost."),
            {**BATTERY, "03 94": Item("<I", (Value("illuminance_lx"),)), **record("<II", Value("illuminance_lx"))},
        ),
        product(
            "em500-swl",
            "EM500-SWL submersible water level",
            ("weather",),
            _LEVEL,
            {
                **BATTERY,
                "03 77": Item("<H", (Value("water_level_mm", factor=10),)),
                **record("<IH", Value("water_level_mm", factor=10)),
            },
        ),
        *(
            product(identity, name, ("power",), _CLAMP, _CURRENT)
            for identity, name in (
                ("ct101", "CT101 current clamp"),
                ("ct103", "CT103 current clamp"),
                ("ct105", "CT105 current clamp"),
            )
        ),
    )
)
MODELS, decode, encode = _FAMILY.models, _FAMILY.decode, _FAMILY.encode
