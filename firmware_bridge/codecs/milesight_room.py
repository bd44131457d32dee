"""Milesight IoT for rooms (AM, WS, VS): [ channel ][ type ][ value, little endian ] on fPort 85, see `tlv`.

What the field devices share (battery, temperature, humidity, FF xx) is in `milesight`. Besides:
AM 05 6A u16 activity · 06 65 u16 lx, u16 visible and infrared, u16 infrared · 06 CB u8 level · 07 7D u16 ppm CO2
   08 E6 u16 µg/m³ · 09 73 u16 ÷10 hPa · 0A 7D u16 ÷100 mg/m³ HCHO · 0B, 0C 7D u16 µg/m³ PM2.5, PM10 · 0D 7D ÷100 ppm O3
WS101 FF 2E u8: 1 short, 2 long, 3 double press → button on channel 0 (any) and 1, 2 or 3
VS121 04 C9 u8 people, then its zones · 05 CC u16 in, u16 out · 07, 08 D5 people in zones 1–8, 9–16 (their channels)

Known and not told, because the sources contradict each other: AM3xx's TVOC on 08 7D (µg/m³ or an index), AM319's last
two record bytes (formaldehyde or ozone).
Sources, for the formats as facts: github.com/Milesight-IoT/SensorDecoders, README of each product;
github.com/TheThingsNetwork/lorawan-devices vendor/milesight-iot (models as named there).
"""

from firmware_bridge.codecs.milesight import (
    AIR,
    BATTERY,
    CLOSED,
    CO2,
    DROPS,
    GAS,
    HPA,
    LEAK,
    OPEN,
    TEMPERATURE_HUMIDITY,
    WET,
    product,
    record,
)
from firmware_bridge.tlv import Choice, Family, Item, Items, Value, state

_MOTION, _OCCUPIED = state("motion"), state("occupied")
_DAYLIGHT = Choice({0: (("dark", 1, 0),), 1: (("dark", 0, 0),)})
_PRESS = Choice({raw: (("button", 1, 0), ("button", 1, raw)) for raw in (1, 2, 3)})
_ROOM = Choice({0: (("occupied", 0, 0),), 1: (("occupied", 1, 0),), 2: (), 3: ()})
_AM300: Items = {
    **TEMPERATURE_HUMIDITY,
    "05 00": Item("B", (_MOTION,)),
    "06 cb": Item("B", (Value("light_level"),)),
    "07 7d": Item("<H", (CO2,)),
    "08 7d": Item("2x"),
    "08 e6": Item("<H", (Value("tvoc_ug_m3"),)),
    "09 73": Item("<H", (HPA,)),
}
_AM300_RECORD = (AIR, WET, _MOTION, Value("light_level"), CO2, HPA)
_PM: Items = {"0b 7d": Item("<H", (Value("pm25_ug_m3"),)), "0c 7d": Item("<H", (Value("pm10_ug_m3"),))}
_PM_RECORD = (*_AM300_RECORD, Value("pm25_ug_m3"), Value("pm10_ug_m3"))
_LIGHT: Items = {"05 6a": Item("<H", (Value("activity"),)), "06 65": Item("<H4x", (Value("illuminance_lx"),))}
_ROOM_AIR = (
    GAS[0] + "TVOC(08 7D)は単位が資料で食い違うため読まない。",
    GAS[1] + " TVOC on 08 7D is not read: the sources disagree about its unit.",
)
_INDOOR = ("室内用。凍る所では使わないこと。", "For indoors: not where it freezes.")
_STILL = (
    "動きがないことと、人がいないことは同じではない。ペットや暖房の風にも反応する。",
    "No motion does not mean nobody; and pets or warm air count as motion.",
)
_BUTTON = (
    "押した信号が届かないことがある。押されたことを光や音で本人に返す手段を別に用意すること。",
    "A press can be lost on the air: give the person another sign that it was heard.",
)
_CAMERA = ("人数はカメラの推定。暗い部屋では数えられない。", "People are a camera's estimate: not in a dark room.")


def _counts(first: int) -> Item:
    return Item("8B", tuple(Value("people_count", channel=first + place) for place in range(8)))


_FAMILY = Family(
    (
        product(
            "am102",
            "AM102 temperature and humidity",
            ("climate",),
            _INDOOR,
            {**TEMPERATURE_HUMIDITY, **record("<IhB", AIR, WET)},
        ),
        product(
            "am103",
            "AM103 temperature, humidity, CO2",
            ("air-quality", "climate"),
            GAS,
            {**TEMPERATURE_HUMIDITY, "07 7d": Item("<H", (CO2,)), **record("<IhBH", AIR, WET, CO2)},
        ),
        product(
            "am104",
            "AM104 temperature, humidity, light, motion",
            ("climate", "motion"),
            _STILL,
            {**TEMPERATURE_HUMIDITY, **_LIGHT},
        ),
        product(
            "am107",
            "AM107 temperature, humidity, light, motion, CO2, TVOC, pressure",
            ("air-quality", "climate", "motion"),
            GAS,
            {
                **TEMPERATURE_HUMIDITY,
                **_LIGHT,
                "07 7d": Item("<H", (CO2,)),
                "08 7d": Item("<H", (Value("tvoc_ppb"),)),
                "09 73": Item("<H", (HPA,)),
            },
        ),
        product(
            "am307",
            "AM307 room air",
            ("air-quality", "climate", "motion"),
            _ROOM_AIR,
            {**_AM300, "0e 01": Item("x"), **record("<IhHBBH2xH", *_AM300_RECORD)},
        ),
        product(
            "am308",
            "AM308 room air and particles",
            ("air-quality", "climate", "motion"),
            _ROOM_AIR,
            {**_AM300, **_PM, "0e 01": Item("x"), **record("<IhHBBH2xHHH", *_PM_RECORD)},
        ),
        product(
            "am319",
            "AM319 room air, particles, formaldehyde or ozone",
            ("air-quality", "climate", "motion"),
            _ROOM_AIR,
            {
                **_AM300,
                "0a 7d": Item("<H", (Value("formaldehyde_mg_m3", 100),)),
                **_PM,
                "0d 7d": Item("<H", (Value("ozone_ppm", 100),)),
                "0e 01": Item("x"),
                **record("<IhHBBH2xHHH2x", *_PM_RECORD),
            },
        ),
        product(
            "ws101",
            "WS101 button",
            ("button",),
            _BUTTON,
            {**BATTERY, "ff 2e": Item("B", (_PRESS,))},
            interval_s=64800,
        ),
        product(
            "ws202",
            "WS202 motion and light",
            ("motion",),
            _STILL,
            {**BATTERY, "03 00": Item("B", (_MOTION,)), "04 00": Item("B", (_DAYLIGHT,))},
            interval_s=3600,
        ),
        product(
            "ws203",
            "WS203 motion, temperature, humidity",
            ("motion", "climate"),
            _STILL,
            {
                **TEMPERATURE_HUMIDITY,
                "05 00": Item("B", (_OCCUPIED,)),
                "83 67": Item("<hx", (AIR,)),
                **record("<IxBhB", _OCCUPIED, AIR, WET),
            },
        ),
        product(
            "ws301",
            "WS301 magnetic contact",
            ("contact",),
            CLOSED,
            {**BATTERY, "03 00": Item("B", (OPEN,)), "04 00": Item("B", (state("removed"),))},
            interval_s=3600,
        ),
        product(
            "ws303",
            "WS303 leak",
            ("leak",),
            DROPS,
            {**BATTERY, "03 00": Item("B", (LEAK,))},
            interval_s=3600,
        ),
        product(
            "vs121",
            "VS121 people counter",
            ("motion",),
            _CAMERA,
            {
                "04 c9": Item("B3x", (Value("people_count"),)),
                "05 cc": Item("<HH", (Value("people_in"), Value("people_out"))),
                "06 cd": Item("x"),
                "07 d5": _counts(1),
                "08 d5": _counts(9),
                **{f"{channel:02x} da": Item("8x") for channel in range(9, 13)},
            },
        ),
        product(
            "vs330",
            "VS330 bathroom occupancy",
            ("motion",),
            _STILL,
            {
                **BATTERY,
                "02 a5": Item("8x"),
                "03 8e": Item("B", (_ROOM,)),
                "04 a8": Item("x"),
                "06 a6": Item("4x"),
                "08 a8": Item("x"),
            },
        ),
        *(
            product(identity, name, ("motion",), _STILL, {**BATTERY, "03 00": Item("B", (_OCCUPIED,))}, interval_s=3600)
            for identity, name in (("vs340", "VS340 desk occupancy"), ("vs341", "VS341 seat occupancy"))
        ),
        product(
            "vs370",
            "VS370 radar presence",
            ("motion",),
            _STILL,
            {**BATTERY, "03 00": Item("B", (_DAYLIGHT,)), "04 00": Item("B", (_OCCUPIED,))},
            interval_s=3600,
        ),
    )
)
MODELS, decode, encode = _FAMILY.models, _FAMILY.decode, _FAMILY.encode
