"""Seeed S-Soil MTEC-02 and WoMaster ES103: temperature first, hundredths.

register  0               1        2       3         4      5
          temperature     moisture EC      salinity  TDS    permittivity
          int16 ×0.01 °C  ×0.01 %  µS/cm   mg/L      mg/L   ×0.01

Payload: the whole Modbus RTU reply; port: the first register asked. `encode` answers as unit 1. The "7-in-1" probes
put other quantities here. Nothing has a permittivity below 1 (a probe in dry air may show 0 with no moisture at all):
a 7-in-1 probe has phosphorus in that register, and is found out by it.
Sources: Seeed 101990667 user manual, 5.2 and 5.3; womaster.eu ES103-Soil-RS485.
"""

from collections.abc import Sequence

from firmware_bridge import registers
from firmware_bridge.codecs import Model
from firmware_bridge.reading import Reading
from firmware_bridge.registers import Register

_TABLE = {
    0: Register("soil_temperature_c", 100, -40, 80, signed=True),
    1: Register("soil_moisture_vwc_pct", 100, 0, 100),
    2: Register("soil_ec_us_cm", 1, 0, 30000),
    3: Register("soil_salinity_mg_l", 1, 0, 30000),
    4: Register("soil_tds_mg_l", 1, 0, 30000),
    5: Register("soil_permittivity", 100, 0, 100),
}
_AIR = 0.9  # the least a probe shows in air, where 1 is true
_QUANTITIES = tuple(register.quantity for register in _TABLE.values())
_RIVAL = "RS-485 soil 7-in-1"
_CANNOT_JA = (
    "土の種類(レジスター32)が合っていないと水分がずれる。黒ボク土は有機質を選び、二点補正をすること。"
    "レジスター33が華氏だと温度を誤る。7-in-1系と同じ番号に別の量を返す。機種の選び間違いに注意。"
)
_CANNOT_EN = (
    "Moisture is off where the soil type (register 32) is not the field's: choose organic for volcanic ash soil and "
    "calibrate at two points. Register 33 set to Fahrenheit falsifies the temperature. Answers on the same registers "
    "as 7-in-1 probes with other quantities: enter the right model."
)


def _product(identity: str, name: str, source: str) -> Model:
    return Model(
        id=identity,
        name=name,
        kinds=("soil",),
        link="modbus-rtu",
        quantities=_QUANTITIES,
        interval_s=600,
        source=source,
        cannot_ja=_CANNOT_JA,
        cannot_en=_CANNOT_EN,
        registers=(0, 6),
        resolution={register.quantity: 1 / register.divisor for register in _TABLE.values()},
        limits={register.quantity: (register.low, register.high) for register in _TABLE.values()},
    )


MODELS: tuple[Model, ...] = (
    _product("seeed/s-soil-mtec-02", "Seeed S-Soil MTEC-02 (101990667)", "Seeed 101990667 user manual, 5.2"),
    _product("womaster/es103", "WoMaster ES103-Soil-RS485", "womaster.eu ES103-Soil-RS485, register table"),
)


def decode(_model: str, port: int, payload: bytes) -> tuple[Reading, ...]:
    """Readings of a reply to a question for registers from `port` on; see `registers.decode` for what is left out."""
    readings = registers.decode(_TABLE, _QUANTITIES, port, payload, _RIVAL)
    values = {reading.quantity: reading.value for reading in readings}
    if values.get("soil_permittivity", 1) < _AIR and values.get("soil_moisture_vwc_pct", 0) > 0:
        raise registers.implausible(f"soil_permittivity would be {values['soil_permittivity']:g}", _RIVAL)
    return readings


def encode(_model: str, port: int, readings: Sequence[Reading]) -> bytes:
    """The probe's reply to a question for all its registers from `port` on."""
    return registers.encode(_TABLE, port, max(1, len(_TABLE) - port), readings)
