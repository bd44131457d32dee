"""What answers on a port: the first three Modbus addresses are asked for their first register."""

import time

from edge import ports
from edge.drivers import modbus_rtu
from firmware_bridge import modbus
from firmware_bridge.errors import BridgeError, DecodeError

UNITS = (1, 2, 3)
_TIMEOUT_S = 0.5


def modbus_units(port: str, baud: int) -> dict[int, str]:
    """What units 1 to 3 answered, in hex, or how each refused; empty text for silence. LinkError without a port."""
    with ports.opened(port, ports.Line(baud=baud)) as bus:
        return {unit: _ask(bus, modbus.read_request(unit, modbus.HOLDING, 0, 1)) for unit in UNITS}


def _ask(bus: ports.Port, request: bytes) -> str:
    bus.discard_input()
    bus.write(request)
    heard, until_s = b"", time.monotonic() + _TIMEOUT_S
    while (left_s := until_s - time.monotonic()) > 0:
        heard += bus.read(64, timeout_s=left_s)
        try:
            return modbus_rtu.answer_in(request, heard).hex()
        except DecodeError as error:
            return f"{error.code}: {error.detail}"
        except BridgeError:
            continue
    return ""
