import email
import email.policy
import json
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from parts import free_port, start_influxd
from town import SerialDevice, Town
from waiting import wait_until

from firmware_bridge.codecs import encode
from firmware_bridge.reading import Reading
from gateway.store.influx import InfluxStore

RULES = """
[[rule]]
id = "roof-load-danger"
detector = "range"
quantities = ["snow_load_kg_m2"]
site_kind = "roof"
subject = "site"
severity = "urgent"
settings = { ratio = 0.9 }
title_ja = "屋根の雪が危険な重さです"
title_en = "The snow on a roof is dangerously heavy"
reason_ja = "設計の{percent:.0f}%です"
reason_en = "{percent:.0f} % of the design load"
"""
LINE_DRIVER = """
[[driver]]
kind = "line"
name = "roof-scale"
port = "PORTS/scale"
[[driver.device]]
id = "scale-1"
model = "generic/line-load-cell"
"""


class Mailbox:
    """What arrived over real SMTP."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content
        assert isinstance(content, bytes)
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


@pytest.fixture
def town(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> Iterator[Town]:
    town = Town(tmp_path)
    town.add_node("roof-node", LINE_DRIVER)
    (tmp_path / "rules.toml").write_text(RULES)
    town.add(f"""
[judge]
rules = "rules.toml"
step_s = 0.2
[[site]]
id = "store-2"
kind = "roof"
label_ja = "町営倉庫2号"
label_en = "Town store 2"
limits = {{ snow_load_kg_m2 = 400.0 }}
[[device]]
id = "scale-1"
model = "generic/line-load-cell"
site = "store-2"
node = "roof-node"
[[notifier]]
kind = "email"
name = "duty"
host = "127.0.0.1"
port = {mailbox[1]}
security = "none"
sender = "satomori@example.jp"
to = ["duty@example.jp"]
""")
    yield town
    town.stop()


def line(load_kg_m2: float) -> bytes:
    return encode("generic/line-load-cell", 0, [Reading("snow_load_kg_m2", load_kg_m2)]) + b"\r\n"


def keep_saying(device: SerialDevice, load_kg_m2: float, stop: threading.Event) -> threading.Thread:
    def speak() -> None:
        while not stop.wait(0.5):
            device.say(line(load_kg_m2))

    thread = threading.Thread(target=speak)
    thread.start()
    return thread


@pytest.mark.mosquitto
def test_a_line_on_a_serial_port_becomes_a_point_an_alert_and_a_mail(town: Town, mailbox: tuple[Mailbox, int]) -> None:
    scale = SerialDevice(town.folder / "ports" / "scale")
    town.write()
    assert town.command("check", "satomori.toml", "--json") == (0, [])
    town.start_gateway()
    town.start_edge("roof-node")
    stop = threading.Event()
    speaking = keep_saying(scale, 372.0, stop)
    try:
        wait_until(lambda: town.stored() > 0, 40)
        wait_until(lambda: bool(mailbox[0].mails), 40)
    finally:
        stop.set()
        speaking.join()
    values = {row[0] for row in town.query("points.db", "SELECT DISTINCT value FROM point")}
    assert 372.0 in values
    mail = mailbox[0].mails[0]
    text = mail.get_body(("plain",))
    assert text is not None
    content = text.get_content()
    assert "設計の93%です" in content
    assert "93 % of the design load" in content
    assert "/alerts/" in content
    assert mail["To"] == "duty@example.jp"
    scale.unplug()


@pytest.mark.mosquitto
@pytest.mark.influx
def test_the_same_line_becomes_a_point_in_a_real_influxdb(town: Town, tmp_path: Path) -> None:
    scale = SerialDevice(town.folder / "ports" / "scale")
    with start_influxd(tmp_path) as influx:
        token = tmp_path / "influx.token"
        token.write_text(influx.token)
        town.add(
            f'[store]\nkind = "influx"\n[store.influx]\nurl = "{influx.url}"\norg = "{influx.org}"\nbucket = "town"\n'
        )
        town.write()
        town.start_gateway()
        town.start_edge("roof-node")
        stop = threading.Event()
        speaking = keep_saying(scale, 123.0, stop)
        store = InfluxStore(influx.url, influx.org, "town", influx.token, tmp_path / "aside.db")
        store.ensure()
        try:
            wait_until(lambda: sum(store.count(0, 1 << 60).values()) > 0, 60, every_s=1)
            assert {latest.value for latest in store.latest().values()} == {123.0}
        finally:
            stop.set()
            speaking.join()
            store.close()
        town.stop()
        status, answer = town.command("accounting", "satomori.toml", "--json")
    assert status == 0, json.dumps(answer)
    scale.unplug()
