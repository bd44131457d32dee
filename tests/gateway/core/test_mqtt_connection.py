"""Brokers that behave badly: a server of the test plays them."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from waiting import wait_until

from gateway.errors import BrokerError
from gateway.subscription.connection import MAX_INBOX, Connection

WELCOME, GRANTED = b"\x20\x03\x00\x00\x00", b"\x90\x04\x00\x01\x00\x01"
HASTY = b"\x20\x06\x00\x00\x03\x13\x00\x01"  # a server that wants a word every second
MESSAGE = b"\x32\x07\x00\x01t\x00\x01\x00p"


@contextmanager
def a_server(play: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def work() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(4096)
                play(peer, stop)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join(10)


def opened(port: int) -> Connection:
    connection = Connection()
    connection.open("127.0.0.1", port, "gateway", "x", ["t"], threading.Event())
    return connection


def script(*lines: bytes) -> Callable[[socket.socket, threading.Event], None]:
    def play(peer: socket.socket, stop: threading.Event) -> None:
        for line in lines:
            peer.sendall(line)
        stop.wait(10)

    return play


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"\x20\x03\x00\x87\x00", "not authorized"),
        (b"HTTP/1.1 400 Bad Request\r\n" * 5, "no broker sends"),
        (b"\xe0\x01\x8e", "session taken over"),
        (WELCOME + b"\x90\x04\x00\x01\x00\x87", "not authorized"),
        (WELCOME + b"\x90\x04\x00\x01\x00\x00", "wanted QoS 1"),
    ],
)
def test_e29_a_refusal_is_told_in_words(line: bytes, told: str) -> None:
    with a_server(script(line)) as port:
        connection = Connection()
        with pytest.raises(BrokerError, match=told):
            connection.open("127.0.0.1", port, "gateway", "x", ["t"], threading.Event())
        connection.close()


def test_f10_a_broker_that_froze_is_noticed_within_one_and_a_half_keepalives() -> None:
    with a_server(script(HASTY + GRANTED)) as port:
        connection = opened(port)
        wait_until(lambda: connection.exchange(0.1) or not connection.alive, 5)
        assert "silent" in connection.reason
        connection.close()


def test_a_closed_connection_is_told_and_what_came_before_is_kept() -> None:
    def play(peer: socket.socket, _: threading.Event) -> None:
        peer.sendall(WELCOME + GRANTED + MESSAGE)

    with a_server(play) as port:
        connection = opened(port)
        got = connection.receive(5, 0.5)
        wait_until(lambda: connection.exchange(0.1) or not connection.alive, 5)
        assert [delivery.payload for delivery in got + connection.receive(0, 0)] == [b"p"]
        connection.acknowledge(got)
        connection.publish("t", b"x")
        connection.close()


def test_f35_a_broker_that_sends_more_than_it_may_fills_no_memory() -> None:
    def play(peer: socket.socket, stop: threading.Event) -> None:
        peer.settimeout(0.2)
        peer.sendall(WELCOME + GRANTED)
        while not stop.is_set():
            try:
                peer.sendall(MESSAGE * 1000)
            except TimeoutError:
                continue
            except OSError:
                return

    with a_server(play) as port:
        connection = opened(port)
        for _ in range(50):
            connection.exchange(0.01)
        assert len(connection._inbox) < MAX_INBOX + 256 * 1024 / len(MESSAGE)
        connection.close()


def test_of_a_topic_the_newest_goes_out_where_the_broker_is_slow() -> None:
    heard = bytearray()

    def play(peer: socket.socket, stop: threading.Event) -> None:
        peer.settimeout(0.1)
        peer.sendall(b"\x20\x06\x00\x00\x03\x21\x00\x01" + GRANTED)  # one in flight at a time
        while not stop.is_set():
            try:
                heard.extend(peer.recv(4096))
            except TimeoutError:
                continue
            if b"last" not in heard and b"first" in heard:
                peer.sendall(b"\x40\x02\x00\x02")

    with a_server(play) as port:
        connection = opened(port)
        for payload in (b"first", b"middle", b"last"):
            connection.publish("receipt", payload)
        wait_until(lambda: connection.exchange(0.05) or b"last" in heard, 5)
        assert b"middle" not in heard
        connection.close()


def test_stop_is_obeyed_while_nobody_answers() -> None:
    stop = threading.Event()
    with a_server(script()) as port:
        threading.Timer(0.2, stop.set).start()
        connection = Connection()
        assert connection.open("127.0.0.1", port, "gateway", "x", ["t"], stop) is None
        connection.close()
