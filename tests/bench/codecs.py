"""Codecs: frames a second on one core, a typical frame of each family, beside peers in the same run (aim ≥ 200,000/s).

The peers are decoders as one usually finds them: a chain of comparisons over the tags (Milesight, Elsys), a list of
lambdas (Decentlab), one `struct` (Dragino), all without any check. A vendor's own decoder, which is not ours to ship,
runs in Node beside them: `python -m bench.codecs FILE.js MODEL` (it must define decodeUplink).
"""

import json
import shutil
import struct
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import firmware_bridge
from firmware_bridge import codecs

VECTORS = Path(firmware_bridge.__file__).parent / "vectors"
TYPICAL = {  # model, and a piece of its vector's name; other families are measured by their first good frame
    "dragino": ("dragino/lse01", "mode 0, below zero"),
    "dragino_climate": ("dragino/lht65", "below zero"),
    "elsys": ("elsys/ers", "light and motion"),
    "enocean": ("enocean/a5-07-01", ""),
    "decentlab": ("decentlab/dl-5tm", "wet and freezing"),
    "milesight": ("milesight-iot/em300-th", "below zero"),
    "soil_7in1": ("generic/rs485-soil-7in1", ""),
}
FRAMES, ROUNDS = 20_000, 5
AIM = 200_000


def typical(family: str) -> tuple[str, int, bytes]:
    """Model, port and bytes of the family's typical frame."""
    model, name = TYPICAL.get(family, ("", ""))
    frames = tomllib.loads((VECTORS / f"{family}.toml").read_text("utf-8"))["frame"]
    good = [one for one in frames if "error" not in one and model in one["model"] and name in one["name"]]
    return good[0]["model"], good[0]["port"], bytes.fromhex(good[0]["hex"])


def a_second(work: Callable[[], object]) -> float:
    """Calls a second of the best of a few rounds, by CPU time."""
    times = []
    for _ in range(ROUNDS):
        began_s = time.process_time()
        for _ in range(FRAMES):
            work()
        times.append(time.process_time() - began_s)
    return FRAMES / min(times)


def tagged(payload: bytes) -> dict[str, float]:
    """Milesight as one usually finds it."""
    told: dict[str, float] = {}
    at = 0
    while at < len(payload):
        channel, kind = payload[at], payload[at + 1]
        at += 2
        if channel == 0x01 and kind == 0x75:
            told["battery"] = payload[at]
            at += 1
        elif channel == 0x03 and kind == 0x67:
            told["temperature"] = int.from_bytes(payload[at : at + 2], "little", signed=True) / 10
            at += 2
        elif channel == 0x04 and kind == 0x68:
            told["humidity"] = payload[at] / 2
            at += 1
        else:
            break
    return told


def typed(payload: bytes) -> dict[str, float]:
    """Elsys as one usually finds it."""
    told: dict[str, float] = {}
    at = 0
    while at < len(payload):
        kind = payload[at]
        if kind == 0x01:
            told["temperature"] = int.from_bytes(payload[at + 1 : at + 3], "big", signed=True) / 10
            at += 3
        elif kind == 0x02:
            told["humidity"] = payload[at + 1]
            at += 2
        elif kind == 0x04:
            told["light"] = int.from_bytes(payload[at + 1 : at + 3], "big")
            at += 3
        elif kind == 0x05:
            told["motion"] = payload[at + 1]
            at += 2
        else:
            break
    return told


GROUPS: list[tuple[int, list[tuple[str, Callable[[list[int]], float]]]]] = [
    (2, [("permittivity", lambda x: x[0] / 50), ("temperature", lambda x: (x[1] - 400) / 10)]),
    (1, [("battery", lambda x: x[0] / 1000)]),
]


def flagged(payload: bytes) -> dict[str, float]:
    """Decentlab as one usually finds it."""
    told: dict[str, float] = {}
    flags, at = payload[3] << 8 | payload[4], 5
    for bit, (size, values) in enumerate(GROUPS):
        if flags >> bit & 1:
            words = [payload[at + 2 * i] << 8 | payload[at + 2 * i + 1] for i in range(size)]
            told |= {name: compute(words) for name, compute in values}
            at += 2 * size
    return told


def packed(payload: bytes) -> dict[str, float]:
    """Dragino LSE01 as one usually finds it."""
    battery, probe, moisture, temperature, conductivity, flags = struct.unpack(">HhHhHB", payload)
    return {
        "battery": (battery & 0x3FFF) / 1000,
        "probe": probe / 10,
        "moisture": moisture / 100,
        "temperature": temperature / 100,
        "ec": conductivity,
        "flags": flags,
    }


PEERS: dict[str, Callable[[bytes], dict[str, float]]] = {
    "milesight": tagged,
    "elsys": typed,
    "decentlab": flagged,
    "dragino": packed,
}


def javascript(script: Path, port: int, payload: bytes) -> float:
    """Frames a second of a vendor's decoder in Node, which warms itself up first."""
    node = shutil.which("node")
    if node is None:
        raise SystemExit("wanted Node (https://nodejs.org) to run the vendor's decoder")
    asked: dict[str, Any] = {"bytes": list(payload), "fPort": port}
    loop = f"""
const input = {json.dumps(asked)};
const kept = [];
const run = () => {{
  for (let i = 0; i < {FRAMES}; i++) kept[i & 1023] = decodeUplink({{bytes: [...input.bytes], fPort: input.fPort}});
}};
run(); run();
let best = Infinity;
for (let i = 0; i < {ROUNDS}; i++) {{
  const began = process.cpuUsage(); run();
  best = Math.min(best, process.cpuUsage(began).user / 1e6);
}}
process.stdout.write(String({FRAMES} / best));
"""
    done = subprocess.run(
        [node, "-"], input=script.read_text("utf-8") + loop, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def measure(family: str, script: Path | None = None) -> float:
    """Measure one family and print it."""
    model, port, payload = typical(family)
    decode = codecs.families()[family].decode
    ours = a_second(lambda: decode(model, port, payload))
    line = f"codec {model:<34} {len(payload):>3} B  ours {ours:>10,.0f}/s"
    if family in PEERS:
        line += f"  plain {a_second(lambda: PEERS[family](payload)):>10,.0f}/s"
    if script:
        line += f"  JavaScript {javascript(script, port, payload):>10,.0f}/s"
    print(line + ("" if ours >= AIM else f"  (aim {AIM:,})"), flush=True)
    return ours


def main() -> None:
    """Every family; or one vendor's decoder beside ours: FILE.js MODEL."""
    if len(sys.argv) == 3 and sys.argv[1].endswith(".js"):
        family = next(name for name, codec in codecs.families().items() if sys.argv[2] in {m.id for m in codec.MODELS})
        TYPICAL[family] = (sys.argv[2], "")
        measure(family, Path(sys.argv[1]))
        return
    for family in codecs.families():
        measure(family)


if __name__ == "__main__":
    main()
