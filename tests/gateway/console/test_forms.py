import httpx
import pytest
from console_rig import Rig

ACTS = ["/login", "/logout", "/first-run", "/alerts/1/acknowledge", "/alerts/1/close"]


@pytest.mark.parametrize("path", ACTS)
def test_a_form_without_its_token_or_from_elsewhere_changes_nothing(console: Rig, path: str) -> None:
    console.sign_in("admin")
    good = console.form("/")
    own = {"Origin": console.origin}
    attempts: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, own),
        ({"form_token": "x"}, own),
        ({"form_token": good}, {"Origin": "https://evil.example"}),
        ({"form_token": good}, {"Origin": "null"}),
        ({"form_token": good}, {}),
        ({"form_token": good}, {"Referer": "https://evil.example/"}),
    ]
    for data, headers in attempts:
        answer = console.client.post(path, data=data, headers=headers)
        assert answer.status_code == 403, (data, headers)
        assert "この送信は受けられません" in answer.text
    assert {a.state for a in console.parts.context.ledger.open()} == {"firing"}
    assert console.get("/").status_code == 200, "still signed in"


@pytest.mark.parametrize("path", [*ACTS[1:2], *ACTS[3:], "/api/v1/alerts/1/acknowledge", "/api/v1/alerts/1/close"])
def test_nothing_changes_by_get(console: Rig, path: str) -> None:
    console.sign_in("admin")
    assert console.get(path).status_code == 405
    assert {a.state for a in console.parts.context.ledger.open()} == {"firing"}


def test_the_session_may_use_the_api_only_with_the_token_of_its_page(console: Rig) -> None:
    console.sign_in("welfare")
    number = console.alert("home-silence")
    path = f"/api/v1/alerts/{number}/acknowledge"
    assert console.client.post(path, headers={"Origin": console.origin}).status_code == 403
    headers = {"Origin": console.origin, "X-Form-Token": console.form("/")}
    assert console.client.post(path, headers=headers).status_code == 200


def test_bodies_are_limited_and_must_be_plain(console: Rig) -> None:
    token = console.token("acknowledge", "read")
    path = f"/api/v1/alerts/{console.alert('home-silence')}/close"

    def send(content: bytes, **headers: str) -> httpx.Response:
        return console.client.post(
            path, content=content, headers={**token, "Content-Type": "application/json", **headers}
        )

    assert send(b"x" * 70_000).status_code == 413
    assert send(b"\x1f\x8b", **{"Content-Encoding": "gzip"}).status_code == 415
    assert send(b"{not json").status_code == 422
    assert send(b'{"outcome":"nonsense"}').status_code == 422
    assert send(b'{"outcome":"fine","more":1}').status_code == 422
    assert send(b'{"outcome":"fine"}').json()["outcome"] == "fine"
    assert console.client.post("/login", content=b"a=" + b"b" * 70_000).status_code == 413
