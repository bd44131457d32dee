"""LoRaWAN uplinks as ChirpStack v4 publishes them: `application/<id>/device/<dev_eui>/event/up`, JSON over MQTT.

Field names and shapes: chirpstack.io, "Events", with the JSON marshaler: bytes as base64, false and 0 left out.
"""

import base64
import json
import threading
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge.simulator.noise import seed_of, smooth
from firmware_bridge.reading import Frame

APPLICATION_ID = "3f8d2b5a-6c1e-4a70-9d24-000000000001"
USERNAME = "inlet-chirpstack"
TOLD_BY_RADIO = 2  # readings that each uplink brings beside its payload: rssi_dbm and snr_db
_LAST_S, _TICK_S = 5.0, 0.02
_GATEWAY_ID = "0016c001f1500001"
_FREQUENCIES_HZ = (923_200_000, 923_400_000, 923_600_000, 923_800_000)  # AS923-1, the channels of Japan


def topic(dev_eui: str) -> str:
    """Where ChirpStack publishes a device's uplinks."""
    return f"application/{APPLICATION_ID}/device/{dev_eui}/event/up"


def uplink(dev_eui: str, frame: Frame, count: int) -> bytes:
    """The event of one uplink; `count` is the device's frame counter."""
    seed = seed_of("lorawan", dev_eui)
    rssi_dbm = round(-104 + 8 * smooth(seed, frame.time_us, 10_800))
    time = datetime.fromtimestamp(frame.time_us / 1e6, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return json.dumps(
        {
            "deduplicationId": str(uuid.uuid5(uuid.UUID(APPLICATION_ID), f"{dev_eui}/{frame.time_us}")),
            "time": time,
            "deviceInfo": {
                "tenantId": "3f8d2b5a-6c1e-4a70-9d24-000000000002",
                "tenantName": "sample-town",
                "applicationId": APPLICATION_ID,
                "applicationName": "satomori",
                "deviceProfileId": "3f8d2b5a-6c1e-4a70-9d24-000000000003",
                "deviceProfileName": frame.model,
                "deviceName": frame.device,
                "devEui": dev_eui,
                "deviceClassEnabled": "CLASS_A",
                "tags": {},
            },
            "devAddr": f"{seed & 0x01FFFFFF:08x}",
            "adr": True,
            "dr": 2,
            "fCnt": count,
            "fPort": frame.port,
            "data": base64.b64encode(frame.payload).decode(),
            "rxInfo": [
                {
                    "gatewayId": _GATEWAY_ID,
                    "uplinkId": (frame.time_us ^ seed) & 0xFFFFFFFF,
                    "gwTime": time,
                    "rssi": rssi_dbm,
                    "snr": round(6 + 4 * smooth(seed + 1, frame.time_us, 10_800), 1),
                    "channel": count % len(_FREQUENCIES_HZ),
                    "rfChain": 1,
                    "location": {},
                    "context": "AAAAAA==",
                    "crcStatus": "CRC_OK",
                }
            ],
            "txInfo": {
                "frequency": _FREQUENCIES_HZ[count % len(_FREQUENCIES_HZ)],
                "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 10, "codeRate": "CR_4_5"}},
            },
            "regionConfigId": "as923",
        },
        separators=(",", ":"),
    ).encode()


class NetworkServer:
    """Publishes uplinks with QoS 1; keeps at most a few unacknowledged, and offers them again after a lost line."""

    def __init__(self, host: str, port: int, password: str) -> None:
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"{USERNAME}-simulated", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.username_pw_set(USERNAME, password)
        self._client.reconnect_delay_set(1, 5)
        self._client.on_connect = self._on_connect
        self._ready = threading.Event()
        self._address = (host, port)

    def start(self) -> None:
        """Connect in the background, for as long as it takes."""
        self._client.connect_async(*self._address)
        self._client.loop_start()

    def _on_connect(self, _client: object, _data: object, _flags: object, reason: ReasonCode, *_: object) -> None:
        if not reason.is_failure:
            self._ready.set()

    def publish(self, messages: Sequence[tuple[str, bytes]], stop: threading.Event) -> bool:
        """Hand over (topic, payload) pairs in order; whether each was acknowledged. `stop` allows a last 5 s for it."""
        while not self._ready.wait(0.2):
            if stop.is_set():
                return False
        left = [self._client.publish(to, payload, qos=1) for to, payload in messages]
        pause, last_ticks = threading.Event(), round(_LAST_S / _TICK_S)
        while left := [one for one in left if not one.is_published()]:
            pause.wait(_TICK_S)
            last_ticks -= stop.is_set()
            if last_ticks < 0:
                return False
        return True

    def close(self) -> None:
        """Say goodbye."""
        self._client.disconnect()
        self._client.loop_stop()
