import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.subscription import packets as mqtt
from gateway.subscription.packets import Answer, Delivery, WireError

topics = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)


def publish(topic: bytes, payload: bytes, packet_id: int, properties: bytes = b"", retain: bool = False) -> bytes:
    head = len(topic).to_bytes(2, "big") + topic + packet_id.to_bytes(2, "big")
    body = head + mqtt._length(len(properties)) + properties + payload
    return bytes((0x32 | retain,)) + mqtt._length(len(body)) + body


@given(
    st.lists(st.tuples(topics, st.binary(max_size=400), st.integers(1, 65535), st.booleans()), max_size=8), st.data()
)
def test_any_cutting_of_the_stream_gives_the_same_messages(
    drawn: list[tuple[str, bytes, int, bool]], data: st.DataObject
) -> None:
    stream = b"".join(publish(topic.encode(), payload, number, b"", retain) for topic, payload, number, retain in drawn)
    buffer, got = bytearray(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        buffer += stream[:size]
        stream = stream[size:]
        got += list(mqtt.take(buffer))
    assert got == [Delivery(topic.encode(), payload, 1, retain, number) for topic, payload, number, retain in drawn]
    assert not buffer


@given(st.binary(max_size=300))
def test_any_bytes_give_packets_or_a_wire_error(junk: bytes) -> None:
    buffer = bytearray(junk)
    try:
        for packet in mqtt.take(buffer):
            assert isinstance(packet, Delivery | Answer)
    except WireError:
        pass
    assert junk.endswith(bytes(buffer))


@given(topics, st.binary(max_size=300), st.integers(1, 65535))
def test_what_we_publish_reads_back(topic: str, payload: bytes, packet_id: int) -> None:
    assert list(mqtt.take(bytearray(mqtt.publish(packet_id, topic, payload)))) == [
        Delivery(topic.encode(), payload, 1, True, packet_id)
    ]


def test_properties_of_a_message_are_passed_over() -> None:
    expiry, pair = b"\x02\x00\x00\x00\x0a", b"\x26\x00\x01a\x00\x01b"
    long = b"\x08" + (300).to_bytes(2, "big") + b"t" * 300
    (got,) = mqtt.take(bytearray(publish(b"t", b"p", 7, expiry + pair + long)))
    assert got == Delivery(b"t", b"p", 1, False, 7)


def test_a_qos_0_message_has_no_number() -> None:
    assert list(mqtt.take(bytearray(b"\x30\x05\x00\x01t\x00p"))) == [Delivery(b"t", b"p", 0, False, 0)]


@pytest.mark.parametrize(
    "packet",
    [
        b"\x34\x07\x00\x01t\x00\x01\x00p",  # QoS 2
        b"\x32\x07\x00\x01t\x00\x00\x00p",  # number 0
        b"\x32\x03\x00\x01t",  # cut
        b"\x32\x06\x00\x09t\x00\x01\x00",  # a topic longer than its packet
        b"\x32\x06\x00\x01t\x00\x01\x09",  # properties longer than their packet
        b"\x00\x00",  # reserved
        b"\x10\x00",  # a CONNECT to us
        b"\x20\x00",  # an empty CONNACK
        b"\x20\x05\x00\x00\x02\x7f\x00",  # an unknown property
        b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
        b"\x30\xff\xff\xff\x7f",  # 256 MB
    ],
)
def test_what_no_broker_may_send_is_refused(packet: bytes) -> None:
    with pytest.raises(WireError):
        list(mqtt.take(bytearray(packet)))


def test_a_welcome_tells_session_and_limits() -> None:
    properties = b"\x13\x00\x3c\x21\x00\x14\x12\x00\x02ab\x27\x00\x01\x00\x00"
    (got,) = mqtt.take(bytearray(bytes((0x20, 3 + len(properties), 1, 0, len(properties))) + properties))
    assert isinstance(got, Answer)
    assert (got.flag, got.reasons) == (True, (0,))
    assert got.numbers == {mqtt.SERVER_KEEP_ALIVE: 60, mqtt.RECEIVE_MAXIMUM: 20, mqtt.MAXIMUM_PACKET: 65536}


def test_answers_with_and_without_reasons() -> None:
    stream = (
        b"\x40\x02\x00\x05"
        + b"\x40\x03\x00\x06\x87"
        + b"\xd0\x00"
        + b"\xe0\x00"
        + b"\xe0\x01\x8e"
        + b"\x90\x05\x00\x01\x00\x01\x87"
    )
    assert list(mqtt.take(bytearray(stream))) == [
        Answer(mqtt.PUBACK, 5),
        Answer(mqtt.PUBACK, 6, (0x87,)),
        Answer(mqtt.PINGRESP),
        Answer(mqtt.DISCONNECT),
        Answer(mqtt.DISCONNECT, 0, (0x8E,)),
        Answer(mqtt.SUBACK, 1, (1, 0x87)),
    ]


def test_acknowledgements_stand_in_order() -> None:
    assert mqtt.puback([1, 65535, 2]) == b"\x40\x02\x00\x01\x40\x02\xff\xff\x40\x02\x00\x02"
    assert mqtt.puback([]) == b""


def test_reasons_are_told_in_words() -> None:
    assert mqtt.reason_text(0x87) == "not authorized (0x87)"
    assert mqtt.reason_text(0xEE) == "reason (0xee)"
