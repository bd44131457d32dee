"""The edge agent: resident memory (at most 40 MB in all) and bytes written to disk per 1,000 readings, end to end.

A capture of line frames goes through codec, outbox, uplink, gateway and receipt; the kernel's own account of the agent
is read when everything is confirmed. "live" is the worst case for a disk: one reading a commit.
"""

import json
import tempfile
from pathlib import Path

from town import Town
from waiting import wait_until

from firmware_bridge.codecs import encode
from firmware_bridge.reading import Reading

NODE = "bench-node"
START_US = 1_780_000_000_000_000


def capture(path: Path, frames: int) -> None:
    """`frames` load cell lines, ten seconds apart."""
    with path.open("w") as file:
        for number in range(frames):
            payload = encode("generic/line-load-cell", 0, [Reading("snow_load_kg_m2", number % 900 / 2)])
            frame = {"t_us": START_US + number * 10_000_000, "device": "scale-1", "model": "generic/line-load-cell"}
            file.write(json.dumps({**frame, "port": 0, "hex": payload.hex()}) + "\n")


def kernel_says(pid: int) -> tuple[float, int]:
    """Resident MB and bytes written to disk of a process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    io = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) / 1024, int(io["write_bytes"])


def measure(frames: int, speed: float, what: str) -> None:
    """Run one capture through a whole town and print what the agent cost."""
    with tempfile.TemporaryDirectory() as name:
        town = Town(Path(name))
        capture(town.folder / "bench.jsonl", frames)
        driver = f'[[driver]]\nkind = "replay"\nname = "bench"\npath = "bench.jsonl"\nspeed = {speed}\n'
        town.add_node(NODE, driver, sealed=True)
        town.write()
        try:
            town.start_gateway()
            town.start_edge(NODE)
            wait_until(lambda: town.stored() >= frames, 120, every_s=0.5)
            rss_mb, written = kernel_says(town.processes[NODE].pid)
        finally:
            town.stop()
    per_thousand_kb = written / frames
    print(
        f"agent {what:<8} {rss_mb:>5.1f} MB resident (limit 40), {per_thousand_kb:>8,.1f} kB written per 1,000 readings"
    )


def main() -> None:
    """Measure and print."""
    measure(20_000, 0.0, "backlog")
    measure(200, 100.0, "live")


if __name__ == "__main__":
    main()
