"""The `satomori-edge` command. Exit status: 0 good, 1 bad result, 2 wrong use. `--json` where scripts read."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge import VERSION
from edge.errors import EdgeError, SettingsError
from edge.words import say

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; an EdgeError is printed as words, never as a traceback."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        command: Command = options.command
        status = command(options)
        sys.stdout.flush()
    except SettingsError as error:
        print(say("mistakes", count=len(error.mistakes)), file=sys.stderr)
        for mistake in error.mistakes:
            print(f"  {say('mistake', **msgspec.structs.asdict(mistake))}", file=sys.stderr)
        return 1
    except EdgeError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="satomori-edge", description=say("about"))
    parser.add_argument("--version", action="version", version=f"satomori-edge {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    run = _command(commands, "run", _run)
    run.add_argument("config", type=Path, help=say("config"))
    run.add_argument("--record", metavar="FILE", type=Path, help=say("record"))
    run.add_argument("--truth", metavar="FILE", default="", help=say("truth"))
    check = _command(commands, "check", _check)
    check.add_argument("config", type=Path, help=say("config"))
    check.add_argument("--json", action="store_true", help=say("json"))
    outbox = _command(commands, "outbox", _outbox)
    outbox.add_argument("config", type=Path, help=say("config"))
    outbox.add_argument("--json", action="store_true", help=say("json"))
    outbox.add_argument("--rejected", action="store_true", help=say("rejected"))
    outbox.add_argument("--renew", action="store_true", help=say("renew"))
    replay = _command(commands, "replay", _replay)
    replay.add_argument("capture", type=Path, help=say("capture"))
    replay.add_argument("config", type=Path, help=say("config"))
    replay.add_argument("--speed", type=float, default=0.0, help=say("speed"))
    replay.add_argument("--truth", metavar="FILE", default="", help=say("truth"))
    probe = _command(commands, "probe", _probe)
    probe.add_argument("port", nargs="?", help=say("port"))
    probe.add_argument("--baud", type=int, default=9600, help=say("baud"))
    probe.add_argument("--json", action="store_true", help=say("json"))
    return parser


def _command(commands: Any, name: str, command: Command) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=say(name), description=say(name))
    parser.set_defaults(command=command)
    return parser


def _run(options: argparse.Namespace) -> int:
    from edge import running, settings

    loaded = settings.load(options.config)
    if options.record:
        loaded = msgspec.structs.replace(loaded, record=settings.Record(path=str(options.record.resolve())))
    with running.truth(options.truth) as hears, running.until_signal() as stop:
        running.run(loaded, stop, hears=hears)
    return 0


def _check(options: argparse.Namespace) -> int:
    from edge import running, settings

    mistakes = []
    try:
        running.owner(settings.load(options.config))
    except SettingsError as error:
        if not options.json:
            raise
        mistakes = [msgspec.structs.asdict(one) for one in error.mistakes]
    print(json.dumps({"mistakes": mistakes}, ensure_ascii=False) if options.json else say("fine"))
    return 1 if mistakes else 0


def _outbox(options: argparse.Namespace) -> int:
    from edge import report, running, settings

    loaded = settings.load(options.config)
    path = Path(loaded.outbox.path)
    if options.renew:
        running.renew(loaded)
    found = report.report(path)
    refused = report.refusals(path) if options.rejected else None
    if options.json:
        extra = {} if refused is None else {"last_rejected": msgspec.to_builtins(refused)}
        print(json.dumps(msgspec.to_builtins(found) | extra, ensure_ascii=False))
        return 0
    print(say("outbox_is", **msgspec.to_builtins(found)))
    for name, counts in (("dropped_is", found.dropped), ("rejected_is", found.rejected)):
        for reason, count in sorted(counts.items()):
            print("  " + say(name, reason=reason, count=count))
    for one in refused or ():
        print(f"  {one.link} {one.device} {one.reason}: {one.detail} [{one.hex}]")
    return 0


def _replay(options: argparse.Namespace) -> int:
    from edge import running, settings
    from edge.drivers.replay import Replay

    if options.speed < 0 or not options.capture.is_file():
        print(say("no_capture", path=options.capture), file=sys.stderr)
        return 2
    driver = Replay(name="replay", path=str(options.capture.resolve()), speed=options.speed)
    loaded = running.with_drivers(settings.load(options.config), (driver,))
    with running.truth(options.truth) as hears, running.until_signal() as stop:
        running.run(loaded, stop, hears=hears, ends=True)
        interrupted = stop.is_set()
    print(say("interrupted" if interrupted else "replayed"), file=sys.stderr)
    return 1 if interrupted else 0


def _probe(options: argparse.Namespace) -> int:
    from edge import ports, probe

    if options.port:
        answers = probe.modbus_units(options.port, options.baud)
        if options.json:
            print(json.dumps(answers))
        else:
            for unit, answer in answers.items():
                print(say("unit", unit=unit, answer=answer or say("silent")))
        return 0 if any(answers.values()) else 1
    found = {port.device: ports.identity(port) for port in ports.scan()}
    if options.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{device}  {identity}" for device, identity in found.items()) or say("no_ports"))
    return 0
