"""Batch and receipt ↔ MQTT topic and payload, version 1: compact columnar JSON that ends in its own MAC.

    satomori/1/<tenant>/<node>/data    {"v":1,"node":…,"epoch":…,"seq":…,"clock":…,"n":…,"s":[…],"gaps":[…],"mac":"…"}
    satomori/1/<tenant>/<node>/receipt {"v":1,"node":…,"epoch":…,"seq":…,"ranges":[[first,last],…],"resync":…,"mac":"…"}

- `epoch`: 16 hex digits, drawn once when an outbox is created; `seq`: 1, 2, 3 … in that epoch.
- `n`: readings taken in this epoch up to and with this batch. `clock`: "synced" or "estimated".
- `s`: one object a series: `d` device, `q` quantity, `c` channel (absent = 0), `t` times (µs UTC), `x` values.
- `mac`: the first 32 hex digits of HMAC-SHA-256(node key, every byte before `,"mac":`). A MAC is the last field.
- `gaps`: [{"first","last","readings","reason"}…], records of this epoch that will never come.
- A watched home's batch is sealed: `clock`, `n`, `s` and `gaps` are absent, `sealed` holds their JSON, encrypted with
  ChaCha20-Poly1305 (RFC 8439) in base64. Its key is HMAC-SHA-256(node key, "seal " + epoch), so that the nonce, the
  seq in 12 bytes, is never used twice; node, epoch and seq are authenticated with it.

Limits: 64 KiB a payload, 64 series, 4096 readings and 64 gaps a batch, 64 ranges a receipt, times from 2020 to 2100.
The JSON Schema is `envelope.schema.json`. Nothing here ever yields NaN: JSON has none, and a number too large for a
double is refused. A key that stands twice takes its last value, as everywhere in JSON: the MAC covers both.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from firmware_bridge.errors import EnvelopeError
from firmware_bridge.reading import ID_PATTERN, NO_MORE, Batch, Clock, Column, Gap, Id

VERSION = 1
ROOT = f"satomori/{VERSION}"
MAX_BYTES = 64 * 1024
MAX_COLUMNS = 64
MAX_READINGS = 4096
MAX_GAPS = 64
MAX_RANGES = 64
FIRST_US = 1_577_836_800_000_000  # 2020-01-01
LAST_US = 4_102_444_800_000_000  # 2100-01-01
_MAC_DIGITS = 32
_MAC_START = b',"mac":"'
_MAC_TAIL = len(_MAC_START) + _MAC_DIGITS + 2

_TOPIC = re.compile(re.escape(ROOT) + r"/([0-9]{6})/([a-z0-9][a-z0-9-]{1,30})/(data|state|receipt|cmd|reply)")

_T = TypeVar("_T")
Epoch = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$" + NO_MORE)]
Seq = Annotated[int, msgspec.Meta(ge=1, lt=2**53)]
Mac = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$" + NO_MORE)]


class _Body(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    clock: Clock
    n: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    s: Annotated[list[Column], msgspec.Meta(max_length=MAX_COLUMNS)]
    gaps: Annotated[list[Gap], msgspec.Meta(max_length=MAX_GAPS)] = []


class _Wire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    v: Literal[1]
    node: Id
    epoch: Epoch
    seq: Seq
    clock: Clock | None = None
    n: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] = 0
    s: Annotated[list[Column], msgspec.Meta(max_length=MAX_COLUMNS)] = []
    gaps: Annotated[list[Gap], msgspec.Meta(max_length=MAX_GAPS)] = []
    sealed: str | None = None
    mac: Mac | msgspec.UnsetType = msgspec.UNSET


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gateway's promise: everything of `epoch` up to `seq`, and each of `ranges`, is committed.

    `resync`: the gateway was restored and asks for everything after `seq` again.
    """

    v: Literal[1] = 1
    node: Id
    epoch: Epoch
    seq: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    ranges: Annotated[list[tuple[Seq, Seq]], msgspec.Meta(max_length=MAX_RANGES)] = []
    resync: bool = False


class _SignedReceipt(Receipt, frozen=True, kw_only=True, forbid_unknown_fields=True):
    mac: Mac


_encoder = msgspec.json.Encoder()
_wire_decoder = msgspec.json.Decoder(_Wire)
_body_decoder = msgspec.json.Decoder(_Body)
_receipt_decoder = msgspec.json.Decoder(_SignedReceipt)


def topic(tenant: str, node: str, leaf: str) -> str:
    """MQTT topic of one node's `leaf`: data, state, receipt, cmd or reply."""
    return f"{ROOT}/{tenant}/{node}/{leaf}"


def parse_topic(text: str) -> tuple[str, str, str]:
    """(tenant, node, leaf) of a topic of ours. EnvelopeError `topic` for any other text."""
    parts = _TOPIC.fullmatch(text) if len(text) <= 100 else None
    if parts is None:
        raise EnvelopeError("topic", f"wanted {ROOT}/<tenant>/<node>/<leaf>, got {text[:100]!r}")
    return parts[1], parts[2], parts[3]


def encode(batch: Batch, key: bytes, *, sealed: bool = False) -> bytes:
    """Payload of a batch, signed with the node's key and, for a watched home, sealed. Same batch, same bytes.

    What this returns, `decode` accepts. EnvelopeError `size`, `shape`, `time` or `json` where the batch is over a
    limit, carries a name that is none, or a value that is not finite.
    """
    body = _Body(clock=batch.clock, n=batch.read_total, s=batch.columns, gaps=batch.gaps)
    plain = _encoder.encode(body)
    _check(_read(_body_decoder, plain))
    wire = _Wire(v=1, node=batch.node, epoch=batch.epoch, seq=batch.seq)
    if sealed:
        wire.sealed = _seal(wire, plain, key)
    else:
        wire.clock, wire.n, wire.s, wire.gaps = body.clock, body.n, body.s, body.gaps
    document = _encoder.encode(wire)
    _read(_wire_decoder, document)
    payload = _sign(document, key)
    if len(payload) > MAX_BYTES:
        raise EnvelopeError("size", f"wanted at most {MAX_BYTES} bytes, got {len(payload)}")
    return payload


def decode(payload: bytes, key_of: Callable[[str], bytes | None]) -> Batch:
    """Batch of a payload; `key_of(node)` gives the node's key, or None for a node nobody enrolled.

    EnvelopeError codes: size, json (any shape or type that is not ours), node-unknown, mac, seal, shape, time.
    """
    _check_size(payload)
    wire = _read(_wire_decoder, payload)
    key = key_of(wire.node)
    if key is None:
        raise EnvelopeError("node-unknown", f"no node {wire.node!r} is enrolled here")
    _verify(payload, key)
    body = _body(wire, key)
    _check(body)
    return Batch(
        node=wire.node,
        epoch=wire.epoch,
        seq=wire.seq,
        clock=body.clock,
        read_total=body.n,
        columns=body.s,
        gaps=body.gaps,
    )


def _body(wire: _Wire, key: bytes) -> _Body:
    if wire.sealed is not None:
        if wire.clock is not None or wire.n or wire.s or wire.gaps:
            raise EnvelopeError("json", "wanted clock, n, s and gaps inside sealed only, got some beside it")
        return _read(_body_decoder, _unseal(wire, key))
    if wire.clock is None:
        raise EnvelopeError("json", "wanted clock and s, or sealed; got neither")
    return _Body(clock=wire.clock, n=wire.n, s=wire.s, gaps=wire.gaps)


def identify(payload: bytes) -> tuple[str, str, int]:
    """(node, epoch, seq) that a payload claims, without proof: to say what a refused payload was."""
    _check_size(payload)
    wire = _read(_wire_decoder, payload)
    return wire.node, wire.epoch, wire.seq


def encode_receipt(receipt: Receipt, key: bytes) -> bytes:
    """Payload of a receipt, signed with its node's key. EnvelopeError `shape` for ranges out of order."""
    _check_ranges(receipt)
    return _sign(_encoder.encode(receipt), key)


def decode_receipt(payload: bytes, key: bytes) -> Receipt:
    """Receipt of a payload. EnvelopeError size, json, mac or shape: a forged receipt would delete data."""
    _check_size(payload)
    signed = _read(_receipt_decoder, payload)
    _verify(payload, key)
    _check_ranges(signed)
    return Receipt(node=signed.node, epoch=signed.epoch, seq=signed.seq, ranges=signed.ranges, resync=signed.resync)


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the batch payload, as `envelope.schema.json` holds it."""
    made = msgspec.json.schema(_Wire)
    wire = made["$defs"]["_Wire"]
    wire["required"] = sorted([*wire["required"], "mac"])
    for name in ("clock", "sealed"):  # absent, not null, where the other one is there
        wire["properties"][name] = wire["properties"][name]["anyOf"][0]
    inside = [{"required": [name]} for name in ("clock", "n", "s", "gaps")]
    wire["oneOf"] = [
        {"required": ["clock"], "not": {"required": ["sealed"]}},
        {"required": ["sealed"], "not": {"anyOf": inside}},
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Satomori batch, version {VERSION}",
        "description": "Payload of satomori/1/<tenant>/<node>/data. Limits JSON Schema cannot say stand in README.md.",
        **made,
    }


def _read(decoder: "msgspec.json.Decoder[_T]", payload: bytes) -> _T:
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnvelopeError("json", str(error)) from error


def _check_size(payload: bytes) -> None:
    if not 0 < len(payload) <= MAX_BYTES:
        raise EnvelopeError("size", f"wanted 1 to {MAX_BYTES} bytes, got {len(payload)}")


def _check(body: _Body) -> None:
    total = 0
    for column in body.s:
        times = column.times_us
        if not times or len(times) != len(column.values):
            raise EnvelopeError(
                "shape", f"{column.device}/{column.quantity}: {len(times)} times, {len(column.values)} values"
            )
        first, last = min(times), max(times)
        if first < FIRST_US or last >= LAST_US:
            wrong = first if first < FIRST_US else last
            raise EnvelopeError("time", f"{column.device}/{column.quantity}: wanted µs from 2020 to 2100, got {wrong}")
        total += len(times)
    if total > MAX_READINGS:
        raise EnvelopeError("shape", f"wanted at most {MAX_READINGS} readings, got {total}")
    for gap in body.gaps:
        if gap.first > gap.last:
            raise EnvelopeError("shape", f"wanted a gap from first to last, got {gap.first} to {gap.last}")


def _check_ranges(receipt: Receipt) -> None:
    """Ranges are ascending, apart, and above `seq`: what is not so would confirm what nobody committed."""
    floor = receipt.seq
    for first, last in receipt.ranges:
        if first <= floor or last < first:
            raise EnvelopeError("shape", f"wanted ascending ranges above {floor}, got {first} to {last}")
        floor = last


def _mac(message: bytes, key: bytes) -> bytes:
    return hmac.digest(key, message, "sha256").hex()[:_MAC_DIGITS].encode()


def _sign(document: bytes, key: bytes) -> bytes:
    message = document[:-1]
    return message + _MAC_START + _mac(message, key) + b'"}'


def _verify(payload: bytes, key: bytes) -> None:
    message, tail = payload[:-_MAC_TAIL], payload[-_MAC_TAIL:]
    wanted = _MAC_START + _mac(message, key) + b'"}'
    if not hmac.compare_digest(tail, wanted):
        raise EnvelopeError("mac", "the MAC is not this node's, or not the last field")


def _cipher(wire: _Wire, key: bytes) -> tuple[Any, bytes, bytes]:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # only sealed nodes pay for its memory

    seal_key = hmac.digest(key, f"seal {wire.epoch}".encode(), hashlib.sha256)
    about = f"{wire.node} {wire.epoch} {wire.seq}".encode()
    return ChaCha20Poly1305(seal_key), wire.seq.to_bytes(12, "big"), about


def _seal(wire: _Wire, body: bytes, key: bytes) -> str:
    cipher, nonce, about = _cipher(wire, key)
    return base64.b64encode(cipher.encrypt(nonce, body, about)).decode()


def _unseal(wire: _Wire, key: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag

    cipher, nonce, about = _cipher(wire, key)
    try:
        plain: bytes = cipher.decrypt(nonce, base64.b64decode(wire.sealed or "", validate=True), about)
    except (InvalidTag, ValueError) as error:
        raise EnvelopeError("seal", "the sealed part does not open with this node's key") from error
    return plain


__all__ = [
    "FIRST_US",
    "ID_PATTERN",
    "LAST_US",
    "MAX_BYTES",
    "MAX_COLUMNS",
    "MAX_GAPS",
    "MAX_RANGES",
    "MAX_READINGS",
    "Receipt",
    "decode",
    "decode_receipt",
    "encode",
    "encode_receipt",
    "identify",
    "parse_topic",
    "schema",
    "topic",
]
