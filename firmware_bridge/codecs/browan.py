"""Browan Tabs and MerryIoT over LoRaWAN, one fPort a product. Little endian.

Tabs        [ state ][ battery ][ board °C ] …        battery: low 4 bits, (25 + n) ÷ 10 V; °C: low 7 bits − 32
  TBMS100   fPort 102  … [ minutes u16 ][ count u24 ]            state b0: motion
  TBDW100   fPort 100  … [ minutes u16 ][ count u24 ]            state b0: open
  TBHH100   fPort 103  [ state ][ battery ][ °C ][ % ][ 4 bytes FF ]
  TBHV110   fPort 103  … [ % ][ eCO2 u16 ][ VOC u16 ][ IAQ u16 ][ °C ]
  TBWL100   fPort 106  … [ % ][ °C ]                             state b0: leak
  TBPB100   fPort 147  … [ 5 bytes ]                             state b0: pressed
  TBAM100   fPort 104  … [ light u24 ÷100 lx ]
DW10        fPort 120  [ state ][ battery ][ °C int8, or int16 ÷10 ][ % ][ minutes u16 ][ count u24 ]
            state b0 open, b1 button, b2 taken off, b3 tilted; battery (21 + n) ÷ 10 V

Known and not told: a contact's minutes and count (of what, no source says), TBHV110's eCO2 and VOC (estimates without a
unit). A count or minutes of all ones is no value. Temperatures are whole degrees.
Sources: github.com/TheThingsNetwork/lorawan-devices vendor/browan; github.com/chirpstack/chirpstack-device-profiles
vendors/browan (DW10, whose decoder drops a zero of the count).
"""

from collections.abc import Mapping, Sequence

import msgspec

from firmware_bridge.codecs import DeviceKind, Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading


class _Bits(msgspec.Struct, frozen=True):
    """A number in `size` bytes from `at` on: reading = ((bytes >> `right`) & `mask` + `shift`) ÷ `divisor`."""

    quantity: str
    at: int
    size: int = 1
    right: int = 0
    mask: int = 0xFFFFFF
    shift: int = 0
    divisor: int = 1
    absent: int = -1
    sign: int = 0

    def read(self, payload: bytes) -> Reading | None:
        """The reading, None where the device says that it has none."""
        raw = int.from_bytes(payload[self.at : self.at + self.size], "little") >> self.right & self.mask
        if raw == self.absent:
            return None
        return Reading(self.quantity, ((raw ^ self.sign) - self.sign + self.shift) / self.divisor)

    def bits(self, value: float | None) -> int:
        """Its bits in the frame, as one little-endian number. DecodeError `missing` where it needs a value."""
        if value is None and self.absent < 0:
            raise DecodeError("missing", f"wanted {self.quantity} too")
        raw = self.absent if value is None else round(value * self.divisor) - self.shift & self.mask
        return raw << self.right + 8 * self.at


class _Layout(msgspec.Struct, frozen=True):
    """Frame of `size` bytes on fPort `port`; `base`: bits that are always 1, as one little-endian number."""

    port: int
    size: int
    fields: tuple[_Bits, ...]
    base: int = 0


def _state(quantity: str, bit: int = 0) -> _Bits:
    return _Bits(quantity, 0, right=bit, mask=1)


def _celsius(quantity: str, at: int) -> _Bits:
    return _Bits(quantity, at, mask=0x7F, shift=-32)


_BATTERY = _Bits("battery_v", 1, mask=0x0F, shift=25, divisor=10)
_BOARD = (_BATTERY, _celsius("cpu_temperature_c", 2))
_WET = _Bits("humidity_pct", 3, mask=0x7F)
_DW10_BATTERY = _Bits("battery_v", 1, mask=0xFF, shift=21, divisor=10)
_DW10_STATES = (
    _state("contact_open"),
    _state("button", 1),
    _state("removed", 2),
    _state("tilted", 3),
    _DW10_BATTERY,
)
_LAYOUTS: Mapping[str, tuple[_Layout, ...]] = {
    "browan/tbms100": (
        _Layout(
            102,
            8,
            (
                _state("motion"),
                *_BOARD,
                _Bits("still_minutes", 3, 2, mask=0xFFFF, absent=0xFFFF),
                _Bits("motion_count", 5, 3, absent=0xFFFFFF),
            ),
        ),
    ),
    "browan/tbdw100": (_Layout(100, 8, (_state("contact_open"), *_BOARD)),),
    "browan/tbhh100": (_Layout(103, 8, (_BATTERY, _celsius("air_temperature_c", 2), _WET), 0xFFFFFFFF_00000008),),
    "browan/tbhv110": (
        _Layout(
            103,
            11,
            (
                *_BOARD,
                _WET,
                _Bits("air_quality_index", 8, 2, mask=0xFFFF, absent=0xFFFF),
                _celsius("air_temperature_c", 10),
            ),
        ),
    ),
    "browan/tbwl100": (_Layout(106, 5, (_state("leak"), *_BOARD, _WET, _celsius("air_temperature_c", 4))),),
    "browan/tbpb100": (_Layout(147, 8, (_state("button"), *_BOARD)),),
    "browan/tbam100": (_Layout(104, 6, (*_BOARD, _Bits("illuminance_lx", 3, 3, divisor=100))),),
    "browan/merryiot-dw10": (
        _Layout(
            120,
            9,
            (
                *_DW10_STATES,
                _Bits("air_temperature_c", 2, mask=0xFF, sign=0x80),
                _Bits("humidity_pct", 3, mask=0xFF),
            ),
        ),
        _Layout(
            120,
            10,
            (
                *_DW10_STATES,
                _Bits("air_temperature_c", 2, 2, mask=0xFFFF, divisor=10, sign=0x8000),
                _Bits("humidity_pct", 4, mask=0xFF),
            ),
        ),
    ),
}
_STILL = (
    "動きがないことと、人がいないことは同じではない。温度は基板のもので、室温より高い。",
    "No motion does not mean nobody. Its temperature is the board's, above the room's.",
)
_CONTACT = (
    "開閉の時刻と回数は資料があいまいなため読まない。磁石がずれると「開」のままになる。",
    "Its minutes and count are not read: sources do not say of what. Stays at open where its magnet has slipped.",
)
_WHOLE = ("温度は1℃きざみ。", "Temperature in whole degrees.")
_WATER = ("電極が水にふれてはじめて分かる。", "Only sees water that reaches its contacts.")
_BUTTON = (
    "押した信号が届かないことがある。押されたことを本人に返す手段を別に用意すること。",
    "A press can be lost on the air: give the person another sign that it was heard.",
)
_GUESS = (
    "空気質の指数は機器の推定。二酸化炭素の推定値(eCO2)は読まない。",
    "Its air quality index is the device's own guess. Its guess of CO2 (eCO2) is not read.",
)


def _product(identity: str, name: str, kinds: tuple[DeviceKind, ...], cannot: tuple[str, str]) -> Model:
    model = f"browan/{identity}"
    fields = [field for layout in _LAYOUTS[model] for field in layout.fields]
    return Model(
        id=model,
        name=name,
        kinds=kinds,
        link="lorawan",
        quantities=tuple(dict.fromkeys(field.quantity for field in fields)),
        interval_s=3600,
        source=f"github.com/TheThingsNetwork/lorawan-devices vendor/browan/{identity}.js",
        cannot_ja=cannot[0],
        cannot_en=cannot[1],
        resolution={field.quantity: 1 / field.divisor for field in fields},
    )


MODELS: tuple[Model, ...] = (
    _product("tbms100", "Browan Tabs TBMS100 motion", ("motion",), _STILL),
    _product("tbdw100", "Browan Tabs TBDW100 door and window", ("contact",), _CONTACT),
    _product("tbhh100", "Browan Tabs TBHH100 temperature and humidity", ("climate",), _WHOLE),
    _product("tbhv110", "Browan Tabs TBHV110 healthy home", ("air-quality", "climate"), _GUESS),
    _product("tbwl100", "Browan Tabs TBWL100 water leak", ("leak", "climate"), _WATER),
    _product("tbpb100", "Browan Tabs TBPB100 push button", ("button",), _BUTTON),
    _product("tbam100", "Browan Tabs TBAM100 light", ("climate",), _WHOLE),
    _product("merryiot-dw10", "MerryIoT DW10 open and close", ("contact", "button", "climate"), _CONTACT),
)


def decode(model: str, port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of an uplink. DecodeError port, length."""
    layouts = _LAYOUTS[model]
    if port != layouts[0].port:
        raise DecodeError("port", f"wanted fPort {layouts[0].port}, got {port}")
    for layout in layouts:
        if len(payload) == layout.size:
            readings = (field.read(payload) for field in layout.fields)
            return tuple(reading for reading in readings if reading is not None)
    sizes = " or ".join(str(layout.size) for layout in layouts)
    raise DecodeError("length", f"wanted {sizes} bytes, got {len(payload)}")


def encode(model: str, _port: int, readings: Sequence[Reading]) -> bytes:
    """Uplink for these readings. DecodeError `missing` where one that the device always tells is not among them."""
    values = {reading.quantity: reading.value for reading in readings}
    whole = values.get("air_temperature_c", 0) == int(values.get("air_temperature_c", 0))
    layout = _LAYOUTS[model][0 if whole else -1]
    frame = layout.base
    for field in layout.fields:
        frame |= field.bits(values.get(field.quantity))
    return frame.to_bytes(layout.size, "little")
