"""The LoRa driver over hostile pseudo-terminals: only what is sealed, listed and new gets through."""

import random
import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from edge_parts import wire
from radio_parts import NET, PAYLOAD, RSSI, STRANGER, heard, listening, radio, sealed
from waiting import wait_until

from edge.drivers.e220 import E220, RadioNode
from firmware_bridge import nodeframe
from firmware_bridge.codecs import satomori_node
from firmware_bridge.reading import Reading


def test_a_frame_of_a_listed_node_is_its_payload_with_its_signal_strength(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(0) + RSSI + sealed(0, node=18) + RSSI)
        heard(one, 2)
        first, second = one.frames
        assert (first.device, first.model, first.port) == ("node-17", "satomori/node", 1)
        assert (first.payload, first.rssi_dbm, second.device) == (PAYLOAD, -80, "node-18")
        told = satomori_node.decode(first.model, first.port, first.payload)
        assert told == (Reading("air_temperature_c", -1.3),)
        assert one.rejected == []


def test_a_byte_at_a_time_is_enough(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path, gap_s=5.0)) as one:
        for byte in b"".join(sealed(seq) + RSSI for seq in range(5)):
            line.say(bytes((byte,)))
        heard(one, 5)
        assert ([frame.rssi_dbm for frame in one.frames], one.rejected) == ([-80] * 5, [])


def test_noise_costs_no_frame_and_is_counted(tmp_path: Path) -> None:
    noise = random.Random(1)
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        for seq in range(20):
            line.say(noise.randbytes(noise.randrange(40)) + sealed(seq) + RSSI + noise.randbytes(noise.randrange(40)))
        wait_until(lambda: len(one.frames) == 20)
        assert one.counts().keys() <= {"noise"}


def test_half_a_frame_and_a_header_that_lies_cost_nothing_behind_them(tmp_path: Path) -> None:
    liar = sealed(9)[:8] + b"\xb0"
    with wire() as line, listening(radio(tmp_path, line.path, gap_s=30.0)) as one:
        line.say(sealed(0)[:12] + liar + sealed(1) + RSSI + liar + sealed(2) + RSSI)
        wait_until(lambda: len(one.frames) == 2)


def test_of_a_line_that_loses_bytes_only_whole_frames_are_believed(tmp_path: Path) -> None:
    dice, whole, the_last = random.Random(7), 0, b"\x00\x10\x01"
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        for seq in range(300):
            said = sealed(seq) + RSSI
            kept = bytes(byte for byte in said if dice.random() > 0.02)
            whole += kept[: len(said) - 1] == said[:-1]
            line.say(kept)
        line.say(bytes(4) + sealed(1000, payload=the_last) + RSSI)
        wait_until(lambda: bool(one.frames) and one.frames[-1].payload == the_last)
        assert 100 < whole < 250
        assert whole * 0.9 <= len(one.frames) - 1 <= whole
        assert {frame.payload for frame in one.frames[:-1]} == {PAYLOAD}


def test_of_packets_that_are_lost_one_in_five_the_others_arrive(tmp_path: Path) -> None:
    dice = random.Random(3)
    sent = [seq for seq in range(200) if dice.random() > 0.2]
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        for seq in sent:
            line.say(sealed(seq, tells_epoch=seq < 8 or seq % 16 == 0) + RSSI)
        wait_until(lambda: len(one.frames) == len(sent))
        assert one.rejected == []


def test_repeated_forged_unknown_and_foreign_frames_are_refused_by_name(tmp_path: Path) -> None:
    spoilt = bytearray(sealed(5))
    spoilt[15] ^= 1
    refused = {
        "replay": sealed(0),
        "forged": bytes(spoilt),
        "sender-unknown": sealed(0, node=99, key=STRANGER),
        "net-foreign": sealed(1, net=7),
        "tag-short": sealed(6, tag_bytes=4),
        "clear-text": nodeframe.encode_clear(nodeframe.Said(net=NET, node=17, epoch=0, seq=7, payload=PAYLOAD)),
        "type-unknown": sealed(8, kind=2),
        "epoch-unknown": sealed(0, node=18, tells_epoch=False),
        "noise": b"hello",
    }
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(0) + RSSI)
        heard(one, 1)
        for count, frame in enumerate(refused.values(), 2):
            line.say(frame + RSSI)
            heard(one, count)
        assert [frame.payload for frame in one.frames] == [PAYLOAD]
        assert [reason for reason, *_ in one.rejected] == list(refused)
        devices = {reason: device for reason, _, _, device in one.rejected}
        assert devices["replay"] == devices["forged"] == "node-17"
        assert devices["sender-unknown"] == devices["net-foreign"] == ""
        assert all(detail for _, detail, *_ in one.rejected)


def test_a_recorded_frame_said_a_thousand_times_is_one_reading(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        for _ in range(1000):
            line.say(sealed(0) + RSSI)
        heard(one, 1000)
        assert (len(one.frames), one.counts()) == (1, {"replay": 999})


def test_what_was_heard_before_a_restart_is_still_old_after_it(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(5) + RSSI)
        heard(one, 1)
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(5) + RSSI + sealed(4, epoch=2) + RSSI + sealed(6, tells_epoch=False) + RSSI)
        heard(one, 3)
        assert (len(one.frames), one.counts()) == (1, {"replay": 2})


def test_a_new_key_begins_anew_and_a_damaged_file_is_moved_aside(tmp_path: Path) -> None:
    state = tmp_path / "lora.heard.json"
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(5, epoch=40) + RSSI)
        heard(one, 1)
    replaced = radio(tmp_path, "")
    (tmp_path / "17.key").write_text(STRANGER.hex())
    with wire() as line, listening(msgspec.structs.replace(replaced, port=line.path)) as one:
        line.say(sealed(0, epoch=1, key=STRANGER) + RSSI)
        heard(one, 1)
        assert len(one.frames) == 1
    state.write_bytes(b"\x00 half")
    with wire() as line, listening(msgspec.structs.replace(replaced, port=line.path)) as one:
        line.say(sealed(0, epoch=1, key=STRANGER) + RSSI)
        heard(one, 1)
        assert len(one.frames) == 1
    assert state.with_name("lora.heard.json.damaged").exists()


def test_a_state_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path, state="no-such-folder/heard.json")) as one:
        line.say(sealed(0) + RSSI + sealed(0) + RSSI + sealed(1) + RSSI)
        heard(one, 3)
        assert (len(one.frames), one.counts()) == (2, {"replay": 1})


def test_the_three_epochs_after_a_restart_of_the_node_are_found_without_being_told(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(5) + RSSI)
        for epoch in (4, 7, 11):
            line.say(sealed(9, epoch=epoch, tells_epoch=False) + RSSI)
        heard(one, 4)
        assert (len(one.frames), one.counts()) == (3, {"forged": 1})


def test_without_the_rssi_byte_frames_follow_each_other(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path, rssi_byte=False)) as one:
        line.say(sealed(0) + sealed(1) + sealed(2))
        heard(one, 3)
        assert ([frame.rssi_dbm for frame in one.frames], one.rejected) == ([None] * 3, [])


def test_a_packet_whose_rssi_byte_was_lost_still_counts(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(0))
        heard(one, 1)
        assert one.frames[0].rssi_dbm is None


def test_clear_text_is_taken_where_a_test_bench_asks_for_it(tmp_path: Path) -> None:
    said = nodeframe.Said(net=NET, node=17, epoch=0, seq=7, payload=PAYLOAD)
    with wire() as line, listening(radio(tmp_path, line.path, clear_text=True)) as one:
        line.say(nodeframe.encode_clear(said) + RSSI + sealed(0) + RSSI)
        heard(one, 2)
        assert len(one.frames) == 2
        assert msgspec.json.decode((tmp_path / "lora.heard.json").read_bytes()).keys() == {"17"}


def test_a_plug_that_is_pulled_is_a_lost_link(tmp_path: Path) -> None:
    with wire() as line, listening(radio(tmp_path, line.path)) as one:
        line.say(sealed(0) + RSSI)
        heard(one, 1)
        line.unplug()
        wait_until(lambda: one.error is not None)
        assert one.error
        assert one.error.retryable


@pytest.mark.parametrize(("text", "wanted"), [(None, "No such file"), ("abc", "32 hex digits"), ("00" * 15, "got 30")])
def test_a_key_that_cannot_be_read_is_said_with_its_file(tmp_path: Path, text: str | None, wanted: str) -> None:
    with wire() as line:
        driver = radio(tmp_path, line.path)
        (tmp_path / "17.key").unlink()
        if text is not None:
            (tmp_path / "17.key").write_text(text)
        with listening(driver) as one:
            wait_until(lambda: one.error is not None)
            assert wanted in str(one.error)
            assert "17.key" in str(one.error)


def test_a_node_that_speaks_more_than_its_share_is_told_once(tmp_path: Path) -> None:
    big = bytes(176)
    airtime_us = radio(tmp_path, "", channel=15).airtime_us(len(sealed(0, payload=big)))
    times = 360_000_000 // airtime_us
    with wire() as line, listening(radio(tmp_path, line.path, channel=15)) as one:
        for seq in range(times + 3):
            line.say(sealed(seq, payload=big) + RSSI)
            wait_until(partial(lambda least: len(one.frames) > least, seq - 15))
        wait_until(lambda: len(one.frames) == times + 3)
        assert one.counts() == {"airtime-over": 1}
        assert one.rejected[0][3] == "node-17"


def test_construction_touches_nothing_and_refuses_an_illegal_plan() -> None:
    started = time.monotonic()

    def plan(**more: Any) -> E220:
        device = RadioNode(
            id="node-17",
            model="satomori/node",
            node=17,
            key_file="17.key",
            interval_s=more.pop("interval_s", 600.0),
            payload_bytes=more.pop("payload_bytes", 48),
        )
        keys: dict[str, Any] = {"name": "lora", "port": "/dev/nothing", "net": NET, "device": (device,)} | more
        return E220(**keys)

    plan(channel=15, interval_s=60.0)
    plan(channel=14, interval_s=2.0)
    mistakes: dict[str, dict[str, Any]] = {
        "360 s on the air an hour": {"channel": 15, "interval_s": 2.0},
        "a packet every": {"interval_s": 0.1},
        "channel 0 to 30": {"channel": 31, "bandwidth_khz": 500},
        "SF5–SF9 at 125 kHz": {"spreading": 10},
        "gap_s of at least": {"gap_s": 0.001},
    }
    for wanted, mistake in mistakes.items():
        with pytest.raises(ValueError, match=wanted):
            plan(**mistake)
    twice = plan().device * 2
    with pytest.raises(ValueError, match="17 given twice"):
        plan(device=twice)
    assert time.monotonic() - started < 5
