"""`python -m edge.simulator past|live simulation.toml`: write the past into captures, or be the town from now on.

`past` ends with one line of JSON: `{"readings": N}`. `live` says `{"ready": true}` once its terminals exist, and runs
until SIGTERM or SIGINT. Exit status 0 good, 1 bad result, 2 wrong use.
"""

import argparse
import json
import signal
import sys
import threading
import time
from pathlib import Path

from edge.errors import EdgeError
from edge.simulator import live, past
from edge.simulator.lorawan import NetworkServer
from edge.simulator.world import World


def main() -> int:
    """Run one of the two."""
    parser = argparse.ArgumentParser(prog="python -m edge.simulator", description="A town that is not there.")
    parser.add_argument("what", choices=["past", "live"])
    parser.add_argument("plan", type=Path, help="simulation.toml")
    options = parser.parse_args()
    try:
        world = World(options.plan)
        folder = options.plan.parent / "captures"
        if options.what == "live":
            return _live(world, options.plan.parent, folder)
        print(json.dumps({"readings": past.write(world, folder)}), flush=True)
    except (EdgeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _live(world: World, root: Path, captures: Path) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    found = live.desks(world, now_us())
    print(json.dumps({"ready": True}), flush=True)
    radio = threading.Thread(target=_transmit, args=(world, root, captures, stop), name="uplinks")
    if world.uplinkers:
        radio.start()
    live.serve(found, now_us, stop)
    if world.uplinkers:
        radio.join()
    return 0


def _transmit(world: World, root: Path, captures: Path, stop: threading.Event) -> None:
    try:
        password = (root / world.plan.inlet_password_file).read_text("ascii").strip()
        server = NetworkServer(world.town.broker.host, world.town.broker.port, password)
        live.Transmitter(world, captures, server, now_us).run(stop)
    finally:
        stop.set()  # without its uplinks the town is not whole: end, so that somebody starts it again


def now_us() -> int:
    """The wall clock, µs UTC."""
    return time.time_ns() // 1000


if __name__ == "__main__":
    sys.exit(main())
