import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import cli
from gateway.check import check

GOOD = """
[town]
code = "999999"
name_ja = "見本町"
name_en = "Sample Town"
"""
BROKEN = """
[town]
code = "14729"
name_ja = "見本町"
timezone = "Asia/Tokio"
colour = 1
[[site]]
id = "field-1"
kind = "meadow"
label_ja = "畑"
label_en = "Field"
limits = { snow_weight = 1.0 }
[[device]]
id = "A"
model = "x/y"
site = "nowhere"
node = "nobody"
[[notifier]]
kind = "pigeon"
name = "d"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "satomori.toml"
    path.write_text(text)
    return path


def test_check_tells_every_mistake_at_once(tmp_path: Path) -> None:
    keys = {mistake.key for mistake in check(write(tmp_path, BROKEN))}
    assert {
        "town.code", "town.name_en", "town.timezone", "town.colour", "site.0.kind", "site.0.limits", "device.0.id",
        "device.0.model", "device.0.site", "device.0.node",
    } <= keys  # fmt: skip
    assert any(key.startswith("notifier") for key in keys)


def test_check_says_wanted_and_got_without_a_machine_s_words(tmp_path: Path) -> None:
    told = {mistake.key: mistake for mistake in check(write(tmp_path, BROKEN))}
    assert told["town.name_en"].got == "nothing"
    assert told["town.timezone"].wanted == "a time zone name such as Asia/Tokyo"
    assert told["town.colour"].wanted == "no such key"
    assert not any("Value error" in str(mistake) for mistake in told.values())


@pytest.mark.parametrize("text", ["", "town = 3", "[town", "[[device]]\nsite = 3\n", "device = 3\nnode = [1]"])
def test_check_answers_any_toml(tmp_path: Path, text: str) -> None:
    assert check(write(tmp_path, text))


def test_check_exits_0_for_a_good_file_and_1_for_a_bad_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(write(tmp_path, GOOD)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert cli.main(["check", str(write(tmp_path, BROKEN)), "--json"]) == 1
    assert {"file", "key", "wanted", "got"} == set(json.loads(capsys.readouterr().out)[0])
    assert cli.main(["check", str(tmp_path / "missing.toml")]) == 1


def test_decode_answers_readings_or_a_named_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["decode", "--device", "dragino/lse01", "--port", "2", "0D16FFCB0929FF83007810"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["error"] is None
    assert {"quantity": "soil_temperature_c", "value": -1.25, "age_s": 0, "channel": 0} in answer["readings"]
    assert cli.main(["decode", "--device", "dragino/lse01", "--port", "2", "0D"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "length"
    assert cli.main(["decode", "--device", "dragino/lse01"]) == 2


def test_decode_reads_lines_and_answers_each() -> None:
    lines = '{"device":"dragino/lse01","port":2,"hex":"0D16FFCB0929FF83007810"}\nnonsense\n[1]\n{"device":1,"hex":2}\n'
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "decode", "--stdin"], input=lines, capture_output=True, text=True, check=False
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [bool(answer["error"]) for answer in answers] == [False, True, True, True]
    assert done.stderr == ""


def test_devices_tells_every_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["devices", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told) > 20
    assert all({"id", "name", "kinds", "link", "quantities", "cannot_ja", "cannot_en"} <= set(one) for one in told)


@pytest.mark.parametrize("command", [["gateway", "devices"], ["edge", "--help"]])
def test_a_reader_that_has_seen_enough_gets_no_traceback(command: list[str]) -> None:
    with subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""


def test_wrong_use_exits_2() -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["dream"])
    assert ended.value.code == 2


def test_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, GOOD + "[gateway]\nport = 1\n[broker]\nport = 2\n")
    assert cli.main(["doctor", str(path)]) == 1
    told = capsys.readouterr().out
    assert "✗ broker: 127.0.0.1:2 does not answer" in told
    assert "satomori run" in told
    assert cli.main(["doctor", str(path), "--json"]) == 1
    assert {"topic", "good", "seen", "advice_ja", "advice_en"} <= set(json.loads(capsys.readouterr().out)[0])


def test_a_node_s_key_is_made_once_and_printed_never(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, GOOD + '[[node]]\nid = "node-1"\n')
    assert cli.main(["node", "add", str(path), "node-1"]) == 0
    key = (tmp_path / "var" / "nodes" / "node-1.key").read_text()
    assert (tmp_path / "var" / "nodes" / "node-1.key").stat().st_mode & 0o777 == 0o600
    assert cli.main(["node", "add", str(path), "node-1"]) == 0
    assert (tmp_path / "var" / "nodes" / "node-1.key").read_text() == key
    assert key.strip() not in capsys.readouterr().out
    assert cli.main(["node", "add", str(path), "node-2"]) == 1


def test_people_and_tokens_are_added_and_ended_at_the_keyboard(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)

    def run(*words: str, told: str = "") -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *words], input=told, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    assert run("user", "add", str(path), "hanako", "--role", "welfare", told="a long enough sentence\n")[0] == 0
    assert run("user", "add", str(path), "taro", "--role", "farm", told="short\n")[0] == 1
    status, secret = run("token", "add", str(path), "grafana", "--scope", "read:fields")
    assert status == 0
    assert len(secret.strip()) >= 32
    assert run("token", "revoke", str(path), "grafana")[0] == 0
    assert run("user", "disable", str(path), "hanako")[0] == 0
    status, said = run("user", "disable", str(path), "nobody")
    assert status == 1
    assert "Traceback" not in said
