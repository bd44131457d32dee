"""What independent packages say about the same bytes, recorded for test_peers.py.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install crcmod==1.7 pycayennelpp==2.4.0 enocean==0.60.1 msgspec
    PYTHONPATH=. /tmp/peers/bin/python tests/bridge/record_peers.py > tests/bridge/peers.json

The bytes are drawn anew from one seed; only what the packages answer is written, never what we do.
"""

import json
import random
import sys
import warnings
from typing import Any

from cayennelpp import LppFrame
from crcmod import predefined
from enocean.protocol.packet import Packet

from firmware_bridge import codecs, esp3

warnings.simplefilter("ignore")
draw = random.Random(20260101)
CRCS = {"crc16_modbus": "modbus", "crc16_ccitt": "crc-ccitt-false", "crc16_kermit": "kermit", "crc8": "crc-8"}
LPP_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 0x65: 2, 0x66: 1, 0x67: 2, 0x68: 1, 0x71: 6, 0x73: 2}
LPP_SIZES |= {0x74: 2, 0x75: 2, 0x80: 2, 0x82: 4, 0x83: 4, 0x86: 6, 0x88: 9}


def crcs() -> list[dict[str, Any]]:
    functions = {ours: predefined.mkPredefinedCrcFun(name) for ours, name in CRCS.items()}
    said = []
    for size in (0, 1, 2, 9, 33, 256):
        data = draw.randbytes(size)
        said += [{"function": name, "hex": data.hex(), "value": check(data)} for name, check in functions.items()]
    return said


def lpp() -> list[dict[str, Any]]:
    said = []
    for _ in range(80):
        frame, types = b"", []
        for channel in draw.sample(range(256), draw.randrange(1, 5)):
            types.append(draw.choice(list(LPP_SIZES)))
            frame += bytes((channel, types[-1])) + draw.randbytes(LPP_SIZES[types[-1]])
        data = LppFrame.from_bytes(frame).data
        values = [
            {"channel": one.channel, "type": kind, "values": list(one.value)}
            for one, kind in zip(data, types, strict=True)
        ]
        said.append({"hex": frame.hex(), "data": values})
    return said


def payload(rorg: int) -> bytes:
    if rorg == esp3.FOUR_BS:
        return draw.randbytes(3) + bytes((draw.randrange(256) | 8,))
    return bytes((draw.randrange(256) | (8 if rorg == esp3.ONE_BS else 0),))


def enocean() -> list[dict[str, Any]]:
    said = []
    for model in codecs.families()["enocean"].MODELS:
        rorg, function, kind = (int(part, 16) for part in model.id.partition("/")[2].split("-"))
        for _ in range(15) if rorg != esp3.VLD else ():
            telegram = esp3.Telegram(sender="01234567", rorg=rorg, data=payload(rorg), dbm=-60, erp=1, status=0x30)
            raw = esp3.encode_telegram(telegram)
            _, _, packet = Packet.parse_msg(bytearray(raw))
            try:
                packet.parse_eep(function, kind)
            except TypeError:  # the package has no name for some button bits
                continue
            if packet.parsed:
                values = {name: one["value"] for name, one in packet.parsed.items()}
                said.append({"model": model.id, "hex": raw.hex(), "values": values})
    return said


def main() -> None:
    record = {"crcmod 1.7": crcs(), "pycayennelpp 2.4.0": lpp(), "enocean 0.60.1": enocean()}
    lines = [
        f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(one) for one in said) + "\n]"
        for name, said in record.items()
    ]
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
