"""Home Assistant finds our fields and roofs by itself: MQTT discovery and states, retained, out only.

    homeassistant/<sensor|binary_sensor>/satomori_<town>_<device>_<quantity>/config     what it is, once a series
    homeassistant/satomori/<device>/<quantity>/<channel>                                {"value":-5.3,"time":"…Z"}

It listens at our broker as user `homeassistant`; we write as `homeassistant-out`. A watched home is never told there.
A state goes out when it is newer than the last one; `expire_after` lets Home Assistant say "unavailable" after three
intervals without news. Source: home-assistant.io/integrations/mqtt (discovery), /sensor.mqtt, /binary_sensor.mqtt.
"""

import json
import logging
import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from firmware_bridge.quantity import QUANTITIES, Quantity
from firmware_bridge.reading import SeriesKey
from gateway.activity import interval_s
from gateway.errors import BrokerError
from gateway.registry import Registry
from gateway.settings import Device, Site
from gateway.store import Entry
from gateway.subscription.connection import Connection

log = logging.getLogger(__name__)
PREFIX = "homeassistant"
BIRTH = f"{PREFIX}/status"
READER, WRITER = "homeassistant", "homeassistant-out"
WAIT_S, PAUSE_S = 0.5, 5.0
EVENT_OVER_S = 60
_CLASSES = {
    "air_pressure_hpa": "atmospheric_pressure",
    "humidity_pct": "humidity",
    "probe_humidity_pct": "humidity",
    "soil_moisture_vwc_pct": "moisture",
    "illuminance_lx": "illuminance",
    "rain_mm": "precipitation",
    "rain_total_mm": "precipitation",
    "rain_rate_mm_h": "precipitation_intensity",
    "wind_speed_m_s": "wind_speed",
    "wind_gust_m_s": "wind_speed",
    "solar_w_m2": "irradiance",
    "distance_mm": "distance",
    "snow_depth_cm": "distance",
    "water_level_mm": "distance",
    "co2_ppm": "carbon_dioxide",
    "pm1_ug_m3": "pm1",
    "pm25_ug_m3": "pm25",
    "pm10_ug_m3": "pm10",
    "power_w": "power",
    "current_a": "current",
    "voltage_v": "voltage",
    "battery_v": "voltage",
    "battery_pct": "battery",
    "energy_kwh": "energy",
    "energy_sold_kwh": "energy",
    "rssi_dbm": "signal_strength",
    "motion": "motion",
    "occupied": "occupancy",
    "contact_open": "door",
    "leak": "moisture",
}


def config(key: SeriesKey, device: Device, site: Site) -> tuple[str, dict[str, Any]]:
    """Topic and payload of one series' discovery message."""
    quantity = QUANTITIES[key.quantity]
    binary = quantity.kind in ("state", "event")
    owner = f"satomori_{key.tenant}_{device.id}"
    name = f"{owner}_{key.quantity}" + (f"_{key.channel}" if key.channel else "")
    value = "{{ 'ON' if value_json.value else 'OFF' }}" if binary else "{{ value_json.value }}"
    told: dict[str, Any] = {
        "unique_id": name,
        "name": quantity.ja + (f" {key.channel}" if key.channel else ""),
        "state_topic": state_topic(key),
        "value_template": value,
        "json_attributes_topic": state_topic(key),
        "device": {
            "identifiers": [owner],
            "name": f"{site.label_ja} {device.place_ja or device.id}",
            "model": device.model,
            "suggested_area": site.label_ja,
        },
        "origin": {"name": "Satomori", "sw_version": version("satomori")},
    }
    told |= _kind(quantity)
    every_s = interval_s(device)
    if every_s > 0 and quantity.kind != "event":
        told["expire_after"] = round(3 * every_s)
    return f"{PREFIX}/{'binary_sensor' if binary else 'sensor'}/{name}/config", told


def _kind(quantity: Quantity) -> dict[str, Any]:
    found: dict[str, Any] = {}
    known = "temperature" if quantity.unit == "°C" else _CLASSES.get(quantity.name, "")
    if known:
        found["device_class"] = known
    if quantity.kind in ("gauge", "counter"):
        found["state_class"] = "measurement" if quantity.kind == "gauge" else "total_increasing"
        if quantity.unit != "1":
            found["unit_of_measurement"] = quantity.unit
    elif quantity.kind == "event":
        found["off_delay"] = EVENT_OVER_S
    return found


def state_topic(key: SeriesKey) -> str:
    """Where a series' newest value stands."""
    return f"{PREFIX}/satomori/{key.device}/{key.quantity}/{key.channel}"


def state(time_us: int, value: float) -> bytes:
    """A value and when it was measured (UTC)."""
    moment = datetime.fromtimestamp(time_us / 1e6, UTC).isoformat(timespec="seconds")
    return json.dumps({"value": value, "time": moment}).encode()


class HomeAssistant:
    """A listener of the forwarder and a role of its own: what a slow broker does not take in time is replaced."""

    def __init__(self, host: str, port: int, password: str, registry: Registry) -> None:
        self.connected = False
        self._address = (host, port)
        self._password = password
        self._registry = registry
        self._lock = threading.Lock()
        self._newest: dict[SeriesKey, tuple[int, float]] = {}
        self._changed: set[SeriesKey] = set()
        self._told: set[SeriesKey] = set()  # series whose configuration this connection has said

    def take(self, entries: Sequence[Entry]) -> None:
        """Remember the newest value of every series of a field or a roof."""
        with self._lock:
            for entry in entries:
                for column in entry.columns:
                    site = self._registry.site_of(column.device)
                    if site is None or site.kind == "home" or column.quantity not in QUANTITIES:
                        continue
                    key = SeriesKey(entry.tenant, column.device, column.quantity, column.channel)
                    newest = max(zip(column.times_us, column.values, strict=True))
                    if newest[0] > self._newest.get(key, (0, 0.0))[0]:
                        self._newest[key] = newest
                        self._changed.add(key)

    def run(self, stop: threading.Event) -> None:
        """Stay connected and tell, until `stop`."""
        while not stop.is_set():
            connection = Connection()
            try:
                self._converse(connection, stop)
            except (OSError, BrokerError) as error:
                log.warning("homeassistant_unreachable address=%s:%d error=%s", *self._address, error)
            finally:
                self.connected = False
                connection.close()
            stop.wait(PAUSE_S)

    def _converse(self, connection: Connection, stop: threading.Event) -> None:
        if connection.open(*self._address, WRITER, self._password, [BIRTH], stop) is None:
            return
        self.connected = True
        self._again()
        while not stop.is_set() and connection.alive:
            heard = connection.receive(WAIT_S, 0.0)
            connection.acknowledge(heard)
            if any(one.payload == b"online" for one in heard):
                self._again()
            self._tell(connection, self._due())
        if connection.reason:
            raise BrokerError(connection.reason)

    def _again(self) -> None:
        """Say everything anew: the broker may have been another one, or Home Assistant was born again."""
        with self._lock:
            self._told.clear()
            self._changed = set(self._newest)

    def _due(self) -> list[tuple[SeriesKey, int, float]]:
        with self._lock:
            due = [(key, *self._newest[key]) for key in sorted(self._changed)]
            self._changed.clear()
        return due

    def _tell(self, connection: Connection, due: Iterable[tuple[SeriesKey, int, float]]) -> None:
        for key, time_us, value in due:
            device, site = self._registry.device(key.device), self._registry.site_of(key.device)
            if key not in self._told and device is not None and site is not None:
                topic, told = config(key, device, site)
                connection.publish(topic, json.dumps(told, ensure_ascii=False).encode())
                self._told.add(key)
            connection.publish(state_topic(key), state(time_us, value))
