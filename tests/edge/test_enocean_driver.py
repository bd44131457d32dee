"""EnOcean telegrams: repeated, foreign, taught in, behind noise."""

import threading

import pytest
from edge_links import listening, radio, telegram
from edge_parts import wire
from waiting import wait_until

from firmware_bridge import esp3


def test_a_listed_sender_is_heard_once_though_repeaters_say_it_again() -> None:
    with wire() as far, listening(radio(far.path)) as heard:
        far.wait_opened()
        far.say(telegram() * 3)
        wait_until(lambda: len(heard.frames) == 1)
        threading.Event().wait(0.25)
        far.say(telegram())
        wait_until(lambda: len(heard.frames) == 2)
        assert (heard.frames[0].device, heard.frames[0].payload) == ("motion-1", telegram())


def test_an_unknown_sender_and_a_teach_in_are_told_and_never_taken_in() -> None:
    with wire() as far, listening(radio(far.path)) as heard:
        far.wait_opened()
        far.say(telegram(sender="0badcafe") + telegram(data=b"\x1c\x08\x00\x00", learn=True) + telegram())
        wait_until(lambda: len(heard.frames) == 1)
        assert heard.reasons() == ["sender-unknown", "teach-in"]
        assert "0badcafe" in heard.rejected[0][1]


def test_e53_a_packet_type_nobody_knows_is_counted_and_the_next_is_heard() -> None:
    with wire() as far, listening(radio(far.path)) as heard:
        far.wait_opened()
        far.say(esp3.Packet(0x02, b"\x00").to_bytes() + esp3.Packet(0x77, b"abc").to_bytes() + telegram())
        wait_until(lambda: len(heard.frames) == 1)
        assert heard.reasons() == ["packet-type", "packet-type"]


@pytest.mark.parametrize("noise", [b"\x55\xff\xff\xff", b"\x55" * 300, bytes(range(256)), telegram()[:-3]])
def test_noise_before_a_telegram_costs_no_telegram(noise: bytes) -> None:
    with wire() as far, listening(radio(far.path)) as heard:
        far.wait_opened()
        far.say(noise)
        threading.Event().wait(0.6)
        for byte in telegram():
            far.say(bytes([byte]))
        wait_until(lambda: len(heard.frames) == 1)
