import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from grafana_server import TOKEN, Grafana, running

from dashboards.build import render
from dashboards.cli import main
from dashboards.errors import DashboardsError
from dashboards.push import InfluxSource, push

SOURCE = InfluxSource(url="http://influxdb:8086", token="read-only", org="town", bucket="points")


@pytest.fixture
def grafana() -> Iterator[tuple[Grafana, str]]:
    server = Grafana()
    with running(server) as url:
        yield server, url


def test_an_empty_grafana_gets_folder_datasource_and_every_dashboard(grafana: tuple[Grafana, str]) -> None:
    server, url = grafana
    outcome = push(url, TOKEN, SOURCE)
    assert set(outcome.values()) == {"created"}
    assert set(server.folders) == {"satomori"}
    assert {board["folderUid"] for board in server.dashboards.values()} == {"satomori"}
    assert set(server.dashboards) == {json.loads(text)["uid"] for text in render().values()}
    assert server.datasources["satomori-influxdb"]["jsonData"] == {
        "version": "Flux",
        "organization": "town",
        "defaultBucket": "points",
    }


def test_pushing_again_updates_and_doubles_nothing(grafana: tuple[Grafana, str]) -> None:
    server, url = grafana
    push(url, TOKEN, SOURCE)
    before = (dict(server.folders), set(server.datasources), set(server.dashboards))
    outcome = push(url, TOKEN, InfluxSource(url="http://elsewhere:8086", token="other"))
    assert set(outcome.values()) == {"updated"}
    assert (dict(server.folders), set(server.datasources), set(server.dashboards)) == before
    assert server.datasources["satomori-influxdb"]["url"] == "http://elsewhere:8086"


def test_the_influx_token_travels_only_where_grafana_encrypts(grafana: tuple[Grafana, str]) -> None:
    server, url = grafana
    push(url, TOKEN, SOURCE)
    stored = server.datasources["satomori-influxdb"]
    assert stored.pop("secureJsonData") == {"token": "read-only"}
    assert "read-only" not in json.dumps([stored, *server.dashboards.values()])


def test_every_panel_asks_the_datasource_that_is_pushed(grafana: tuple[Grafana, str]) -> None:
    server, url = grafana
    push(url, TOKEN, SOURCE)
    for board in server.dashboards.values():
        asked = {p["datasource"]["uid"] for p in board["panels"] if p["type"] != "row"}
        assert asked == set(server.datasources)


@pytest.mark.parametrize(
    ("token", "broken", "said"), [("wrong", False, "401 Unauthorized"), (TOKEN, True, "refused folder: 502")]
)
def test_a_refusal_is_told_with_where_and_what(
    grafana: tuple[Grafana, str], token: str, broken: bool, said: str
) -> None:
    server, url = grafana
    server.broken = broken
    with pytest.raises(DashboardsError, match=said) as caught:
        push(url, token, SOURCE)
    assert url in str(caught.value)
    assert not server.dashboards


def test_a_grafana_that_is_not_there_is_an_error_in_words() -> None:
    with pytest.raises(DashboardsError, match="did not take folder"):
        push("http://127.0.0.1:9", TOKEN, SOURCE)


@pytest.mark.parametrize("url", ["grafana:3000", "ftp://grafana", "http://"])
def test_an_address_that_is_none_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(DashboardsError, match="wanted http://HOST:PORT"):
        push(url, TOKEN, SOURCE)


def test_a_path_before_the_api_is_kept(grafana: tuple[Grafana, str]) -> None:
    server, url = grafana
    with pytest.raises(DashboardsError):
        push(f"{url}/grafana/", TOKEN, SOURCE)
    assert server.requests[0] == "GET /grafana/api/folders/satomori"


def test_the_command_reads_tokens_from_files_and_answers_json(
    grafana: tuple[Grafana, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, url = grafana
    (tmp_path / "grafana.token").write_text(f"{TOKEN}\n")
    (tmp_path / "influx.token").write_text("read-only\n")
    words = ["push", "--url", url, "--json"]
    words += ["--token-file", f"{tmp_path}/grafana.token", "--influx-token-file", f"{tmp_path}/influx.token"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["fields-ja"] == "created"
    assert server.datasources["satomori-influxdb"]["secureJsonData"] == {"token": "read-only"}


@pytest.mark.parametrize("content", [None, "", "日本語"])
def test_a_token_file_that_holds_no_token_is_told_by_name(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "grafana.token"
    if content is not None:
        file.write_text(content, "utf-8")
    assert main(["push", "--token-file", str(file), "--influx-token-file", str(file)]) == 1
    assert "wanted a" in (told := capsys.readouterr().err)
    assert str(file) in told


def test_wrong_use_is_exit_status_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["push"])
    assert ended.value.code == 2
    assert "--token-file" in capsys.readouterr().err
