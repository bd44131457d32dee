"""Time on the air as Semtech's formula has it, and a ledger that no hour can catch out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import airtime
from firmware_bridge.airtime import HOUR_US, LONG_SENSE, SHARED, SHORT_SENSE, AirtimeError, Ledger, Modulation, Rules

SMALL = Rules(packet_us=4_000_000, pause_us=50_000, share_us=10_000_000)


@pytest.mark.parametrize(
    ("payload_bytes", "spreading", "milliseconds"),
    [(11, 7, 62), (11, 10, 371), (11, 12, 1483), (51, 7, 118), (51, 10, 698), (51, 12, 2793)],
)
def test_lorawan_packets_take_the_time_the_tables_say(payload_bytes: int, spreading: int, milliseconds: int) -> None:
    assert round(Modulation(spreading=spreading).airtime_us(payload_bytes + 13) / 1000) == milliseconds


def test_a_slower_rate_and_a_longer_packet_never_take_less() -> None:
    for khz in (125, 250, 500):
        times = [Modulation(spreading=sf, bandwidth_khz=khz).airtime_us(40) for sf in range(5, 13)]
        assert times == sorted(times)
    lengths = [Modulation(spreading=9).airtime_us(size) for size in range(256)]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize("more", [{"spreading": 4}, {"spreading": 13}, {"spreading": 7, "coding": 5}])
def test_a_modulation_no_radio_has_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no LoRa modulation"):
        Modulation(**more)


def test_the_hourly_share_begins_at_the_published_channels() -> None:
    for khz, first in ((125, 15), (250, 14), (500, 13)):
        assert airtime.rules(first - 1, khz) == LONG_SENSE
        assert airtime.rules(first, khz) == SHARED
    assert SHARED.share_us == 360_000_000
    assert SHORT_SENSE.packet_us == 400_000


def code_of(rule: Rules, airtime_us: int, interval_s: float) -> str:
    with pytest.raises(AirtimeError) as caught:
        airtime.check_plan(rule, airtime_us, interval_s)
    assert "wanted" in caught.value.detail
    return caught.value.code


def test_a_plan_that_breaks_the_rules_is_refused_with_what_would_do() -> None:
    airtime.check_plan(SHARED, 4_000_000, 40)
    airtime.check_plan(LONG_SENSE, 4_000_000, 4.05)
    assert code_of(SHARED, 4_000_001, 3600) == "packet-too-long"
    assert code_of(LONG_SENSE, 4_000_000, 4.04) == "interval-too-short"
    assert code_of(SHARED, 4_000_000, 39.9) == "share-too-small"
    assert code_of(SHORT_SENSE, 400_001, 3600) == "packet-too-long"
    with pytest.raises(AirtimeError, match="every 40 s would do"):
        airtime.check_plan(SHARED, 4_000_000, 10)


STEPS = st.lists(
    st.tuples(st.integers(0, 400_000_000) | st.integers(0, 60_000), st.integers(1, 4_000_000)), min_size=1, max_size=60
)


@given(STEPS)
def test_no_hour_holds_more_than_the_share_and_pauses_are_kept(steps: list[tuple[int, int]]) -> None:
    ledger, now_us = Ledger(SMALL), 0
    sent: list[tuple[int, int]] = []
    for passed_us, airtime_us in steps:
        now_us += passed_us
        wait_us = ledger.wait_us(airtime_us, now_us)
        assert wait_us >= 0
        if ledger.send(airtime_us, now_us):
            assert wait_us == 0
            assert not sent or now_us >= sum(sent[-1]) + SMALL.pause_us
            sent.append((now_us, airtime_us))
    for began_us, lasted_us in sent:
        end_us = began_us + lasted_us
        hour = [b for a, b in sent if end_us - HOUR_US < a + b and a <= began_us]
        assert sum(hour) <= 10_000_000


@given(STEPS)
def test_the_wait_it_tells_is_enough_and_a_microsecond_less_is_not(steps: list[tuple[int, int]]) -> None:
    ledger, now_us = Ledger(SMALL), 0
    for passed_us, airtime_us in steps:
        now_us += passed_us
        wait_us = ledger.wait_us(airtime_us, now_us)
        if wait_us:
            assert ledger.wait_us(airtime_us, now_us + wait_us - 1) == 1
        now_us += wait_us
        assert ledger.send(airtime_us, now_us)


def test_a_packet_that_never_may_is_not_waited_for() -> None:
    with pytest.raises(AirtimeError, match="packet-too-long"):
        Ledger(SHARED).wait_us(4_000_001, 0)
    with pytest.raises(AirtimeError, match="share-too-small"):
        Ledger(Rules(packet_us=4_000_000, pause_us=0, share_us=1)).send(2, 0)


def test_a_transmitter_that_does_not_know_its_past_can_be_silent_for_an_hour() -> None:
    ledger = Ledger(SHARED, silent_until_us=HOUR_US)
    assert ledger.wait_us(1000, 5) == HOUR_US - 5
    assert ledger.send(1000, HOUR_US)


def test_what_others_were_heard_to_send_is_accounted() -> None:
    ledger = Ledger(SHARED)
    within = [airtime.account(ledger, SHARED, 4_000_000, at * 5_000_000) for at in range(91)]
    assert within == [True] * 90 + [False]
    assert airtime.account(ledger, SHARED, 4_000_000, 2 * HOUR_US)
    assert ledger.used_us(2 * HOUR_US) == 4_000_000
    assert airtime.account(Ledger(LONG_SENSE), LONG_SENSE, 4_000_000, 0)


def test_an_unlimited_channel_has_a_pause_only() -> None:
    ledger = Ledger(LONG_SENSE)
    assert all(ledger.send(4_000_000, at * 4_050_000) for at in range(900))
    assert not ledger.send(4_000_000, 900 * 4_050_000 - 1)
