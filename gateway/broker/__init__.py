"""The broker as a supervised child: mosquitto where it is installed, else the embedded iotcore on loopback (trial).

The child gets a generated configuration, its messages go to our log, it dies with this process however that ends, and
what it cannot start with is moved aside: with receipts from the journal a broker's memory is a convenience.

    python -m gateway.broker --data-dir DIR --tenant 014729 --port 1883     # the broker alone, for a test or a look
"""

import argparse
import logging
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from firmware_bridge.credentials import mqtt_password
from gateway.broker.config import GATEWAY_USER, HOME_ASSISTANT, INLET_PREFIX, write_iotcore, write_mosquitto
from gateway.errors import BrokerError
from gateway.inlets import inlets
from gateway.registry import load_keys
from gateway.secretfile import read_or_make

log = logging.getLogger(__name__)
Kind = Literal["mosquitto", "iotcore"]
START_S, STOP_S = 10.0, 5.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")
SEARCH = ":/usr/sbin:/usr/local/sbin"  # where programs for administrators lie, whatever PATH says
PERSISTENCE = ("mosquitto.db", "persistence", "persistent")  # words of mosquitto when its file is broken


def find_mosquitto() -> str | None:
    """Path of the mosquitto program, also where only root's PATH leads."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + SEARCH)


def users_of(data_dir: Path) -> dict[str, str]:
    """Broker passwords by user: the gateway's own, one a node key, one an inlet, two of Home Assistant.

    Those that no key gives are made where missing, mode 0600.
    """
    users = {node: mqtt_password(key) for node, key in load_keys(data_dir / "nodes").items()}
    users[GATEWAY_USER] = read_or_make(data_dir / "gateway.password")
    for name in inlets():
        users[f"{INLET_PREFIX}{name}"] = read_or_make(data_dir / f"{INLET_PREFIX}{name}.password")
    for name in (HOME_ASSISTANT, f"{HOME_ASSISTANT}-out"):
        users[name] = read_or_make(data_dir / f"{name}.password")
    return users


class Broker:
    """A broker on `host:port` for these users (name → password). `kind` says which one it is.

    `ready` is set while the port answers. `set_aside` counts persistence files that it could not start with.
    BrokerError where the kind asked for is not here, or the embedded one should listen beyond this computer.
    """

    def __init__(self, kind: str, data_dir: Path, host: str, port: int, tenant: str, users: Mapping[str, str]) -> None:
        self.kind: Kind = _choose(kind, host)
        self.ready = threading.Event()
        self.set_aside = 0
        self._folder = data_dir / "broker"
        self._address = (host, port)
        self._tenant = tenant
        self._users = dict(users)

    def run(self, stop: threading.Event) -> None:
        """Keep the broker running until `stop`. BrokerError where it ends by itself; the supervisor starts again."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with subprocess.Popen(
            self._command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as child:
            voice = _Voice(child)
            try:
                self._await_port(child, voice, stop)
                while not stop.is_set() and child.poll() is None:
                    voice.listen(0.5)
            finally:
                self.ready.clear()
                _end(child)
                voice.close()
        if not stop.is_set():
            self._blame_persistence(voice)
            raise BrokerError(f"{self.kind} ended with status {child.returncode}: {voice.last or 'no word'}")

    def _command(self) -> list[str]:
        host, port = self._address
        leash = [sys.executable, "-m", "gateway.broker.leash", str(os.getpid())]
        if self.kind == "mosquitto":
            config = write_mosquitto(self._folder, host, port, self._tenant, self._users)
            return [*leash, find_mosquitto() or "mosquitto", "-c", str(config)]
        config = write_iotcore(self._folder, host, port, self._users)
        return [*leash, sys.executable, "-c", _EMBEDDED, str(config)]

    def _await_port(self, child: "subprocess.Popen[bytes]", voice: "_Voice", stop: threading.Event) -> None:
        deadline_s = time.monotonic() + START_S
        while not stop.is_set() and child.poll() is None:
            if _answers(*self._address):
                voice.listen(0.05)
                if child.poll() is None:
                    self.ready.set()
                    log.info("broker_ready kind=%s address=%s:%d", self.kind, *self._address)
                return
            if time.monotonic() > deadline_s:
                raise BrokerError(f"{self.kind} does not answer on {self._address} after {START_S:.0f} s: {voice.last}")
            voice.listen(0.05)

    def _blame_persistence(self, voice: "_Voice") -> None:
        path = self._folder / "mosquitto.db"
        if self.kind != "mosquitto" or not path.exists():
            return
        if any(word in line.lower() for line in voice.lines for word in PERSISTENCE):
            self.set_aside += 1
            number = 1
            while (kept := path.with_name(f"mosquitto.db.broken-{number}")).exists():
                number += 1
            path.rename(kept)
            log.error("broker_memory_broken kept_as=%s", kept)


class _Voice:
    """What the child says, line by line into our log; `lines` keeps the first and `last` the newest."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        assert child.stdout is not None  # noqa: S101 - Popen was asked for it
        self.lines: list[str] = []
        self.last = ""
        self._pipe = child.stdout
        self._rest = b""
        os.set_blocking(self._pipe.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pipe, selectors.EVENT_READ)

    def listen(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` for words; returns at once when some come."""
        for _ in self._selector.select(timeout_s):
            heard = self._pipe.read(65536)
            if heard == b"":
                self._selector.unregister(self._pipe)
            *lines, self._rest = (self._rest + (heard or b"")).split(b"\n")
            for line in lines:
                self._tell(line)
        if not self._selector.get_map():
            threading.Event().wait(timeout_s)

    def _tell(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()[:500]
        if text:
            self.last = text
            if len(self.lines) < 50:
                self.lines.append(text)
            log.warning("broker_says %s", text)

    def close(self) -> None:
        """Hear the rest."""
        if self._selector.get_map():
            self.listen(0.0)
        self._tell(self._rest)
        self._selector.close()


_EMBEDDED = (
    "import signal, sys\n"
    "from iotcore import IotCoreBroker\n"
    "signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
    "IotCoreBroker(config_path=sys.argv[1]).run_forever()\n"
)


def _choose(kind: str, host: str) -> Kind:
    here = find_mosquitto() is not None
    if kind == "mosquitto" and not here:
        raise BrokerError("broker.mode is mosquitto, but the program is not here: apt-get install mosquitto")
    if kind == "mosquitto" or (kind == "auto" and here):
        return "mosquitto"
    if host not in LOOPBACK:
        raise BrokerError(
            f"the embedded broker listens on this computer only, not on {host}: apt-get install mosquitto"
        )
    return "iotcore"


def _answers(host: str, port: int) -> bool:
    place = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - where to knock
    try:
        with socket.create_connection((place, port), timeout=0.5):
            return True
    except OSError:
        return False


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()


def main(arguments: list[str]) -> int:
    """Run the broker alone until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.broker", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="the gateway's folder, with nodes/*.key")
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--kind", choices=["auto", "mosquitto", "iotcore"], default="auto")
    parser.add_argument("--config-only", action="store_true", help="write mosquitto's files for another container, end")
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if asked.config_only:
        folder = asked.data_dir / "broker"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_mosquitto(folder, asked.host, asked.port, asked.tenant, users_of(asked.data_dir))
        return 0
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    users = users_of(asked.data_dir)
    broker = Broker(asked.kind, asked.data_dir, asked.host, asked.port, asked.tenant, users)
    while not stop.is_set():
        try:
            broker.run(stop)
        except BrokerError as error:
            log.error("broker_lost error=%s", error)
            stop.wait(0.5)
    return 0
