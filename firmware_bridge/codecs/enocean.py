"""EnOcean profiles (EEP) for homes, over ERP1 (868 MHz) and ERP2 (928 MHz, Japan). Payload: a whole ESP3 packet.

Bit 0 is the most significant bit of the first payload byte, as the EEP documents count.

D5-00-01  contact        b7 0 open, 1 closed
A5-02-xx  temperature    b16–23 255…0 (inverted) → 40 °C from −40, −30 … 20 °C on (01…07; 05 is 0…40 °C),
                         80 °C from −60, −50 … −20 °C on (10…14)
A5-04-01  humidity       b8–15 0…250 → 0…100 % · temperature b16–23 0…250 → 0…40 °C, 02: −20…60 °C; there if b30
A5-04-03  humidity       b0–7 0…255 → 0…100 % · temperature b14–23 0…1023 → −20…60 °C
A5-04-04  humidity       b0–7 0…199 → 0…100 % · temperature b12–23 0…1599 → −40…120 °C
A5-07-01  motion         b0–7 0…250 → 0…5 V, there if b31 · motion b16–23 ≥ 128
A5-07-02  motion         b0–7 0…250 → 0…5 V · motion b24
A5-07-03  motion, light  b0–7 0…250 → 0…5 V · b8–17 0…1000 lx · motion b24
D2-14-41  multi-sensor   b0–9 0…1000 → −40…60 °C · b10–17 0…200 → 0…100 % · b18–34 lx · b37, 47, 57 10 bits each
                         0…1000 → −2.5…2.5 g (channels 0, 1, 2 = x, y, z) · b67 0 open, 1 closed
F6-01-01  push button    b3 pressed                                                        ERP1 only
F6-10-00  window handle  b2–3 3 = pointing down, closed; 0, 1, 2 = level or up, open       ERP1 only
F6-02-01/02/04 rocker    the layout follows the radio, whichever of them is entered:
          ERP1 (-01, -02) b0–2 first button, b3 pressed, b4–6 second button, b7 second is valid; only if status bit 10
          ERP2 (F6-02-04) b0 pressed, b4 BI, b5 B0, b6 AI, b7 A0
          button on channel 0: any button, 1 pressed and 0 released; channels 1…4 (AI, A0, BI, B0): 1 where known

Left out: a value outside its raw range, and a temperature at either end of its range, which may be anything beyond.
A teach-in telegram is no measurement: DecodeError `teach-in`. Motion 0 means "nothing seen", it is also the sign of
life. The receiver's strength comes as rssi_dbm. Which device spoke is the driver's business (`esp3.Telegram.sender`).
`encode` writes ERP2 packets (ERP1 where there is no other) of sender 04000001; `esp3.readdressed` gives them another.
Sources: EnOcean EEP; github.com/kipe/enocean EEP.xml; github.com/ahidaka/EnOceanSeminar2020-2 (ERP2, D2-14-41);
github.com/futomi/node-enocean-utils (F6-02-04 of Japanese rockers).
"""

from collections.abc import Mapping, Sequence

from firmware_bridge import esp3
from firmware_bridge.codecs import DeviceKind, Model
from firmware_bridge.eep import Flag, Profile, Scale
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

SENDER = "04000001"
_ERP1_BUTTONS_KNOWN = 0x10
_LEARNED = 0x08  # the learn bit of 1BS and 4BS: 1 in data telegrams
_SUPPLY = Scale("battery_v", 0, 8, 0, 250, 0, 5)
_SEEN_SUPPLY = Scale("battery_v", 0, 8, 0, 250, 0, 5, needs=31)


def _four(*fields: Scale | Flag) -> Profile:
    return Profile(esp3.FOUR_BS, 4, fields, _LEARNED)


def _celsius(at: int, size: int, raw_low: int, raw_high: int, low: int, high: int, needs: int | None = None) -> Scale:
    return Scale("air_temperature_c", at, size, raw_low, raw_high, low, high, needs=needs, open_ended=True)


_NARROW = {f"enocean/a5-02-{code:02x}": (low, low + 40) for code, low in enumerate(range(-40, 21, 10), 0x01)}
_WIDE = {f"enocean/a5-02-{code:02x}": (low, low + 80) for code, low in enumerate(range(-60, -19, 10), 0x10)}
_TEMPERATURES = {**_NARROW, **_WIDE}
_PROFILES: Mapping[str, Profile] = {
    "enocean/d5-00-01": Profile(esp3.ONE_BS, 1, (Flag("contact_open", 7, zero_is=1),), _LEARNED),
    **{identity: _four(_celsius(16, 8, 255, 0, low, high)) for identity, (low, high) in _TEMPERATURES.items()},
    "enocean/a5-04-01": _four(Scale("humidity_pct", 8, 8, 0, 250, 0, 100), _celsius(16, 8, 0, 250, 0, 40, needs=30)),
    "enocean/a5-04-02": _four(Scale("humidity_pct", 8, 8, 0, 250, 0, 100), _celsius(16, 8, 0, 250, -20, 60, needs=30)),
    "enocean/a5-04-03": _four(Scale("humidity_pct", 0, 8, 0, 255, 0, 100), _celsius(14, 10, 0, 1023, -20, 60)),
    "enocean/a5-04-04": _four(Scale("humidity_pct", 0, 8, 0, 199, 0, 100), _celsius(12, 12, 0, 1599, -40, 120)),
    "enocean/a5-07-01": _four(Flag("motion", 16), _SEEN_SUPPLY),
    "enocean/a5-07-02": _four(Flag("motion", 24), _SUPPLY),
    "enocean/a5-07-03": _four(Flag("motion", 24), Scale("illuminance_lx", 8, 10, 0, 1000, 0, 1000), _SUPPLY),
    "enocean/d2-14-41": Profile(
        esp3.VLD,
        9,
        (
            _celsius(0, 10, 0, 1000, -40, 60),
            Scale("humidity_pct", 10, 8, 0, 200, 0, 100),
            Scale("illuminance_lx", 18, 17, 0, 100_000, 0, 100_000),
            *(Scale("acceleration_g", 37 + 10 * axis, 10, 0, 1000, -2.5, 2.5, channel=axis) for axis in range(3)),
            Flag("contact_open", 67, zero_is=1),
        ),
    ),
    "enocean/f6-01-01": Profile(esp3.RPS, 1, (Flag("button", 3),)),
}
_HANDLE, _CLOSED, _LEVEL = "enocean/f6-10-00", 0xF0, 0xE0
_ERP1_ONLY = ("enocean/f6-01-01", _HANDLE)
_BUTTONS_ERP2 = (0x02, 0x01, 0x08, 0x04)  # AI, A0, BI, B0

_MOTION = (
    "動きがないことと、人がいないことは同じではない。ペットや暖房の風にも反応する。",
    "No motion does not mean nobody: and pets or warm air count as motion.",
)
_MOTION_BIT = (
    _MOTION[0] + "動きのビット位置(b24)は規格書で未確認。設置時に、動いて確かめること。",
    _MOTION[1] + " The motion bit (b24) is not confirmed in the standard's text: walk past it when you install it.",
)
_SILENT = (
    "電池がなく生存の知らせを送らない。電波が届かなくなっても分からない。押した信号が届かないことがある。",
    "Without a battery it sends no sign of life: nobody notices when its radio no longer reaches; a press can be lost.",
)
_AJAR = (
    "閉まりきらない戸は「閉」と示すことがある。電池や光が切れると最後の状態のまま止まる。",
    "A door left ajar may read closed; without light or battery it stays at its last state.",
)
_DARK = (
    "暗い部屋が続くと蓄電が切れて黙る。−40℃以下と60℃以上は値を出さない。",
    "Falls silent when a dark room drains its store; no value at −40 °C and below or 60 °C and above.",
)
_HARVEST = (
    "電池を使わず、光や押す力で発電する機器が多い。",
    "Most live on light or on the press itself, without a battery.",
)


def _range(low: int, high: int) -> tuple[str, str]:
    """What a profile that ends at `low` and `high` °C must not be trusted with."""
    ja = f"{low}〜{high}℃しか測れない(端の値は捨てる)。"
    en = f"Covers {low} to {high} °C only (readings at a limit are left out)."
    if low >= 0:
        ja += "氷点下は値を出さない。凍結や低温の見守りに使わないこと。"
        en += " Gives no value below zero: never for frost or cold alarms; choose A5-04-03, A5-04-04 or D2-14-41."
    elif low > -40:
        ja += "屋外の厳寒には使えない。"
        en += " Not for a severe winter outdoors."
    return ja, en


def _product(profile: str, name: str, kinds: tuple[DeviceKind, ...], cannot: tuple[str, str]) -> Model:
    fields = _PROFILES[profile].fields if profile in _PROFILES else ()
    scales = [field for field in fields if isinstance(field, Scale)]
    told = [field.quantity for field in fields] or ["contact_open" if profile == _HANDLE else "button"]
    return Model(
        id=profile,
        name=name,
        kinds=kinds,
        link="enocean",
        quantities=(*dict.fromkeys(told), "rssi_dbm"),
        interval_s=1800,
        source="EnOcean Equipment Profiles; github.com/kipe/enocean EEP.xml; github.com/ahidaka/EnOceanSeminar2020-2",
        cannot_ja=cannot[0],
        cannot_en=cannot[1],
        resolution={one.quantity: abs((one.high - one.low) / (one.raw_high - one.raw_low)) for one in scales},
        limits={one.quantity: (one.low, one.high) for one in scales},
        battery_ja=_HARVEST[0],
        battery_en=_HARVEST[1],
    )


MODELS: tuple[Model, ...] = (
    _product("enocean/d5-00-01", "EnOcean contact (D5-00-01)", ("contact",), _AJAR),
    *(
        _product(
            identity,
            f"EnOcean temperature {low}…{high} °C ({identity[8:].upper()})".replace(" -", " −"),
            ("climate",) if low >= 0 else ("climate", "weather"),
            _range(low, high),
        )
        for identity, (low, high) in _TEMPERATURES.items()
    ),
    _product("enocean/a5-04-01", "EnOcean temperature and humidity 0…40 °C (A5-04-01)", ("climate",), _range(0, 40)),
    _product(
        "enocean/a5-04-02", "EnOcean temperature and humidity −20…60 °C (A5-04-02)", ("climate",), _range(-20, 60)
    ),
    _product(
        "enocean/a5-04-03", "EnOcean temperature and humidity −20…60 °C (A5-04-03)", ("climate",), _range(-20, 60)
    ),
    _product(
        "enocean/a5-04-04",
        "EnOcean temperature and humidity −40…120 °C (A5-04-04)",
        ("climate", "weather"),
        _range(-40, 120),
    ),
    _product("enocean/a5-07-01", "EnOcean motion (A5-07-01)", ("motion",), _MOTION),
    _product("enocean/a5-07-02", "EnOcean motion (A5-07-02)", ("motion",), _MOTION_BIT),
    _product("enocean/a5-07-03", "EnOcean motion and light (A5-07-03)", ("motion",), _MOTION_BIT),
    _product("enocean/d2-14-41", "EnOcean multi-sensor STM 550J (D2-14-41)", ("climate", "contact"), _DARK),
    _product("enocean/f6-01-01", "EnOcean push button (F6-01-01)", ("button",), _SILENT),
    _product("enocean/f6-02-01", "EnOcean rocker switch (F6-02-01)", ("button",), _SILENT),
    _product("enocean/f6-02-02", "EnOcean rocker switch (F6-02-02)", ("button",), _SILENT),
    _product("enocean/f6-02-04", "EnOcean rocker switch, Japan (F6-02-04)", ("button",), _SILENT),
    _product(_HANDLE, "EnOcean window handle (F6-10-00)", ("contact",), _SILENT),
)


def decode(model: str, _port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of a packet. DecodeError: those of `esp3`, teach-in, rorg, erp, length, range-limit (nothing left)."""
    telegram = esp3.parse_telegram(esp3.parse_packet(payload))
    if telegram.learn:
        raise DecodeError("teach-in", f"{telegram.sender} introduces itself; no measurement")
    profile = _PROFILES.get(model)
    rorg, size = (profile.rorg, profile.size) if profile else (esp3.RPS, 1)
    if telegram.rorg != rorg:
        raise DecodeError("rorg", f"wanted a telegram of RORG {rorg:02x}, got {telegram.rorg:02x}: is this the device?")
    if telegram.erp != 1 and model in _ERP1_ONLY:
        raise DecodeError("erp", "this profile is known over ERP1 (868 MHz) only: its bits over ERP2 are others")
    if len(telegram.data) != size:
        raise DecodeError("length", f"wanted a payload of {size} bytes, got {len(telegram.data)}")
    readings = profile.read(telegram.data) if profile else _handle(telegram) if model == _HANDLE else _buttons(telegram)
    if not readings:
        raise DecodeError("range-limit", "every value is at or beyond the end of what this profile can tell")
    if telegram.dbm is not None:
        readings.append(Reading("rssi_dbm", telegram.dbm))
    return tuple(readings)


def _handle(telegram: esp3.Telegram) -> list[Reading]:
    return [Reading("contact_open", int(telegram.data[0] >> 4 & 3 != 3))]


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
    """ERP2 packet for these readings (ERP1 where the profile knows no other), from sender 04000001.

    What no reading fills is sent as "not told".
    """
    values = {(reading.quantity, reading.channel): reading.value for reading in readings}
    profile = _PROFILES.get(model)
    handle = bytes((_LEVEL if values.get(("contact_open", 0), 1) else _CLOSED,))
    telegram = esp3.Telegram(
        sender=SENDER,
        rorg=profile.rorg if profile else esp3.RPS,
        data=profile.write(values) if profile else handle if model == _HANDLE else _buttons_data(values),
        dbm=values.get(("rssi_dbm", 0)),
        erp=1 if model in _ERP1_ONLY else 2,
        status=0x20 if model in _ERP1_ONLY else None,
    )
    return esp3.encode_telegram(telegram)


def _buttons_data(values: Mapping[tuple[str, int], float]) -> bytes:
    if not values.get(("button", 0)):
        return b"\0"
    return bytes((0x80 | sum(bit for channel, bit in enumerate(_BUTTONS_ERP2, 1) if values.get(("button", channel))),))
