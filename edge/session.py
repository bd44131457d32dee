"""One connection to the broker, from CONNECT to its end: paho-mqtt without its thread.

Each connection gets a client of its own, so nothing of an earlier one (its queue, its message ids) can leak into it,
and everything runs in the caller's thread: callbacks only append to a list. No MQTT type leaves this file.
"""

import os
import select
import ssl
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.properties import Properties

from edge.errors import LinkError

CONNECT_TIMEOUT_S = 5.0
_MAX_PACKET = 256 * 1024 * 1024


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where the broker is and who connects there; TLS where `tls_ca` names a CA certificate."""

    host: str
    port: int
    username: str
    password: str
    tls_ca: str = ""
    keepalive_s: int = 20


class Connected(msgspec.Struct, frozen=True):
    """The broker took us in: how many publishes, and of which size, it wants at most."""

    receive_maximum: int
    max_packet_bytes: int


class Acknowledged(msgspec.Struct, frozen=True):
    """A PUBACK: `reason` is its code, 0 is good, 0x10 reached nobody."""

    mid: int
    reason: int


class Arrived(msgspec.Struct, frozen=True):
    """A message on a topic we subscribed to."""

    topic: str
    payload: bytes


Event = Connected | Acknowledged | Arrived


class Session:
    """See the module. Any failure is a LinkError; its message says who ended the connection, and why."""

    def __init__(self, server: Server, will_topic: str, will: bytes, wake: int) -> None:
        self._server = server
        self._wake = wake
        self._events: list[Event] = []
        self._end = ""
        self.ended_by_broker = False
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=server.username,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.username_pw_set(server.username, server.password)
        client.will_set(will_topic, will, qos=1, retain=True)
        client.max_inflight_messages_set(0)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        self._client = client

    def open(self) -> None:
        """Reach the broker and say CONNECT; a Connected event follows. LinkError where nobody answers."""
        server = self._server
        try:
            if server.tls_ca:
                self._client.tls_set(ca_certs=server.tls_ca)
            self._client.connect(server.host, server.port, keepalive=server.keepalive_s, clean_start=True)
        except (OSError, ValueError) as error:
            raise LinkError(f"{server.host}:{server.port}: {error}") from error

    def step(self, timeout_s: float) -> list[Event]:
        """Wait for the broker, a wake-up or the time limit; return what happened. LinkError where the session ended."""
        sock: Any = self._client.socket()
        if sock is not None:
            if isinstance(sock, ssl.SSLSocket) and sock.pending():
                timeout_s = 0.0
            writing = [sock] if self._client.want_write() else []
            readable, writable, _ = select.select([sock, self._wake], writing, [], timeout_s)
            if self._wake in readable:
                os.read(self._wake, 4096)
            self._move(sock in readable or timeout_s == 0.0, bool(writable))
        events, self._events = self._events, []
        if not events and self._client.socket() is None:
            raise LinkError(self._end or "the connection is closed")
        return events

    def _move(self, readable: bool, writable: bool) -> None:
        try:
            if readable:
                self._client.loop_read()
            if writable:
                self._client.loop_write()
            self._client.loop_misc()
        except (MQTTException, OSError, ValueError) as error:
            self.ended_by_broker = True
            raise LinkError(f"the broker sent what is not MQTT: {error}") from error

    def subscribe(self, topic: str) -> None:
        """Ask for a topic at QoS 1."""
        self._client.subscribe(topic, qos=1)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Send at QoS 1 and return the message id that its PUBACK will bear. LinkError where it was not sent."""
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != mqtt.MQTT_ERR_SUCCESS:
            raise LinkError(self._end or mqtt.error_string(info.rc))
        return info.mid

    def close(self) -> None:
        """Say goodbye where there is somebody, and let the socket go; never waits."""
        self._client.on_disconnect = None
        self._client.disconnect()
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Properties | None) -> None:
        del client, data, flags
        if reason.is_failure:
            self._end = f"the broker refused us: {reason}"
            return
        maximum = getattr(properties, "ReceiveMaximum", 65535)
        self._events.append(Connected(maximum, getattr(properties, "MaximumPacketSize", _MAX_PACKET)))

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, data, properties
        self.ended_by_broker = "Keep alive" not in str(reason)
        self._end = self._end or f"the broker ended the connection: {reason}" + (
            "" if flags.is_disconnect_packet_from_server else " (no DISCONNECT)"
        )

    def _on_publish(self, client: Any, data: Any, mid: int, reason: Any, properties: Any) -> None:
        del client, data, properties
        self._events.append(Acknowledged(mid, reason.value))

    def _on_message(self, client: Any, data: Any, message: mqtt.MQTTMessage) -> None:
        del client, data
        self._events.append(Arrived(message.topic, bytes(message.payload)))
