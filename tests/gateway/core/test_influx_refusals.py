"""What InfluxDB can answer instead of taking our lines: a server of the test says it, and a real one where it can."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from parts import free_port, start_influxd

from firmware_bridge.reading import Column, SeriesKey
from gateway.errors import StoreError
from gateway.store import Entry
from gateway.store.influx import InfluxStore

NOON_US = 1_800_000_000_000_000
KEY = SeriesKey("014729", "d1", "motion")


def entry(number: int, values: list[float], device: str = "d1", quantity: str = "motion") -> Entry:
    column = Column(device, quantity, [NOON_US + number * 1000 + i for i in range(len(values))], values)
    return Entry(id=number, tenant="014729", source="n-01", received_us=NOON_US, columns=[column])


class Answers(ThreadingHTTPServer):
    """Answers writes with `status`, but only those whose body holds `poison`; remembers the bodies it took."""

    status, headers, poison, max_lines = 204, {}, b"", 1 << 30
    taken: list[bytes]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Answers)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body.count(b"\n") + 1 > server.max_lines:
            status = 413
        elif server.poison in body:
            status = server.status
        else:
            status = 204
        if status == 204:
            server.taken.append(body)
        self.send_response(status)
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def influx_like(folder: Path) -> Iterator[tuple[Answers, InfluxStore]]:
    server = Answers(("127.0.0.1", 0), Handler)
    server.taken = []
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    store = InfluxStore(f"http://127.0.0.1:{server.server_port}", "o", "b", "t", folder / "aside.db", timeout_s=5)
    try:
        yield server, store
    finally:
        store.close()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(429, True), (500, True), (503, True), (504, True), (401, False), (403, False), (404, False), (302, False)],
)
def test_f32_an_answer_says_whether_trying_again_can_help(tmp_path: Path, status: int, retryable: bool) -> None:
    with influx_like(tmp_path) as (server, store):
        server.status, server.headers = status, {"Retry-After": "7"}
        with pytest.raises(StoreError) as caught:
            store.append([entry(1, [1.0])])
        assert (caught.value.retryable, caught.value.retry_after_s) == (retryable, 7.0)
        assert store.rejected(0, 1 << 62) == {}


def test_e71_a_server_that_is_not_there_is_worth_another_try(tmp_path: Path) -> None:
    store = InfluxStore(f"http://127.0.0.1:{free_port()}", "o", "b", "t", tmp_path / "aside.db", timeout_s=2)
    with pytest.raises(StoreError) as caught:
        store.append([entry(1, [1.0])])
    assert caught.value.retryable
    with pytest.raises(StoreError):
        store.latest()
    store.close()


@pytest.mark.parametrize("status", [400, 422])
def test_f33_e64_a_poisoned_line_is_found_by_halving_and_put_aside(tmp_path: Path, status: int) -> None:
    with influx_like(tmp_path) as (server, store):
        server.status, server.poison = status, b"value=666.0 "
        written = store.append([entry(1, [1.0, 2.0, 666.0, 4.0, 5.0]), entry(2, [6.0, 666.0])])
        assert (written.new, written.rejected) == (5, 2)
        lines = b"\n".join(server.taken).splitlines()
        assert sorted(line.split(b"value=")[1].split(b" ")[0] for line in lines) == [
            b"1.0",
            b"2.0",
            b"4.0",
            b"5.0",
            b"6.0",
        ]
        assert store.rejected(0, 1 << 62) == {KEY: 2}
        store.append([entry(1, [1.0, 2.0, 666.0, 4.0, 5.0])])
        assert store.rejected(0, 1 << 62) == {KEY: 2}, "put aside once, however often it is offered"


def test_e67_what_is_too_large_is_sent_in_halves(tmp_path: Path) -> None:
    with influx_like(tmp_path) as (server, store):
        server.max_lines = 3
        assert store.append([entry(1, [float(i) for i in range(10)])]).new == 10
        assert sorted(len(body.splitlines()) for body in server.taken) == [2, 2, 3, 3]


def test_e67_requests_are_limited_by_lines(tmp_path: Path) -> None:
    with influx_like(tmp_path) as (server, store):
        store.append([entry(number, [1.0] * 4000) for number in (1, 2, 3)])
        assert [len(body.splitlines()) for body in server.taken] == [5000, 5000, 2000]


@pytest.mark.influx
def test_a_real_server_refuses_a_type_conflict_and_keeps_the_good_lines(tmp_path: Path) -> None:
    with start_influxd(tmp_path) as running:
        store = InfluxStore(running.url, running.org, running.bucket, running.token, tmp_path / "aside.db")
        store.ensure()
        store._server.write(f'motion,device=d9,tenant=014729 value="7f73" {NOON_US}000')
        written = store.append([entry(1, [1.0, 2.0], quantity="contact_open"), entry(2, [1.0], device="d9")])
        assert (written.new, written.rejected) == (2, 1)
        assert store.count(0, 1 << 62)[SeriesKey("014729", "d1", "contact_open")] == 2
        store.ensure_hourly()
        store.ensure_hourly()
        wrong = InfluxStore(running.url, running.org, running.bucket, "no-such-token", tmp_path / "aside2.db")
        missing = InfluxStore(running.url, running.org, "no-such-bucket", running.token, tmp_path / "aside3.db")
        for store_ in (wrong, missing):
            with pytest.raises(StoreError) as caught:
                store_.append([entry(3, [1.0])])
            assert not caught.value.retryable
            store_.close()
        store.close()
