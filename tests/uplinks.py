"""Uplinks as ChirpStack v4 publishes them."""

import base64
import json
from typing import Any

EUI = "a84041000181c061"
TOPIC = f"application/5a3b/device/{EUI}/event/up"
LSE01 = bytes.fromhex("0D16FFCB0929FF83007810")


def uplink(**changes: Any) -> bytes:
    """An LSE01's uplink with some fields changed; `...` leaves a field out, as ChirpStack does with 0 and empty."""
    fields: dict[str, Any] = {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": "2027-01-15T08:00:00.123456789+00:00",
        "deviceInfo": {"tenantId": "52f14cd4", "applicationName": "soil", "devEui": EUI, "tags": {}},
        "devAddr": "00189440",
        "adr": True,
        "dr": 1,
        "fCnt": 4,
        "fPort": 2,
        "confirmed": False,
        "data": base64.b64encode(LSE01).decode(),
        "rxInfo": [
            {"gatewayId": "0016c001f153a14c", "uplinkId": 4217106255, "rssi": -97, "snr": 3.5, "context": "Jw=="},
            {"gatewayId": "0016c001f153a14d", "uplinkId": 1, "rssi": -36, "snr": 10.5},
            {"gatewayId": "0016c001f153a14e", "uplinkId": 2, "rssi": -120},
        ],
        "txInfo": {"frequency": 867100000, "modulation": {"lora": {"bandwidth": 125000}}},
    }
    return json.dumps({k: v for k, v in (fields | changes).items() if v is not ...}).encode()
