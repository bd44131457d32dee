"""The C header and Python answer every command alike: the vectors, and whatever hypothesis thinks of."""

import os
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from c_parts import FOLDER, make
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge import framing, nodeframe
from firmware_bridge.airtime import SHARED, Ledger, Modulation, Rules
from firmware_bridge.codecs import satomori_node
from firmware_bridge.crc import crc16_ccitt
from firmware_bridge.errors import BridgeError, FrameError
from firmware_bridge.reading import Reading

HEADER = (FOLDER / "satomori.h").read_text("utf-8")
VECTORS = [
    line.rstrip("\n").split(" = ")
    for path in sorted((FOLDER / "vectors").glob("*.txt"))
    for line in path.read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
KEY = bytes(range(16))
pytestmark = pytest.mark.compiler


class Speaker:
    """`host/speak` as a process that is asked line by line."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().rstrip("\n")

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("c")
    done = make(out, "test")
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def speaker(built: Path) -> Iterator[Speaker]:
    one = Speaker(built / "speak")
    yield one
    one.close()


def hexed(data: bytes) -> str:
    return data.hex() or "-"


def unhexed(text: str) -> bytes:
    return b"" if text == "-" else bytes.fromhex(text)


def answer_of(work: Callable[[], str]) -> str:
    try:
        return work()
    except BridgeError as error:
        return f"error {error.code}"


# what each command means in Python


def do_ccm(key: str, nonce: str, about: str, tag: str, plain: str) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    return hexed(AESCCM(unhexed(key), int(tag)).encrypt(unhexed(nonce), unhexed(plain), unhexed(about)))


def do_unccm(key: str, nonce: str, about: str, tag: str, sealed: str) -> str:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    try:
        return hexed(AESCCM(unhexed(key), int(tag)).decrypt(unhexed(nonce), unhexed(sealed), unhexed(about)))
    except InvalidTag:
        return "error forged"


def do_aes(key: str, block: str) -> str:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    one = Cipher(algorithms.AES(unhexed(key)), modes.ECB()).encryptor()
    return one.update(unhexed(block)).hex()


def do_feed(line: str) -> str:
    framer = framing.Framer()
    return " ".join([*(hexed(payload) for payload in framer.feed(unhexed(line))), str(framer.rejected)])


def do_get(payload: str) -> str:
    """Values as C's whole numbers: the decimals are read from the bytes, the value from the codec."""
    data = unhexed(payload)
    readings = satomori_node.decode("satomori/node", 1, data)
    told, at = [], 0
    for one in readings:
        head = data[at]
        decimals = head & 15
        number = data[at + 1]
        told.append(f"{number}:{one.channel}:{one.age_s:.0f}:{round(one.value * 10**decimals)}:{decimals}")
        assert satomori_node.NUMBERS[number] == one.quantity
        at += 3 + (head >> 6) + (head >> 5 & 1) + 2 * (head >> 4 & 1)
    return ",".join(told)


def do_encode(key: str, tag: str, *words: str) -> str:
    net, node, epoch, seq, kind, tells = map(int, words[:6])
    said = nodeframe.Said(net=net, node=node, epoch=epoch, seq=seq, kind=kind, payload=unhexed(words[6]))
    if tag == "0":
        return nodeframe.encode_clear(said, tells_epoch=bool(tells)).hex()
    return nodeframe.encode(said, unhexed(key), tag_bytes=int(tag), tells_epoch=bool(tells)).hex()


def do_decode(key: str, epoch: str, frame: str) -> str:
    data = unhexed(frame)
    if nodeframe.whole(data).tag_bytes:
        said = nodeframe.decode(data, unhexed(key), [int(epoch)])
    else:
        said = nodeframe.decode_clear(data)
    tag = data[0] & 15
    return f"{said.net} {said.node} {said.epoch} {said.seq} {said.kind} {tag} {hexed(said.payload)}"


def do_window(heard: str) -> str:
    known: nodeframe.Heard | None = None
    told = []
    for one in heard.split(","):
        epoch, seq = map(int, one.split(":"))
        try:
            known = nodeframe.Heard(epoch, seq) if known is None else known.after(epoch, seq)
            told.append("ok")
        except FrameError as error:
            told.append(error.code)
    return ",".join(told)


def do_airtime(*words: str) -> str:
    *numbers, size = map(int, words)
    names = ("spreading", "bandwidth_khz", "coding", "preamble", "hidden_bytes", "hidden_us")
    modulation = msgspec.convert(dict(zip(names, numbers, strict=True)), Modulation)
    return str(modulation.airtime_us(size))


PYTHON: dict[str, Callable[..., str]] = {
    "aes": do_aes,
    "crc": lambda data: f"{crc16_ccitt(unhexed(data)):04x}",
    "frame": lambda payload: hexed(framing.encode(unhexed(payload))),
    "unframe": lambda encoded: hexed(framing.decode(unhexed(encoded))),
    "feed": do_feed,
    "ccm": do_ccm,
    "unccm": do_unccm,
    "get": do_get,
    "encode": do_encode,
    "decode": do_decode,
    "window": do_window,
    "airtime": do_airtime,
}
IN_C_ONLY = {"put", "node", "ledger"}  # held against codec, receiver and exact ledger by tests of their own


def python(command: str) -> str:
    name, *words = command.split(" ")
    return answer_of(lambda: PYTHON[name](*words))


def test_each_vector_is_what_python_says_too() -> None:
    seen = set()
    for command, wanted in VECTORS:
        name = command.split(" ")[0]
        seen.add(name)
        if name not in IN_C_ONLY:
            assert python(command) == wanted, command
    assert seen == PYTHON.keys() | IN_C_ONLY


def test_each_vector_is_what_c_says(speaker: Speaker) -> None:
    for command, wanted in VECTORS:
        assert speaker.ask(command) == wanted, command


def test_c_reads_each_vector_of_the_codec(speaker: Speaker) -> None:
    path = FOLDER.parent / "vectors" / "satomori_node.toml"
    for frame in tomllib.loads(path.read_text("utf-8"))["frame"]:
        if frame["port"] != 1 or frame.get("error") == "twice":
            continue  # both are judged by whoever collects the readings, which firmware does not
        answer = speaker.ask(f"get {hexed(bytes.fromhex(frame['hex']))}")
        assert answer == python(f"get {hexed(bytes.fromhex(frame['hex']))}")
        assert answer.removeprefix("error ") == frame.get("error", answer)


def test_the_quantities_of_the_header_are_those_of_the_codec(speaker: Speaker) -> None:
    told = dict(re.findall(r"^  SATO_([A-Z0-9_]+) = ([1-9]\d*),?$", HEADER, re.MULTILINE))
    assert {int(number): name.lower() for name, number in told.items()} == satomori_node.NUMBERS
    assert [int(number) for number in speaker.ask("quantities").split(",")] == sorted(satomori_node.NUMBERS)


def test_the_limits_of_the_header_are_those_of_python() -> None:
    for name, value in (
        ("SATO_MAX_PAYLOAD", nodeframe.MAX_PAYLOAD),
        ("SATO_FRAME_MAX_PAYLOAD", framing.MAX_PAYLOAD),
        ("SATO_HEADER_BYTES", nodeframe.HEADER_BYTES),
        ("SATO_KEY_BYTES", nodeframe.KEY_BYTES),
    ):
        assert f"#define {name} {value}u\n" in HEADER
    assert satomori_node.MAX_BYTES == nodeframe.MAX_PAYLOAD


NUMBERS = st.sampled_from(sorted(satomori_node.NUMBERS))
RECORDS = st.tuples(
    NUMBERS,
    st.integers(0, 255),
    st.integers(0, 65535),
    st.integers(-(2**31), 2**31 - 1) | st.integers(-130, 130),
    st.integers(0, 9),
)


@settings(max_examples=150)
@given(st.lists(RECORDS, min_size=1, max_size=16, unique_by=lambda one: one[:3]))
def test_what_c_writes_python_reads(speaker: Speaker, records: list[tuple[int, int, int, int, int]]) -> None:
    text = ",".join(":".join(map(str, one)) for one in records)
    readings = satomori_node.decode("satomori/node", 1, unhexed(speaker.ask(f"put {text}")))
    for reading, (number, channel, age_s, value, decimals) in zip(readings, records, strict=True):
        name = satomori_node.NUMBERS[number]
        assert reading == Reading(name, value / 10**decimals, channel, float(age_s))


@settings(max_examples=150)
@given(st.lists(RECORDS, min_size=1, max_size=16, unique_by=lambda one: one[:3]))
def test_what_python_writes_c_reads_and_writes_again_byte_for_byte(
    speaker: Speaker, records: list[tuple[int, int, int, int, int]]
) -> None:
    readings = [
        Reading(satomori_node.NUMBERS[number], value / 10**decimals, channel, float(age_s))
        for number, channel, age_s, value, decimals in records
    ]
    payload = satomori_node.encode("satomori/node", 1, readings)
    told = speaker.ask(f"get {payload.hex()}")
    assert speaker.ask(f"put {told}") == payload.hex()


FRAMES = st.tuples(
    st.sampled_from([0, 4, 6, 8]),
    st.integers(0, 65535),
    st.integers(1, 65534),
    st.integers(0, 2**32 - 1),
    st.integers(0, 65535),
    st.integers(1, 127),
    st.sampled_from([0, 1]),
    st.binary(min_size=1, max_size=176),
)


@settings(max_examples=150)
@given(FRAMES, st.binary(min_size=16, max_size=16))
def test_a_frame_sealed_on_either_side_opens_on_the_other_byte_for_byte(
    speaker: Speaker, frame: tuple[int, int, int, int, int, int, int, bytes], key: bytes
) -> None:
    tag, net, node, epoch, seq, kind, tells, payload = frame
    command = f"encode {key.hex()} {tag} {net} {node} {epoch} {seq} {kind} {tells} {payload.hex()}"
    sealed = speaker.ask(command)
    assert sealed == python(command)
    opened = f"decode {key.hex()} {epoch} {sealed}"
    told_epoch = epoch if tag or tells else 0
    if tag or tells:
        assert speaker.ask(opened) == python(opened)
    assert python(opened) == f"{net} {node} {told_epoch} {seq} {kind} {tag} {payload.hex()}"


@settings(max_examples=300)
@given(FRAMES, st.data())
def test_a_spoilt_frame_is_refused_by_both_under_one_name(
    speaker: Speaker, frame: tuple[int, int, int, int, int, int, int, bytes], data: st.DataObject
) -> None:
    tag, net, node, epoch, seq, kind, _, payload = frame
    sealed = bytearray(
        bytes.fromhex(python(f"encode {KEY.hex()} {tag} {net} {node} {epoch} {seq} {kind} 1 {payload.hex()}"))
    )
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(sealed), at]))
    command = f"decode {KEY.hex()} {epoch} {hexed(bytes(sealed[:end]))}"
    assert speaker.ask(command) == python(command)


NEAR_A_FULL_BLOCK = st.binary(min_size=250, max_size=259).map(lambda one: one.replace(b"\0", b"x"))
PAYLOADS = st.binary(min_size=1, max_size=700) | NEAR_A_FULL_BLOCK


@settings(max_examples=200)
@given(PAYLOADS)
def test_a_serial_frame_is_the_same_bytes_on_both_sides(speaker: Speaker, payload: bytes) -> None:
    framed = speaker.ask(f"frame {payload.hex()}")
    assert framed == python(f"frame {payload.hex()}")
    assert speaker.ask(f"unframe {framed[:-2]}") == payload.hex()


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_alike(speaker: Speaker, data: bytes) -> None:
    for name in ("unframe", "feed"):
        assert speaker.ask(f"{name} {hexed(data)}") == python(f"{name} {hexed(data)}")
    wanted = python(f"get {hexed(data)}")
    if wanted != "error twice":
        assert speaker.ask(f"get {hexed(data)}") == wanted


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 90) | st.integers(65500, 65535)), min_size=1, max_size=60))
def test_both_windows_take_and_refuse_the_same_frames(speaker: Speaker, heard: list[tuple[int, int]]) -> None:
    command = "window " + ",".join(f"{epoch}:{seq}" for epoch, seq in heard)
    assert speaker.ask(command) == python(command)


PACKETS = st.tuples(
    st.integers(5, 12),
    st.sampled_from([125, 250, 500]),
    st.integers(1, 4),
    st.integers(6, 64),
    st.integers(0, 20),
    st.integers(0, 50_000),
    st.integers(0, 255),
)


@settings(max_examples=200)
@given(PACKETS)
def test_both_compute_the_same_time_on_the_air(speaker: Speaker, numbers: tuple[int, ...]) -> None:
    command = "airtime " + " ".join(map(str, numbers))
    assert speaker.ask(command) == python(command)


def test_a_nodes_ledger_lets_nothing_pass_that_the_exact_one_refuses(speaker: Speaker) -> None:
    rule = Rules(packet_us=SHARED.packet_us, pause_us=SHARED.pause_us, share_us=30_000_000)
    tries = [(at_ms, 100 + at_ms * 7919 % 900) for at_ms in range(0, 3 * 3_600_000, 7000)]
    answers = speaker.ask("ledger 30000 4000 50 0 " + ",".join(f"{at_ms}:{airtime_ms}" for at_ms, airtime_ms in tries))
    exact, hourly_ms = Ledger(rule), [0, 0, 0]
    for (at_ms, airtime_ms), answer in zip(tries, answers, strict=True):
        if answer == "1":
            assert exact.send(airtime_ms * 1000, at_ms * 1000), f"{at_ms} ms"
            hourly_ms[at_ms // 3_600_000] += airtime_ms
    first, *later = hourly_ms
    assert 2000 < first <= 3000, "after a start, a tenth of the share"
    assert min(later) > 25_000, "then nearly all of it"


def test_what_the_node_says_the_receiver_takes(speaker: Speaker) -> None:
    frames = speaker.ask(f"node {KEY.hex()} 8 23041 17 41 0 40 02107f").split(",")
    receiver = nodeframe.Receiver(23041, {17: KEY})
    for seq, frame in enumerate(frames):
        said = receiver.open(bytes.fromhex(frame))
        receiver.take(said)
        assert (said.epoch, said.seq) == (42, seq)
        assert satomori_node.decode("satomori/node", said.kind, said.payload) == (Reading("air_temperature_c", 1.27),)


def test_any_bytes_into_c_break_nothing_under_the_sanitizers(tmp_path: Path) -> None:
    done = make(tmp_path, "fuzz", f"ROUNDS={os.environ.get('SATOMORI_FUZZ_ROUNDS', '20000')}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing found" in done.stdout
