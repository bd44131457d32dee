import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import firmware_bridge
from firmware_bridge import envelope
from firmware_bridge.reading import Batch, Column, Gap

SCHEMA_FILE = Path(firmware_bridge.__file__).parent / "envelope.schema.json"
KEY = bytes(range(32))
NOW_US = 1_790_000_000_000_000
BATCH = Batch(
    node="home-1",
    epoch="00c0ffee00c0ffee",
    seq=1,
    clock="estimated",
    read_total=3,
    columns=[
        Column("hall-pir", "motion", [NOW_US], [1.0]),
        Column("multi-1", "acceleration_g", [NOW_US, NOW_US + 1], [0.0, -0.5], 2),
    ],
    gaps=[Gap(2, 9, 300, "outbox-full")],
)


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_schema_file_is_current() -> None:
    assert json.loads(SCHEMA_FILE.read_text("utf-8")) == envelope.schema(), (
        "write it anew: python -c 'import json; from firmware_bridge import envelope; "
        "print(json.dumps(envelope.schema(), indent=2, ensure_ascii=False))' > firmware_bridge/envelope.schema.json"
    )


@pytest.mark.parametrize("sealed", [False, True])
def test_real_payloads_are_valid(validator: Draft202012Validator, sealed: bool) -> None:
    validator.validate(json.loads(envelope.encode(BATCH, KEY, sealed=sealed)))


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"seq": 0},
        {"node": "Home 1"},
        {"admin": True},
        {"mac": None},
        {"mac": ...},
        {"clock": ...},
        {"sealed": "AAAA"},
        {"s": [{"d": "a-1", "q": "motion", "t": ["now"], "x": [1]}]},
    ],
)
def test_other_documents_are_not_valid(validator: Draft202012Validator, changes: dict[str, Any]) -> None:
    document = json.loads(envelope.encode(BATCH, KEY)) | changes
    assert not validator.is_valid({key: value for key, value in document.items() if value is not ...})
