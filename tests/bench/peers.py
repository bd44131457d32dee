"""Telegraf as a peer: the same readings from the same broker into the same InfluxDB, and the CPU seconds it took."""

import os
import subprocess
import tempfile
import threading
from contextlib import closing
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from parts import RunningInflux, start_broker

from firmware_bridge.reading import Batch
from gateway.store import Entry
from gateway.store.influx import InfluxStore
from gateway.store.line_protocol import LineEncoder

TOPIC = "application/bench"


def find_telegraf() -> str | None:
    """Path of the Telegraf that .ci/telegraf built; None where there is none."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "satomori"
    found = sorted(cache.glob("telegraf-*/telegraf"))
    return str(found[-1]) if found else None


def cpu_s(pid: int) -> float:
    """CPU seconds a process has used, from the kernel's own account."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Telegraf:
    """Telegraf reading line protocol from MQTT and writing it to InfluxDB."""

    def __init__(self, program: str, influx: RunningInflux, bucket: str) -> None:
        self._program, self._influx, self._bucket = program, influx, f"{bucket}-telegraf"

    def measure(self, batches: list[Batch]) -> float:
        """Readings per CPU second of Telegraf over these batches, each a message with a line for every reading."""
        encoder = LineEncoder()
        entries = [
            Entry(id=n, tenant="014729", source=b.node, received_us=0, columns=b.columns)
            for n, b in enumerate(batches, 1)
        ]
        payloads = ["\n".join(encoder.encode(entry)).encode() for entry in entries]
        total = sum(batch.count() for batch in batches)
        users = {"gateway": "g" * 16, "inlet-bench": "i" * 16}
        with tempfile.TemporaryDirectory() as name, start_broker(Path(name), users) as broker:
            folder = Path(name)
            store = InfluxStore(
                self._influx.url, self._influx.org, self._bucket, self._influx.token, folder / "aside.db"
            )
            with closing(store):
                store.ensure()
                config = self._configure(folder, broker.port)
                with subprocess.Popen([self._program, "--config", str(config), "--quiet"]) as process:
                    try:
                        return total / self._cpu_for(process.pid, payloads, total, broker.port, store)
                    finally:
                        process.terminate()

    def _configure(self, folder: Path, port: int) -> Path:
        config = folder / "telegraf.conf"
        config.write_text(f"""[agent]
omit_hostname = true
flush_interval = "1s"
metric_batch_size = 5000
metric_buffer_limit = 1000000
[[inputs.mqtt_consumer]]
servers = ["tcp://127.0.0.1:{port}"]
topics = ["{TOPIC}"]
qos = 1
username = "gateway"
password = "{"g" * 16}"
client_id = "gateway"
max_undelivered_messages = 10000
topic_tag = ""
data_format = "influx"
[[outputs.influxdb_v2]]
urls = ["{self._influx.url}"]
token = "{self._influx.token}"
organization = "{self._influx.org}"
bucket = "{self._bucket}"
""")
        return config

    def _cpu_for(self, pid: int, payloads: list[bytes], total: int, port: int, store: InfluxStore) -> float:
        pause = threading.Event()
        client = Client(CallbackAPIVersion.VERSION2, client_id="inlet-bench", protocol=MQTTProtocolVersion.MQTTv5)
        client.username_pw_set("inlet-bench", "i" * 16)
        client.max_inflight_messages_set(100)
        client.connect("127.0.0.1", port)
        client.loop_start()
        pause.wait(3)  # until it has subscribed
        before_s = cpu_s(pid)
        for payload in payloads:
            client.publish(TOPIC, payload, qos=1)
        stored, patience = 0, 600
        while stored < total and patience:
            pause.wait(0.2)
            patience -= 1
            stored = sum(store.count(0, 1 << 62).values()) if patience % 5 == 0 else stored
        used_s = cpu_s(pid) - before_s
        client.disconnect()
        client.loop_stop()
        return used_s * total / max(stored, 1)
