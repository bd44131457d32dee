"""RS-485 soil probes of the "7-in-1" kind: moisture first, tenths.

register  0        1              2       3       4      5      6      7         8
          moisture temperature    EC      pH      N      P      K      salinity  TDS
          ×0.1 %   int16 ×0.1 °C  µS/cm   ×0.1    mg/kg  mg/kg  mg/kg  mg/L      mg/L

Unit number: register 07D0, baud rate: 07D1 (0 = 2400, 1 = 4800, 2 = 9600), both by function 16.

Payload: the whole Modbus RTU reply; port: the first register asked. `encode` answers as unit 1 with the model's own
registers from `port` on. Seeed and WoMaster ES103 probes put other quantities here: see `seeed_soil`.
Sources: womaster.eu ES107; github.com/myduino/Industrial-Soil-Sensor-RS485.
"""

from collections.abc import Sequence

from firmware_bridge import registers
from firmware_bridge.codecs import Model, UnitSettings
from firmware_bridge.reading import Reading
from firmware_bridge.registers import Register

_TABLE = {
    0: Register("soil_moisture_vwc_pct", 10, 0, 100),
    1: Register("soil_temperature_c", 10, -40, 80, signed=True),
    2: Register("soil_ec_us_cm", 1, 0, 30000),
    3: Register("soil_ph", 10, 0, 14),
    4: Register("soil_nitrogen_mg_kg", 1, 0, 5000),
    5: Register("soil_phosphorus_mg_kg", 1, 0, 5000),
    6: Register("soil_potassium_mg_kg", 1, 0, 5000),
    7: Register("soil_salinity_mg_l", 1, 0, 30000),
    8: Register("soil_tds_mg_l", 1, 0, 30000),
}
_SETTINGS = UnitSettings(address_register=0x07D0, baud_register=0x07D1, baud_codes={2400: 0, 4800: 1, 9600: 2})
_QUANTITIES = tuple(register.quantity for register in _TABLE.values())
_RIVAL = "Seeed S-Soil MTEC-02 / WoMaster ES103"
_CURVE_JA = "水分は鉱質土の検量線による。黒ボク土では現地で飽和と乾燥の二点を測って補正すること。"
_CURVE_EN = "Moisture uses a mineral-soil curve: volcanic ash soil needs a two-point calibration in the field. "
_NPK_JA = "窒素・リン・カリは伝導度からの計算値(参考値)。警報に使わない。"
_NPK_EN = "N, P and K are computed from conductivity, not measured: reference only, never for an alarm. "
_SWAP_JA = "Seeed・ES103系と同じ番号に別の量を返す。機種の選び間違いに注意。"
_SWAP_EN = "Answers on the same registers as the Seeed/ES103 family with other quantities: enter the right model."


def _model(identity: str, name: str, count: int, source: str) -> Model:
    npk = count > 4
    return Model(
        id=identity,
        name=name,
        kinds=("soil",),
        link="modbus-rtu",
        quantities=_QUANTITIES[:count],
        interval_s=600,
        source=source,
        cannot_ja=_CURVE_JA + (_NPK_JA if npk else "") + _SWAP_JA,
        cannot_en=_CURVE_EN + (_NPK_EN if npk else "") + _SWAP_EN,
        registers=(0, count),
        settings=_SETTINGS,
        resolution={one.quantity: 1 / one.divisor for one in _TABLE.values() if one.quantity in _QUANTITIES[:count]},
        limits={one.quantity: (one.low, one.high) for one in _TABLE.values() if one.quantity in _QUANTITIES[:count]},
    )


_MYDUINO = "github.com/myduino/Industrial-Soil-Sensor-RS485"
MODELS: tuple[Model, ...] = (
    _model("generic/rs485-soil-3in1", "RS-485 soil probe, 3-in-1 (moisture, temperature, EC)", 3, _MYDUINO),
    _model("generic/rs485-soil-4in1", "RS-485 soil probe, 4-in-1 (with pH)", 4, _MYDUINO),
    _model("generic/rs485-soil-7in1", "RS-485 soil probe, 7-in-1 (with pH, N, P, K)", 7, _MYDUINO),
    _model("womaster/es107", "WoMaster ES107-Soil-RS485", 9, "womaster.eu ES107-Soil-RS485, register table"),
)
_COUNTS = {model.id: len(model.quantities) for model in MODELS}


def decode(model: str, port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of a reply to a question for registers from `port` on; see `registers.decode` for what is left out."""
    return registers.decode(_TABLE, _QUANTITIES[: _COUNTS[model]], port, payload, _RIVAL)


def encode(model: str, port: int, readings: Sequence[Reading]) -> bytes:
    """The probe's reply to a question for all its registers from `port` on."""
    return registers.encode(_TABLE, port, max(1, _COUNTS[model] - port), readings)
