import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import codec_rules
import pytest

from firmware_bridge import codecs, explain

PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"
BLOCKS = dict(re.findall(r"\*\*`(firmware_bridge/[^`]+)`\*\*\n\n```\w+\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
CODEC, VECTORS = "firmware_bridge/codecs/beacon.py", "firmware_bridge/vectors/beacon.toml"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The two files of the page in a folder of their own, which the codec package walks too."""
    for name, text in BLOCKS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text, "utf-8")
    monkeypatch.setattr(codecs, "__path__", [*codecs.__path__, str(tmp_path / "firmware_bridge" / "codecs")])
    _forget()
    yield tmp_path
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    codecs.families.cache_clear()
    codecs.models.cache_clear()
    sys.modules.pop("firmware_bridge.codecs.beacon", None)
    vars(codecs).pop("beacon", None)


def test_the_page_shows_two_files_and_no_third() -> None:
    assert sorted(BLOCKS) == [CODEC, VECTORS]


def test_the_codec_of_the_page_is_found_and_keeps_the_contract(tree: Path) -> None:
    codec = codecs.families()["beacon"]
    codec_rules.check_family(codec, tree / VECTORS)
    assert "example/beacon" in [model["id"] for model in explain.describe_all()]
    assert explain.explain("example/beacon", 1, "f0 1f b4 5b")["readings"][0]["value"] == -40.65


def test_the_contract_notices_a_codec_that_forgets_to_count_its_bytes(tree: Path) -> None:
    path = tree / CODEC
    path.write_text(path.read_text("utf-8").replace("len(payload) != _LAYOUT.size", "not payload"), "utf-8")
    with pytest.raises((struct.error, AssertionError, ExceptionGroup)):
        codec_rules.check_family(codecs.families()["beacon"], tree / VECTORS)


def test_the_contract_notices_a_codec_that_loses_the_sign(tree: Path) -> None:
    path = tree / CODEC
    path.write_text(path.read_text("utf-8").replace('">hBB"', '">HBB"'), "utf-8")
    with pytest.raises(AssertionError):
        codec_rules.check_family(codecs.families()["beacon"], tree / VECTORS)
