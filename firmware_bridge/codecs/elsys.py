"""Elsys ERS, ELT and EMS over LoRaWAN (fPort 5; 1 in some examples): [ type ][ value, big endian ], see `tlv`.

01 int16 ÷10 °C        02 u8 %          03 3 × int8, 63 = 1 g         04 u16 lx      05 u8 motions since the last report
06 u16 ppm CO2         07 u16 mV supply 08, 18 u16 mV input 1, 2      0A, 16 u16 pulses since the last report
0B, 17 u32 pulses      0C, 19 int16 ÷10 °C probe 1, 2                 0D, 1A u8 digital input 1, 2
0E u16 mm              0F u8 shakes     10 2 × int16 ÷10 °C infrared: own, surface
11 u8 0 vacant, 1 undecided, 2 occupied 12 u8 wetness 14 u32 ÷1000 hPa 15 u8 peak, u8 mean dB  1B int32 µV  1C u16 ppb
09 position, 13 infrared picture, 3D debug: known, not told.

Inputs 1 and 2 are channels 0 and 1, the µV input channel 2; sound's mean is channel 0, its peak 1; shakes are activity
on channel 1. `motion` is 1 where a motion was counted. Any wetness above 0 is a leak: no source says a threshold.
Source: github.com/TheThingsNetwork/lorawan-devices vendor/elsys/elsys.js and the examples beside it; elsys.se.
"""

from firmware_bridge.codecs import DeviceKind
from firmware_bridge.tlv import Choice, Device, Family, Item, Items, Value, device

_MOTIONS = Choice({raw: (("activity", raw, 0), ("motion", min(raw, 1), 0)) for raw in range(256)})
_WETNESS = Choice({raw: (("leak", min(raw, 1), 0),) for raw in range(256)})
_OCCUPANCY = Choice({0: (("occupied", 0, 0),), 1: (), 2: (("occupied", 1, 0),)})
_TYPES: Items = {
    "01": Item(">h", (Value("air_temperature_c", 10),)),
    "02": Item("B", (Value("humidity_pct"),)),
    "03": Item("3b", tuple(Value("acceleration_g", 63, channel=axis) for axis in range(3))),
    "04": Item(">H", (Value("illuminance_lx"),)),
    "05": Item("B", (_MOTIONS,)),
    "06": Item(">H", (Value("co2_ppm"),)),
    "07": Item(">H", (Value("battery_v", 1000),)),
    "08": Item(">H", (Value("voltage_v", 1000),)),
    "09": Item("6x"),
    "0a": Item(">H", (Value("pulses"),)),
    "0b": Item(">I", (Value("pulse_count"),)),
    "0c": Item(">h", (Value("probe_temperature_c", 10),)),
    "0d": Item("B", (Value("digital_input"),)),
    "0e": Item(">H", (Value("distance_mm", absent=(0,)),)),
    "0f": Item("B", (Value("activity", channel=1),)),
    "10": Item(">2xh", (Value("surface_temperature_c", 10),)),
    "11": Item("B", (_OCCUPANCY,)),
    "12": Item("B", (_WETNESS,)),
    "13": Item("65x"),
    "14": Item(">I", (Value("air_pressure_hpa", 1000),)),
    "15": Item("BB", (Value("sound_db", channel=1), Value("sound_db"))),
    "16": Item(">H", (Value("pulses", channel=1),)),
    "17": Item(">I", (Value("pulse_count", channel=1),)),
    "18": Item(">H", (Value("voltage_v", 1000, channel=1),)),
    "19": Item(">h", (Value("probe_temperature_c", 10, channel=1),)),
    "1a": Item("B", (Value("digital_input", channel=1),)),
    "1b": Item(">i", (Value("voltage_v", 1_000_000, channel=2),)),
    "1c": Item(">H", (Value("tvoc_ppb"),)),
    "3d": Item("4x"),
}
_INPUTS = "08 0a 0b 0c 0d 16 17 18 19 1a"
_STILL = (
    "動きがないことと、人がいないことは同じではない。0〜50℃の室内用。",
    "No motion does not mean nobody. For rooms of 0 to 50 °C.",
)
_WIRED = (
    "入力に何をつないだかは機器から分からない。設定を記録すること。外付け温度2は1本まで読む。",
    "It cannot tell what is wired to its inputs: write that down. Only one probe is read on the second temperature.",
)
_DOOR = (
    "digital_inputの0と1のどちらが開かは資料にない。設置時に確かめること。",
    "No source says whether 0 or 1 of the digital input is open: try it when you mount it.",
)
_WET = ("0より大きいぬれをすべて水もれとする(資料にしきい値がない)。", "Any wetness above 0 counts as a leak.")


def _product(
    identity: str,
    name: str,
    kinds: tuple[DeviceKind, ...],
    cannot: tuple[str, str],
    types: str,
    interval_s: float = 600,
) -> Device:
    return device(
        {code: _TYPES[code] for code in (*types.split(), "07", "3d")},
        id=f"elsys/{identity}",
        name=f"Elsys {name}",
        kinds=kinds,
        interval_s=interval_s,
        source=f"github.com/TheThingsNetwork/lorawan-devices vendor/elsys/elsys.js, {identity}-codec.yaml",
        cannot_ja=cannot[0],
        cannot_en=cannot[1],
    )


_FAMILY = Family(
    (
        _product("ers", "ERS room sensor", ("climate", "motion"), _STILL, "01 02 04 05"),
        _product("ers-lite", "ERS Lite room sensor", ("climate",), _STILL, "01 02"),
        _product("ers-co2", "ERS CO2", ("air-quality", "climate", "motion"), _STILL, "01 02 04 05 06"),
        _product("ers-co2-lite", "ERS CO2 Lite", ("air-quality", "climate"), _STILL, "01 02 06"),
        _product("ers-voc", "ERS VOC", ("air-quality", "climate", "motion"), _STILL, "01 02 04 05 1c"),
        _product("ers-eye", "ERS Eye occupancy", ("motion", "climate"), _STILL, "01 02 04 05 10 11 13"),
        _product("ers-sound", "ERS Sound", ("climate", "motion"), _STILL, "01 02 04 05 15"),
        _product("elt-2", "ELT-2 with inputs", ("climate", "weather"), _WIRED, f"01 02 03 {_INPUTS} 0e 0f 14 1b"),
        _product("elt-lite", "ELT Lite with inputs", ("climate", "weather"), _WIRED, f"01 02 {_INPUTS}"),
        _product("elt-ultrasonic", "ELT Ultrasonic distance", ("snow",), _WIRED, "01 02 03 0e 0f 14"),
        _product("ems", "EMS multi-sensor with leak", ("leak", "climate"), _WET, "01 02 03 0a 0b 0d 0f 12"),
        _product("ems-door", "EMS Door", ("contact",), _DOOR, "03 0a 0b 0d 0f"),
        _product("ems-desk", "EMS Desk", ("motion", "climate"), _STILL, "01 02 03 0f 10 11"),
    )
)
MODELS, decode, encode = _FAMILY.models, _FAMILY.decode, _FAMILY.encode
