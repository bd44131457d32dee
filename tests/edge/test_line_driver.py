"""Lines over hostile links: a byte at a time, endless, cut, noisy."""

import threading

import hypothesis.strategies as st
import pytest
from edge_links import listening, scale
from edge_parts import load_line, wire
from hypothesis import given
from waiting import wait_until

from edge.drivers import line


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b"\n\r", b"\0"])
def test_a_line_may_end_in_any_of_the_usual_ways(end: bytes) -> None:
    lines = line.Lines(256, 2.0)
    assert lines.feed(b"first" + end + b"second" + end, 0.0) == ([b"first", b"second"], [])


@given(st.lists(st.binary(max_size=40)), st.lists(st.integers(1, 9)))
def test_any_chunking_gives_the_same_lines(texts: list[bytes], sizes: list[int]) -> None:
    data = b"".join(text + b"\n" for text in texts)
    whole, _ = line.Lines(64, 2.0).feed(data, 0.0)
    lines, chunked, at = line.Lines(64, 2.0), [], 0
    for size in [*sizes, len(data)]:
        chunked += lines.feed(data[at : at + size], 0.0)[0]
        at += size
    assert chunked == whole


@given(st.binary(max_size=5000))
def test_after_any_noise_at_most_one_line_is_lost_and_memory_is_bounded(noise: bytes) -> None:
    lines = line.Lines(256, 2.0)
    lines.feed(noise, 0.0)
    whole, _ = lines.feed(b"\none\ntwo\n", 0.0)
    assert whole[-2:] == [b"one", b"two"]


def test_e57_endless_bytes_without_an_end_are_noise_and_the_next_line_is_whole() -> None:
    lines = line.Lines(256, 2.0)
    for _ in range(1000):
        assert lines.feed(b"x" * 100, 0.0) == ([], [])
    whole, noise = lines.feed(b"\ngood\n", 0.0)
    assert (whole, [reason for reason, _ in noise]) == ([b"good"], ["line-too-long"])
    assert [len(raw) for _, raw in noise] == [256]


def test_a_line_of_exactly_the_most_bytes_passes_and_one_more_does_not() -> None:
    lines = line.Lines(8, 2.0)
    assert lines.feed(b"12345678\n", 0.0) == ([b"12345678"], [])
    assert lines.feed(b"123456789\n", 0.0)[0] == []


def test_half_a_line_then_silence_then_the_rest_is_not_one_line() -> None:
    lines = line.Lines(256, 2.0)
    assert lines.feed(b"LOAD=1", 0.0) == ([], [])
    assert lines.feed(b"", 10.0) == ([], [("line-cut", b"LOAD=1")])
    assert lines.feed(b"2.5*00\n", 10.1)[0] == [b"2.5*00"]


def test_a_line_driver_hears_a_byte_at_a_time() -> None:
    with wire() as far, listening(scale(far.path)) as heard:
        far.wait_opened()
        for byte in load_line(12.5):
            far.say(bytes([byte]))
        wait_until(lambda: len(heard.frames) == 1)
        assert heard.frames[0].payload == load_line(12.5).strip()


def test_a_sensor_that_talks_much_is_taken_at_its_interval() -> None:
    times = iter(range(0, 10**12, 400_000))
    with wire() as far, listening(scale(far.path, interval_s=1.0), now_us=lambda: next(times)) as heard:
        far.wait_opened()
        for value in range(30):
            far.say(load_line(float(value)))
            threading.Event().wait(0.01)
        wait_until(lambda: len(heard.frames) >= 8)
        gaps = [b.time_us - a.time_us for a, b in zip(heard.frames, heard.frames[1:], strict=False)]
        assert min(gaps) >= 1_000_000
