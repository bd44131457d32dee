import stat
from pathlib import Path

import pytest
from rig import KEY, a_registry

from gateway.errors import SettingsError
from gateway.registry import load_keys, make_key
from gateway.settings import Device


def test_a_key_is_made_once_in_a_file_only_its_owner_reads(tmp_path: Path) -> None:
    made = make_key(tmp_path / "nodes", "n-01")
    assert make_key(tmp_path / "nodes", "n-01") == made
    assert load_keys(tmp_path / "nodes") == {"n-01": made}
    assert stat.S_IMODE((tmp_path / "nodes" / "n-01.key").stat().st_mode) == 0o600
    assert make_key(tmp_path / "nodes", "n-02") != made


def test_bad_key_files_are_told_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "n-01.key").write_text("abc")
    (tmp_path / "n-02.key").write_bytes(b"\xff" * 64)
    (tmp_path / "n-03.key").write_text("00" * 32)
    with pytest.raises(SettingsError) as caught:
        load_keys(tmp_path)
    assert len(caught.value.mistakes) == 2


def test_no_folder_is_no_keys(tmp_path: Path) -> None:
    assert load_keys(tmp_path / "nowhere") == {}


@pytest.mark.parametrize("name", ["gateway", "inlet-chirpstack", "inlet-x"])
def test_a_node_may_not_take_a_name_of_the_brokers_own(name: str) -> None:
    with pytest.raises(SettingsError):
        a_registry(nodes=[name])


def test_what_is_not_known_is_none() -> None:
    device = Device(id="lora-1", model="dragino/lse01", site="field-1", dev_eui="a84041000181c061")
    registry = a_registry(nodes=["n-01"], devices=[device], keys={"n-01": KEY, "stranger": KEY})
    assert registry.key_of("n-01") == KEY
    assert registry.key_of("stranger") is None
    assert registry.device("nobody") is None
    assert registry.site_of("nobody") is None
    assert registry.site_of("lora-1") is registry.sites["field-1"]
    assert registry.device_of_eui("A84041000181C061") is device
    assert registry.device_of_eui("a84041000181c062") is None
