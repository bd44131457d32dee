"""A node's configuration: all of it is in the README, every mistake is told at once, with file, key, wanted and got."""

import os
import re
from pathlib import Path

import pytest

from edge import drivers, settings
from edge.errors import SettingsError

README = Path(settings.__file__).with_name("README.md")
LEAST = '[node]\nid = "node-1"\ntenant = "014729"\nkey_file = "node.key"\n'


def load(folder: Path, text: str) -> settings.Settings:
    path = folder / "node.toml"
    path.write_text(text, "utf-8")
    return settings.load(path)


def mistakes(folder: Path, text: str) -> dict[str, tuple[str, str]]:
    with pytest.raises(SettingsError) as caught:
        load(folder, text)
    assert all(one.file.endswith("node.toml") for one in caught.value.mistakes)
    return {one.key: (one.wanted, one.got) for one in caught.value.mistakes}


def readme_example() -> str:
    return re.findall(r"```toml\n(.*?)```", README.read_text("utf-8"), re.S)[0]


def test_the_example_of_the_readme_is_a_configuration(tmp_path: Path) -> None:
    loaded = load(tmp_path, readme_example())
    assert {type(driver).__name__ for driver in loaded.drivers} >= {"ModbusRtu", "Line", "EnOcean", "Replay"}
    assert loaded.node.key_file == str(tmp_path / "node-017.key")
    assert Path(loaded.outbox.path).is_absolute()


def test_the_readme_shows_every_key_with_its_default(tmp_path: Path) -> None:
    example = readme_example()
    for table in (settings.Node, settings.Broker, settings.Outbox, settings.Uplink, settings.Health, settings.Record):
        for key in table.__struct_fields__:
            assert re.search(rf"^{key} = ", example, re.M), key
    least, shown = load(tmp_path, LEAST), load(tmp_path, example)
    for name in ("broker", "uplink", "health", "record"):
        assert getattr(least, name) == getattr(shown, name)
    for kind in drivers.kinds():
        assert f'kind = "{kind}"' in example


def test_the_least_is_enough(tmp_path: Path) -> None:
    loaded = load(tmp_path, LEAST)
    assert loaded.outbox.path == str(tmp_path / "node-1.outbox.db")
    assert loaded.drivers == ()


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        """
colour = "blue"
[node]
id = "Node 1"
tenant = "14729"
sealed = "yes"
[broker]
port = 0
keep_alive = 5
[outbox]
grace_days = -1
[[driver]]
kind = "modbus"
[[driver]]
kind = "line"
name = "scale"
baud = "fast"
[[driver.device]]
id = "scale-1"
model = "generic/line-load-cell"
[[driver]]
kind = "modbus_rtu"
name = "bus"
port = "/dev/ttyUSB0"
[[driver.device]]
id = "p-1"
model = "generic/line-load-cell"
unit = 248
""",
    )
    assert set(found) == {
        "colour",
        "node.id",
        "node.tenant",
        "node.key_file",
        "node.sealed",
        "broker.port",
        "broker.keep_alive",
        "outbox.grace_days",
        "driver[1].kind",
        "driver[2].port",
        "driver[2].baud",
        "driver[3].device[1].unit",
    }
    assert found["node.key_file"] == ("a value", "nothing")
    assert found["broker.port"] == ("int >= 1", "0")
    assert found["driver[2].baud"] == ("int", "'fast'")
    assert "line, modbus_rtu, replay" in found["driver[1].kind"][0]


def test_mistakes_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text("".join(f"[{name}]\n" for name in ("town", "site", "gateway", "judge", "colour")))
    with pytest.raises(SettingsError) as caught:
        settings.load(path)
    keys = [mistake.key for mistake in caught.value.mistakes]
    assert [key for key in keys if key in ("town", "site", "gateway", "judge", "colour")] == [
        "town",
        "site",
        "gateway",
        "judge",
        "colour",
    ]


def test_a_model_must_be_known_and_belong_on_the_link(tmp_path: Path) -> None:
    base = LEAST + '[[driver]]\nkind = "line"\nname = "a"\nport = "/dev/x"\n[[driver.device]]\nid = "d-1"\nmodel = '
    assert mistakes(tmp_path, base + '"generic/rs485-soil-7in1"') == {
        "driver[1].device[1].model": ("a model on line", "modbus-rtu")
    }
    assert mistakes(tmp_path, base + '"nobody/nothing"')["driver[1].device[1].model"][1] == "'nobody/nothing'"


def test_doubles_are_mistakes(tmp_path: Path) -> None:
    one = (
        '[[driver]]\nkind = "line"\nname = "a"\nport = "/dev/x"\n'
        '[[driver.device]]\nid = "d-1"\nmodel = "generic/line-load-cell"\n'
    )
    found = mistakes(tmp_path, LEAST + one + one)
    assert set(found) == {"driver.name", "driver.device.id"}
    bus = '[[driver]]\nkind = "modbus_rtu"\nname = "b"\nport = "/dev/x"\n' + "".join(
        f'[[driver.device]]\nid = "p-{n}"\nmodel = "generic/rs485-soil-7in1"\nunit = 1\n' for n in (1, 2)
    )
    assert "1 given twice" in mistakes(tmp_path, LEAST + bus)["driver[1]"][0]
    radio = '[[driver]]\nkind = "enocean"\nname = "r"\nport = "/dev/x"\n' + "".join(
        f'[[driver.device]]\nid = "m-{n}"\nmodel = "enocean/a5-07-01"\naddress = "{a}"\n'
        for n, a in ((1, "04001a2b"), (2, "04001A2B"))
    )
    assert "04001a2b given twice" in mistakes(tmp_path, LEAST + radio)["driver[1]"][0]


def test_e45_an_interval_below_zero_is_a_mistake(tmp_path: Path) -> None:
    assert mistakes(tmp_path, LEAST + "[health]\ninterval_s = -1.0\n") == {
        "health.interval_s": ("float >= 0.0", "-1.0")
    }


@pytest.mark.parametrize("text", ["[node", "\ufeff[node]\nid = 'a\n", "a = 1\na = 2\n"])
def test_what_is_no_toml_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    assert "TOML" in mistakes(tmp_path, text)["file"][0]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="a file that can be read"):
        settings.load(tmp_path / "none.toml")


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_bytes(b"\xef\xbb\xbf" + LEAST.replace("\n", "\r\n").encode())
    assert settings.load(path).node.id == "node-1"


def test_the_environment_may_trust_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(tmp_path, LEAST).node.clock == "auto"
    monkeypatch.setitem(os.environ, "SATOMORI_CLOCK", "trust")
    assert load(tmp_path, LEAST).node.clock == "trust"
