"""EnOcean profiles (EEP) for homes, over ERP1 (868 MHz) and ERP2 (928 MHz, Japan). Payload: a whole ESP3 packet.

Bit 0 is the most significant bit of the first payload byte, as the EEP documents count.

D5-00-01  contact        b7 0 open, 1 closed
A5-02-05  temperature    b16–23 255…0 → 0…40 °C (inverted)
A5-04-01  humidity       b8–15 0…250 → 0…100 % · temperature b16–23 0…250 → 0…40 °C, there if b30
A5-04-03  humidity       b0–7 0…255 → 0…100 % · temperature b14–23 0…1023 → −20…60 °C
A5-07-01  motion         b0–7 0…250 → 0…5 V, there if b31 · motion b16–23 ≥ 128
A5-07-02  motion         b0–7 0…250 → 0…5 V · motion b24
A5-07-03  motion, light  b0–7 0…250 → 0…5 V · b8–17 0…1000 lx · motion b24
D2-14-41  multi-sensor   b0–9 0…1000 → −40…60 °C · b10–17 0…200 → 0…100 % · b18–34 lx · b37, 47, 57 10 bits each
                         0…1000 → −2.5…2.5 g (channels 0, 1, 2 = x, y, z) · b67 0 open, 1 closed
F6-02-01/04 rocker       the layout follows the radio, whichever of the two is entered:
          ERP1 (F6-02-01) b0–2 first button, b3 pressed, b4–6 second button, b7 second is valid; only if status bit 10
          ERP2 (F6-02-04) b0 pressed, b4 BI, b5 B0, b6 AI, b7 A0
          button on channel 0: any button, 1 pressed and 0 released; channels 1…4 (AI, A0, BI, B0): 1 where known

Left out: a value outside its raw range, and a temperature at either end of its range, which may be anything beyond.
A teach-in telegram is no measurement: DecodeError `teach-in`. Motion 0 means "nothing seen", it is also the sign of
life. The receiver's strength comes as rssi_dbm. Which device spoke is the driver's business (`esp3.Telegram.sender`).
`encode` writes ERP2 packets of sender 04000001; `esp3.readdressed` gives them another.
Sources: EnOcean EEP; github.com/kipe/enocean EEP.xml; github.com/ahidaka/EnOceanSeminar2020-2 (ERP2, D2-14-41);
github.com/futomi/node-enocean-utils (F6-02-04 of Japanese rockers).
"""

from collections.abc import Mapping, Sequence

import msgspec

from firmware_bridge import esp3
from firmware_bridge.codecs import DeviceKind, Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

SENDER = "04000001"
_ERP1_BUTTONS_KNOWN = 0x10


class _Scale(msgspec.Struct, frozen=True):
    """`size` bits from bit `at`: raw `raw_low`…`raw_high` → `low`…`high`; only told where bit `needs` is 1."""

    quantity: str
    at: int
    size: int
    raw_low: int
    raw_high: int
    low: float
    high: float
    channel: int = 0
    needs: int | None = None
    open_ended: bool = False


class _Flag(msgspec.Struct, frozen=True):
    """One bit; `zero_is` is the reading's value where it is 0."""

    quantity: str
    at: int
    zero_is: int = 0


class _Profile(msgspec.Struct, frozen=True):
    """Payload of `size` bytes of telegram kind `rorg`; `base`: bits that are always 1."""

    rorg: int
    size: int
    fields: tuple[_Scale | _Flag, ...]
    base: int = 0


_LEARNED = 0x08  # the learn bit of 1BS and 4BS: 1 in data telegrams
_SUPPLY = _Scale("battery_v", 0, 8, 0, 250, 0, 5)
_PROFILES: Mapping[str, _Profile] = {
    "enocean/d5-00-01": _Profile(esp3.ONE_BS, 1, (_Flag("contact_open", 7, zero_is=1),), _LEARNED),
    "enocean/a5-02-05": _Profile(
        esp3.FOUR_BS, 4, (_Scale("air_temperature_c", 16, 8, 255, 0, 0, 40, open_ended=True),), _LEARNED
    ),
    "enocean/a5-04-01": _Profile(
        esp3.FOUR_BS,
        4,
        (
            _Scale("humidity_pct", 8, 8, 0, 250, 0, 100),
            _Scale("air_temperature_c", 16, 8, 0, 250, 0, 40, needs=30, open_ended=True),
        ),
        _LEARNED,
    ),
    "enocean/a5-04-03": _Profile(
        esp3.FOUR_BS,
        4,
        (
            _Scale("humidity_pct", 0, 8, 0, 255, 0, 100),
            _Scale("air_temperature_c", 14, 10, 0, 1023, -20, 60, open_ended=True),
        ),
        _LEARNED,
    ),
    "enocean/a5-07-01": _Profile(
        esp3.FOUR_BS, 4, (_Flag("motion", 16), msgspec.structs.replace(_SUPPLY, needs=31)), _LEARNED
    ),
    "enocean/a5-07-02": _Profile(esp3.FOUR_BS, 4, (_Flag("motion", 24), _SUPPLY), _LEARNED),
    "enocean/a5-07-03": _Profile(
        esp3.FOUR_BS,
        4,
        (_Flag("motion", 24), _Scale("illuminance_lx", 8, 10, 0, 1000, 0, 1000), _SUPPLY),
        _LEARNED,
    ),
    "enocean/d2-14-41": _Profile(
        esp3.VLD,
        9,
        (
            _Scale("air_temperature_c", 0, 10, 0, 1000, -40, 60, open_ended=True),
            _Scale("humidity_pct", 10, 8, 0, 200, 0, 100),
            _Scale("illuminance_lx", 18, 17, 0, 100_000, 0, 100_000),
            *(_Scale("acceleration_g", 37 + 10 * axis, 10, 0, 1000, -2.5, 2.5, channel=axis) for axis in range(3)),
            _Flag("contact_open", 67, zero_is=1),
        ),
    ),
}
_BUTTONS_ERP2 = (0x02, 0x01, 0x08, 0x04)  # AI, A0, BI, B0

_RANGE_JA = "0〜40℃しか測れない。氷点下は値を出さない(端の値は捨てる)。凍結や低温の見守りに使わないこと。"
_RANGE_EN = (
    "Covers 0 to 40 °C only: below zero it gives no value (readings at the limit are left out). Never for frost "
)
_RANGE_EN += "or cold alarms; choose A5-04-03 or D2-14-41."
_MOTION_JA = "動きがないことと、人がいないことは同じではない。ペットや暖房の風にも反応する。"
_MOTION_EN = "No motion does not mean nobody: and pets or warm air count as motion. "
_BIT_JA = "動きのビット位置(b24)は規格書で未確認。設置時に、動いて確かめること。"
_BIT_EN = "The motion bit (b24) is not confirmed in the standard's text: walk past it when you install it."
_ROCKER_JA = "電池がなく生存の知らせを送らない。電波が届かなくなっても分からない。押した信号が届かないことがある。"
_ROCKER_EN = (
    "Without a battery it sends no sign of life: nobody notices when its radio no longer reaches; a press can be "
)
_ROCKER_EN += "lost."


def _product(profile: str, name: str, kinds: tuple[DeviceKind, ...], ja: str, en: str) -> Model:
    fields = _PROFILES[profile].fields if profile in _PROFILES else ()
    quantities = dict.fromkeys([field.quantity for field in fields] or ["button"])
    return Model(
        id=profile,
        name=name,
        kinds=kinds,
        link="enocean",
        quantities=(*quantities, "rssi_dbm"),
        interval_s=1800,
        source="EnOcean Equipment Profiles; github.com/kipe/enocean EEP.xml; github.com/ahidaka/EnOceanSeminar2020-2",
        cannot_ja=ja,
        cannot_en=en,
    )


MODELS: tuple[Model, ...] = (
    _product(
        "enocean/d5-00-01",
        "EnOcean contact (D5-00-01)",
        ("contact",),
        "閉まりきらない戸は「閉」と示すことがある。電池や光が切れると最後の状態のまま止まる。",
        "A door left ajar may read closed; without light or battery it stays at its last state.",
    ),
    _product("enocean/a5-02-05", "EnOcean temperature 0…40 °C (A5-02-05)", ("climate",), _RANGE_JA, _RANGE_EN),
    _product(
        "enocean/a5-04-01", "EnOcean temperature and humidity 0…40 °C (A5-04-01)", ("climate",), _RANGE_JA, _RANGE_EN
    ),
    _product(
        "enocean/a5-04-03",
        "EnOcean temperature and humidity −20…60 °C (A5-04-03)",
        ("climate",),
        "−20℃以下は値を出さない。屋外の厳寒には使えない。",
        "Gives no value at −20 °C and below: not for a severe winter outdoors.",
    ),
    _product("enocean/a5-07-01", "EnOcean motion (A5-07-01)", ("motion",), _MOTION_JA, _MOTION_EN.strip()),
    _product("enocean/a5-07-02", "EnOcean motion (A5-07-02)", ("motion",), _MOTION_JA + _BIT_JA, _MOTION_EN + _BIT_EN),
    _product(
        "enocean/a5-07-03",
        "EnOcean motion and light (A5-07-03)",
        ("motion",),
        _MOTION_JA + _BIT_JA,
        _MOTION_EN + _BIT_EN,
    ),
    _product(
        "enocean/d2-14-41",
        "EnOcean multi-sensor STM 550J (D2-14-41)",
        ("climate", "contact"),
        "暗い部屋が続くと蓄電が切れて黙る。−40℃以下と60℃以上は値を出さない。",
        "Falls silent when a dark room drains its store; no value at −40 °C and below or 60 °C and above.",
    ),
    _product("enocean/f6-02-01", "EnOcean rocker switch (F6-02-01)", ("button",), _ROCKER_JA, _ROCKER_EN),
    _product("enocean/f6-02-04", "EnOcean rocker switch, Japan (F6-02-04)", ("button",), _ROCKER_JA, _ROCKER_EN),
)


def decode(model: str, _port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of a packet. DecodeError: those of `esp3`, teach-in, rorg, length, range-limit (nothing left)."""
    telegram = esp3.parse_telegram(esp3.parse_packet(payload))
    if telegram.learn:
        raise DecodeError("teach-in", f"{telegram.sender} introduces itself; no measurement")
    profile = _PROFILES.get(model)
    rorg, size = (profile.rorg, profile.size) if profile else (esp3.RPS, 1)
    if telegram.rorg != rorg:
        raise DecodeError("rorg", f"wanted a telegram of RORG {rorg:02x}, got {telegram.rorg:02x}: is this the device?")
    if len(telegram.data) != size:
        raise DecodeError("length", f"wanted a payload of {size} bytes, got {len(telegram.data)}")
    readings = _fields(profile, telegram.data) if profile else _buttons(telegram)
    if not readings:
        raise DecodeError("range-limit", "every value is at or beyond the end of what this profile can tell")
    if telegram.dbm is not None:
        readings.append(Reading("rssi_dbm", telegram.dbm))
    return tuple(readings)


def _fields(profile: _Profile, data: bytes) -> list[Reading]:
    word, bits = int.from_bytes(data, "big"), 8 * profile.size
    readings = []
    for field in profile.fields:
        if isinstance(field, _Flag):
            raw = word >> (bits - 1 - field.at) & 1
            readings.append(Reading(field.quantity, raw ^ field.zero_is))
            continue
        if field.needs is not None and not word >> (bits - 1 - field.needs) & 1:
            continue
        raw = word >> (bits - field.at - field.size) & ((1 << field.size) - 1)
        if _is_told(field, raw):
            share = (raw - field.raw_low) / (field.raw_high - field.raw_low)
            readings.append(
                Reading(field.quantity, round(field.low + share * (field.high - field.low), 3), field.channel)
            )
    return readings


def _is_told(field: _Scale, raw: int) -> bool:
    low, high = min(field.raw_low, field.raw_high), max(field.raw_low, field.raw_high)
    return low < raw < high if field.open_ended else low <= raw <= high


def _buttons(telegram: esp3.Telegram) -> list[Reading]:
    state = telegram.data[0]
    if telegram.erp == 2:
        pressed = bool(state & 0x80)
        named = [channel for channel, bit in enumerate(_BUTTONS_ERP2, 1) if state & bit]
    else:
        pressed = bool(state & 0x10)
        named = [(state >> 5) + 1] + ([(state >> 1 & 7) + 1] if state & 1 else [])
        if not (telegram.status or 0) & _ERP1_BUTTONS_KNOWN:
            named = []
    channels = sorted({channel for channel in named if channel <= 4}) if pressed else []
    return [Reading("button", int(pressed)), *(Reading("button", 1, channel) for channel in channels)]


def encode(model: str, _port: int, readings: Sequence[Reading]) -> bytes:
    """ERP2 packet for these readings, from sender 04000001; what no reading fills is sent as "not told"."""
    values = {(reading.quantity, reading.channel): reading.value for reading in readings}
    profile = _PROFILES.get(model)
    telegram = esp3.Telegram(
        sender=SENDER,
        rorg=profile.rorg if profile else esp3.RPS,
        data=_fields_data(profile, values) if profile else _buttons_data(values),
        dbm=values.get(("rssi_dbm", 0)),
    )
    return esp3.encode_telegram(telegram)


def _fields_data(profile: _Profile, values: Mapping[tuple[str, int], float]) -> bytes:
    word, bits = profile.base, 8 * profile.size
    for field in profile.fields:
        if isinstance(field, _Flag):
            raw = round(values.get((field.quantity, 0), 0)) ^ field.zero_is
            word |= (raw & 1) << (bits - 1 - field.at)
            continue
        value = values.get((field.quantity, field.channel))
        word |= _raw(field, value) << (bits - field.at - field.size)
        if field.needs is not None and value is not None:
            word |= 1 << (bits - 1 - field.needs)
    return word.to_bytes(profile.size, "big")


def _raw(field: _Scale, value: float | None) -> int:
    """Raw number of a value, clipped as the device would; of no value, one that reads as "not told" where there is."""
    if value is None:
        return field.raw_low if field.open_ended and field.raw_high != 1000 else (1 << field.size) - 1
    share = (min(max(value, field.low), field.high) - field.low) / (field.high - field.low)
    return round(field.raw_low + share * (field.raw_high - field.raw_low))


def _buttons_data(values: Mapping[tuple[str, int], float]) -> bytes:
    if not values.get(("button", 0)):
        return b"\0"
    return bytes((0x80 | sum(bit for channel, bit in enumerate(_BUTTONS_ERP2, 1) if values.get(("button", channel))),))
