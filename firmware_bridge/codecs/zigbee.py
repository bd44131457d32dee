"""Zigbee sensors as Zigbee2MQTT tells them: one JSON object, UTF-8; there is no port.

{"occupancy":true,"illuminance":16,"battery":100,"voltage":3005,"linkquality":120,"last_seen":"2027-01-15T08:00:00Z"}

occupancy → motion · contact (true = closed) → contact_open, turned round · water_leak → leak · action (not "") → button
no_occupancy_since s → still_minutes · illuminance lx · temperature °C · humidity % · pressure hPa · battery % ·
voltage mV → battery_v. `illuminance_lux`, where it is there, is the light and `illuminance` a raw count (before 2.0).
null and a field that is missing are not known. Other fields are passed over; with no known one it is `empty`.

A motion sensor is blind for a while after it told of a movement (`Model.blind_s`): a minute without a message is not a
minute without movement. `occupancy` false is no word of the sensor: Zigbee2MQTT says it when its own timer runs out.
Every message repeats what is known of the device, so `occupancy` true may come again with another field's news.
Sources: zigbee2mqtt.io/devices/<model>.html ("Exposes" and "Notes"), its page of topics and messages.
"""

from collections.abc import Mapping, Sequence

import msgspec

from firmware_bridge.codecs import DeviceKind, Model
from firmware_bridge.errors import DecodeError
from firmware_bridge.reading import Reading

MAX_BYTES = 64 * 1024


class _State(msgspec.Struct):
    occupancy: bool | None = None
    contact: bool | None = None
    water_leak: bool | None = None
    action: str | None = None
    no_occupancy_since: float | None = None
    illuminance_lux: float | None = None
    illuminance: float | None = None
    temperature: float | None = None
    humidity: float | None = None
    pressure: float | None = None
    battery: float | None = None
    voltage: float | None = None


_decoder = msgspec.json.Decoder(_State)
_POWER = ("battery_pct", "battery_v")
_BLIND_S = 60.0
_BLIND_JA = "動きを伝えた後60秒は何も見ない。便りがない1分は、動きがない1分ではない。"
_BLIND_EN = "Sees nothing for 60 s after it told of a movement: a minute without a message may hold movement."


def _model(
    product: str, name: str, kinds: tuple[DeviceKind, ...], quantities: tuple[str, ...], blind_s: float = 0.0
) -> Model:
    return Model(
        id=product,
        name=name,
        kinds=kinds,
        link="zigbee",
        quantities=quantities + _POWER,
        interval_s=3600,
        source=f"zigbee2mqtt.io/devices/{product.partition('/')[2].upper()}.html",
        cannot_ja=_BLIND_JA if blind_s else "",
        cannot_en=_BLIND_EN if blind_s else "",
        blind_s=blind_s,
    )


MODELS: tuple[Model, ...] = (
    _model(
        "aqara/rtcgq11lm",
        "Aqara motion and light sensor RTCGQ11LM",
        ("motion",),
        ("motion", "still_minutes", "illuminance_lx"),
        _BLIND_S,
    ),
    _model("aqara/mccgq11lm", "Aqara door and window sensor MCCGQ11LM", ("contact",), ("contact_open",)),
    _model(
        "aqara/wsdcgq11lm",
        "Aqara temperature, humidity and pressure sensor WSDCGQ11LM",
        ("climate",),
        ("air_temperature_c", "humidity_pct", "air_pressure_hpa"),
    ),
    _model("aqara/sjcgq11lm", "Aqara water leak sensor SJCGQ11LM", ("leak",), ("leak",)),
    _model("aqara/wxkg11lm", "Aqara wireless button WXKG11LM", ("button",), ("button",)),
    _model(
        "sonoff/snzb-02",
        "SONOFF temperature and humidity sensor SNZB-02",
        ("climate",),
        ("air_temperature_c", "humidity_pct"),
    ),
    _model("sonoff/snzb-03", "SONOFF motion sensor SNZB-03", ("motion",), ("motion", "still_minutes")),
    _model("sonoff/snzb-04", "SONOFF door and window sensor SNZB-04", ("contact",), ("contact_open",)),
)
_TELLS: Mapping[str, frozenset[str]] = {model.id: frozenset(model.quantities) for model in MODELS}


def decode(model: str, _port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of one message. DecodeError: `size`, `json` for another shape, `empty`, `not-finite`."""
    if not 0 < len(payload) <= MAX_BYTES:
        raise DecodeError("size", f"wanted 1 to {MAX_BYTES} bytes, got {len(payload)}")
    try:
        state = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError("json", str(error)) from error
    told = {name: value for name, value in _values(state).items() if value is not None and name in _TELLS[model]}
    if not told:
        raise DecodeError("empty", f"nothing that {model} measures")
    return tuple(Reading(name, float(value)) for name, value in told.items())


def _values(state: _State) -> dict[str, float | None]:
    light = state.illuminance if state.illuminance_lux is None else state.illuminance_lux
    still_s, millivolts = state.no_occupancy_since, state.voltage
    return {
        "motion": state.occupancy,
        "contact_open": None if state.contact is None else not state.contact,
        "leak": state.water_leak,
        "button": 1.0 if state.action else None,
        "still_minutes": None if still_s is None else still_s / 60,
        "illuminance_lx": light,
        "air_temperature_c": state.temperature,
        "humidity_pct": state.humidity,
        "air_pressure_hpa": state.pressure,
        "battery_pct": state.battery,
        "battery_v": None if millivolts is None else millivolts / 1000,
    }


def encode(_model: str, _port: int, readings: Sequence[Reading]) -> bytes:
    """What Zigbee2MQTT would say for these readings, without link quality and time."""
    told = {reading.quantity: reading.value for reading in readings}
    named: dict[str, object] = {
        "occupancy": bool(told["motion"]) if "motion" in told else None,
        "contact": not told["contact_open"] if "contact_open" in told else None,
        "water_leak": bool(told["leak"]) if "leak" in told else None,
        "action": "single" if told.get("button") else None,
        "no_occupancy_since": told["still_minutes"] * 60 if "still_minutes" in told else None,
        "illuminance": told.get("illuminance_lx"),
        "temperature": told.get("air_temperature_c"),
        "humidity": told.get("humidity_pct"),
        "pressure": told.get("air_pressure_hpa"),
        "battery": told.get("battery_pct"),
        "voltage": round(told["battery_v"] * 1000) if "battery_v" in told else None,
    }
    return msgspec.json.encode({name: value for name, value in named.items() if value is not None})
