"""Starts the real parts that tests talk to: our broker, InfluxDB. Every wait is bounded; nothing outlives them."""

import json
import os
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from waiting import wait_until

from gateway.broker import Broker

TENANT = "014729"


def free_port() -> int:
    """A TCP port of the loopback nobody uses at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody accepts connections on that port of the loopback."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class RunningBroker(NamedTuple):
    """A broker that answers on 127.0.0.1:`port`; `passwords` by user."""

    port: int
    passwords: dict[str, str]
    broker: Broker


@contextmanager
def start_broker(
    data_dir: Path, users: Mapping[str, str], kind: str = "mosquitto", tenant: str = TENANT, port: int = 0
) -> Iterator[RunningBroker]:
    """Our own supervised broker in this process, with its generated configuration."""
    port = port or free_port()
    broker = Broker(kind, data_dir, "127.0.0.1", port, tenant, users)
    stop = threading.Event()
    thread = threading.Thread(target=broker.run, args=(stop,), name="broker")
    thread.start()
    try:
        wait_until(broker.ready.is_set, 15)
        yield RunningBroker(port, dict(users), broker)
    finally:
        stop.set()
        thread.join(15)
        assert not thread.is_alive()


@contextmanager
def start_mosquitto(data_dir: Path, users: Mapping[str, str], tenant: str = TENANT) -> Iterator[RunningBroker]:
    """mosquitto, as the gateway runs it. Mark the test `mosquitto`."""
    with start_broker(data_dir, users, "mosquitto", tenant) as running:
        yield running


class RunningInflux(NamedTuple):
    """An InfluxDB 2.x with an empty bucket."""

    url: str
    org: str
    bucket: str
    token: str


def influxd_path() -> Path:
    """Where influxd lies: SATOMORI_INFLUXD, else the cache folder of the tests."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "satomori"
    return Path(os.environ.get("SATOMORI_INFLUXD", cache / "influxd-2.7.12" / "influxd"))


@contextmanager
def start_influxd(folder: Path) -> Iterator[RunningInflux]:
    """InfluxDB on a free port, set up with organisation, bucket and token. Mark the test `influx`.

    INFLUXDB_URL and INFLUXDB_TOKEN (and INFLUXDB_ORG) name one that is running already; it gets a bucket of its own.
    """
    if "INFLUXDB_URL" in os.environ:
        bucket = f"satomori-test-{os.getpid()}-{free_port()}"
        org = os.environ.get("INFLUXDB_ORG", "satomori")
        yield RunningInflux(os.environ["INFLUXDB_URL"], org, bucket, os.environ["INFLUXDB_TOKEN"])
        return
    if not influxd_path().is_file():
        pytest.skip("influxd is not here: .ci/influxd, or set INFLUXDB_URL and INFLUXDB_TOKEN")
    url = f"http://127.0.0.1:{free_port()}"
    log = (folder / "influxd.log").open("wb")
    command = [
        str(influxd_path()),
        f"--http-bind-address={url.removeprefix('http://')}",
        f"--bolt-path={folder / 'influxd.bolt'}",
        f"--sqlite-path={folder / 'influxd.sqlite'}",
        f"--engine-path={folder / 'engine'}",
        "--reporting-disabled",
        "--log-level=error",
    ]
    with log, subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _healthy(url), 60)
            token = "test-" + os.urandom(16).hex()
            asked = {
                "username": "test",
                "password": os.urandom(16).hex(),
                "org": "satomori",
                "bucket": "satomori",
                "token": token,
            }
            _post(f"{url}/api/v2/setup", asked)
            yield RunningInflux(url, "satomori", "satomori", token)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return bool(json.load(answer)["status"] == "pass")
    except (OSError, ValueError):
        return False


def _post(url: str, body: Mapping[str, object]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
