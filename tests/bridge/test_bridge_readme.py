import re
from pathlib import Path

import firmware_bridge
from firmware_bridge import crc, credentials, envelope, framing

FOLDER = Path(firmware_bridge.__file__).parent
TEXT = (FOLDER / "README.md").read_text("utf-8")
KEY = bytes(range(32))
EXAMPLES = [example.encode() for example in re.findall(r"```json\n(.+)\n```", TEXT)]


def test_the_batches_and_the_receipt_shown_are_genuine() -> None:
    plain, sealed, receipt = EXAMPLES
    batch = envelope.decode(plain, {"field-1": KEY}.get)
    assert batch == envelope.decode(sealed, {"field-1": KEY}.get)
    assert envelope.encode(batch, KEY) == plain
    assert envelope.encode(batch, KEY, sealed=True) == sealed
    told = envelope.decode_receipt(receipt, KEY)
    assert told.ranges == [(7, 7)]
    assert envelope.encode_receipt(told, KEY) == receipt


def test_the_password_shown_is_derived_from_the_key_shown() -> None:
    assert f"`{credentials.mqtt_password(KEY)}`" in TEXT


def test_the_frames_shown_are_what_the_framer_sends() -> None:
    rows = re.findall(r"^\| `([0-9a-f ]+)` \| `([0-9a-f ]+)` \|$", TEXT, re.MULTILINE)
    assert rows
    for payload, line in rows:
        assert framing.encode(bytes.fromhex(payload)) == bytes.fromhex(line)


def test_the_check_values_shown_are_ours() -> None:
    check = b"123456789"
    for checksum in (crc.crc16_ccitt, crc.crc16_modbus, crc.crc16_kermit, crc.crc8, crc.xor8):
        value = checksum(check)
        assert f"`{value:x}`" in TEXT


def test_every_module_is_in_the_table() -> None:
    for path in FOLDER.glob("*.py"):
        if path.stem != "__init__":
            assert f"`{path.stem}`" in TEXT, path.stem


def test_every_limit_shown_is_the_limit() -> None:
    for limit in (
        f"{envelope.MAX_BYTES // 1024} KiB a payload",
        f"{envelope.MAX_COLUMNS} series, {envelope.MAX_READINGS} readings and {envelope.MAX_GAPS} gaps a batch",
        f"1 to {framing.MAX_PAYLOAD} bytes",
    ):
        assert limit in TEXT
