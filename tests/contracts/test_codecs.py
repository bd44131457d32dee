from pathlib import Path

import codec_rules
import pytest

import firmware_bridge
from firmware_bridge import codecs
from firmware_bridge.errors import DecodeError

VECTORS = Path(firmware_bridge.__file__).parent / "vectors"
FAMILIES = sorted(codecs.families())
ALL = {path.stem: codec_rules.load(path) for path in sorted(VECTORS.glob("*.toml"))}
FRAMES = [
    pytest.param(family, frame, id=f"{family}: {frame.name}") for family in sorted(ALL) for frame in ALL[family].frame
]


def test_every_codec_has_vectors_and_every_vector_file_a_codec() -> None:
    assert sorted(ALL) == FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_models_say_everything_about_themselves(family: str) -> None:
    codec_rules.check_models(codecs.families()[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors_hold_good_truncated_corrupted_and_freezing_frames(family: str) -> None:
    codec_rules.check_vectors(codecs.families()[family], ALL[family])


@pytest.mark.parametrize(("family", "frame"), FRAMES)
def test_a_frame_means_what_its_vector_says(family: str, frame: codec_rules.VectorFrame) -> None:
    codec_rules.check_frame(codecs.families()[family], ALL[family], frame)


@pytest.mark.parametrize(("family", "frame"), FRAMES)
def test_a_frame_cut_anywhere_gives_readings_or_a_named_error(family: str, frame: codec_rules.VectorFrame) -> None:
    codec_rules.check_cuts(codecs.families()[family], frame)


@pytest.mark.parametrize("family", FAMILIES)
def test_any_bytes_on_any_port_give_readings_or_a_named_error(family: str) -> None:
    codec_rules.check_any_bytes(codecs.families()[family], ALL[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_frame_of_every_other_family_is_readings_or_a_named_error(family: str) -> None:
    codec = codecs.families()[family]
    for vectors in ALL.values():
        for frame in vectors.frame:
            for model in codec.MODELS:
                codec_rules.check_any(codec, model.id, frame.port, frame.payload)


@pytest.mark.parametrize("family", FAMILIES)
def test_encoding_nothing_works_or_says_what_is_missing(family: str) -> None:
    for model in codecs.families()[family].MODELS:
        codec_rules.check_encode_nothing(codecs.families()[family], model)


def test_an_unknown_model_is_a_named_error_both_ways() -> None:
    with pytest.raises(DecodeError, match="model-unknown"):
        codecs.decode("nobody/nothing", 0, b"\0")
    with pytest.raises(DecodeError, match="model-unknown"):
        codecs.encode("nobody/nothing", 0, ())


def test_models_are_listed_by_id_and_lead_to_their_codec() -> None:
    assert list(codecs.models()) == sorted(codecs.models())
    for model, codec in codecs.models().values():
        assert model in codec.MODELS


def test_a_model_cannot_declare_a_quantity_nobody_defined() -> None:
    with pytest.raises(ValueError, match="no quantity 'soil_moisture'"):
        codecs.Model(
            id="a/b",
            name="x",
            kinds=("soil",),
            link="line",
            quantities=("soil_moisture",),
            interval_s=60,
            source="nowhere",
        )
