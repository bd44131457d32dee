import threading
from datetime import datetime

import httpx
import pytest
from console_rig import Rig, rig
from console_town import Parts

from gateway.people.nouns import SCOPES

DOCUMENTED = {
    "/healthz": {"get"},
    "/api/v1/nodes": {"get"},
    "/api/v1/unknown": {"get"},
    "/api/v1/push/{device}": {"post"},
    "/api/v1/series": {"get"},
    "/api/v1/readings": {"get"},
    "/api/v1/alerts": {"get"},
    "/api/v1/alerts/{alert_id}": {"get"},
    "/api/v1/alerts/{alert_id}/acknowledge": {"post"},
    "/api/v1/alerts/{alert_id}/close": {"post"},
    "/api/v1/accounting": {"get"},
    "/api/v1/events": {"get"},
}


def test_health_is_open_and_tells_nothing_about_the_town(console: Rig) -> None:
    answer = console.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["ok"] is True
    assert answer.json()["broker"] == "mosquitto"
    assert answer.json()["connected"] is True
    assert not any(word in answer.text for word in ("a07", "A-07", "home", "見本"))


def test_everything_else_wants_a_session_or_a_token(console: Rig) -> None:
    for path, methods in DOCUMENTED.items():
        if path != "/healthz":
            for method in methods:
                answer = console.client.request(method, path.replace("{alert_id}", "1"))
                assert answer.status_code in (401, 403), path
    assert console.get("/api/openapi.json").status_code == 401
    assert console.get("/api/v1/nodes", Authorization="Bearer wrong").status_code == 401
    secret = console.token("read")["Authorization"].split()[1]
    assert console.get(f"/api/v1/nodes?token={secret}").status_code == 401, "never in the URL"
    assert console.get(f"/api/v1/nodes?access_token={secret}").status_code == 401


def test_the_description_lists_what_is_documented_and_nothing_else(console: Rig) -> None:
    described = console.get("/api/openapi.json", **console.token("read")).json()
    assert {path: set(methods) for path, methods in described["paths"].items()} == DOCUMENTED
    console.sign_in("admin")
    page = console.get("/api/").text
    assert all(path in page for path in DOCUMENTED)


def test_nodes_and_series_are_told(console: Rig) -> None:
    token = console.token("read")
    nodes = {node["id"]: node for node in console.get("/api/v1/nodes", **token).json()["nodes"]}
    assert nodes["pi-b03"]["state"] == "tech"
    assert nodes["pi-b03"]["heard"] == "2027-01-19T02:07:00+09:00"
    assert nodes["pi-a07"]["state"] == "fine"
    assert nodes["pi-a07"]["streams"][0]["settled"] > 60
    assert {device["id"] for device in nodes["pi-a07"]["devices"]} == {"pir-a07-living", "pir-a07-kitchen"}
    series = {one["series"]: one for one in console.get("/api/v1/series", **token).json()["series"]}
    assert series["probe-east-40/soil_moisture_vwc_pct"]["value"] == 41.2
    assert series["cell-hall/snow_load_kg_m2"]["unit"] == "kg/m²"


def test_readings_come_with_times_and_offsets_and_say_when_there_are_more(console: Rig) -> None:
    token = console.token("read")
    path = "/api/v1/readings?series=probe-east-40/soil_moisture_vwc_pct"
    day = console.get(path, **token).json()
    assert len(day["readings"]) == 144
    assert day["more"] is False
    assert day["readings"][-1] == {"time": "2027-01-19T03:12:00+09:00", "value": 41.2}
    some = console.get(
        f"{path}&from=2027-01-10T00:00:00%2B09:00&to=2027-01-11T00:00:00%2B09:00&limit=10", **token
    ).json()
    assert (len(some["readings"]), some["more"]) == (10, True)
    assert all(datetime.fromisoformat(one["time"]).utcoffset() for one in some["readings"])
    lost_plus = console.get(f"{path}&from=2027-01-10T00:00:00+09:00&to=2027-01-10T01:00:00Z", **token)
    assert lost_plus.status_code == 200
    assert console.get("/api/v1/readings?series=probe-east-40/soil_ph", **token).json()["readings"] == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "series=x",
        "series=a/b/c/d",
        "series=probe-east-40/soil_moisture_vwc_pct/999",
        "series=cell-hall/snow_load_kg_m2&from=yesterday",
        "series=cell-hall/snow_load_kg_m2&from=2027-01-10T00:00:00",
        "series=cell-hall/snow_load_kg_m2&from=2027-01-10",
        "series=cell-hall/snow_load_kg_m2&from=1900-01-01T00:00:00Z&to=2027-01-01T00:00:00Z",
        "series=cell-hall/snow_load_kg_m2&from=2027-01-10T00:00:00Z&to=2027-01-09T00:00:00Z",
        "series=cell-hall/snow_load_kg_m2&limit=-1",
        "series=cell-hall/snow_load_kg_m2&limit=1000000000",
        "series=cell-hall/snow_load_kg_m2&from=99999-01-01T00:00:00Z",
        "series=cell-hall'; DROP TABLE point;--/x",
        "series=" + "a" * 5000,
    ],
)
def test_a_question_that_makes_no_sense_is_answered_with_words(console: Rig, query: str) -> None:
    answer = console.get(f"/api/v1/readings?{query}", **console.token("read"))
    assert answer.status_code == 422
    assert answer.json()["error"]["detail"]
    assert "Traceback" not in answer.text


def test_accounting_adds_up_and_has_limits(console: Rig) -> None:
    token = console.token("read")
    account = console.get("/api/v1/accounting", **token).json()
    assert account["good"] is True
    assert {row["source"] for row in account["rows"]} == {"pi-a07", "pi-b03", "pi-c15", "pi-town"}
    assert all(row["read"] == row["sent"] == row["stored"] for row in account["rows"])
    assert console.get("/api/v1/accounting?from=2020-01-01&to=2027-01-01", **token).status_code == 422
    assert console.get("/api/v1/accounting?from=never", **token).status_code == 422


def test_alerts_are_told_in_both_languages_and_taken_by_a_token_that_may(console: Rig) -> None:
    read, both = console.token("read"), console.token("read", "acknowledge")
    alerts = console.get("/api/v1/alerts", **read).json()["alerts"]
    rules = [alert["rule"] for alert in alerts]
    assert sorted(rules) == ["home-silence", "node-unheard", "roof-load-danger", "soil-stuck"]
    silence = next(alert for alert in alerts if alert["rule"] == "home-silence")
    assert silence["title"] == {"ja": "いつもより長く、反応がありません", "en": "Quiet for longer than usual"}
    assert "7時間39分" in silence["reason"]["ja"]
    assert silence["fired"] == "2027-01-19T02:10:00+09:00"
    path = f"/api/v1/alerts/{silence['id']}"
    assert console.client.post(f"{path}/acknowledge", headers=read).status_code == 403
    assert console.client.post(f"{path}/acknowledge", headers=both).json()["state"] == "acknowledged"
    done = console.client.post(f"{path}/close", json={"outcome": "fine"}, headers=both).json()
    assert (done["state"], done["outcome"]) == ("resolved", "fine")
    assert console.client.post(f"{path}/close", json={"outcome": "fine"}, headers=both).status_code == 409
    assert [event["what"] for event in console.get(path, **read).json()["story"]][-2:] == ["acknowledged", "closed"]
    assert len(console.get("/api/v1/alerts", **read).json()["alerts"]) == 3
    assert len(console.get("/api/v1/alerts?state=all", **read).json()["alerts"]) == 4


@pytest.mark.parametrize(
    ("scope", "sees", "absent"),
    [
        ("read:homes", "home-silence", "roof-load-danger"),
        ("read:fields", "soil-stuck", "home-silence"),
        ("read:roofs", "roof-load-danger", "home-silence"),
        ("read:nodes", "node-unheard", "home-silence"),
    ],
)
def test_a_narrow_token_sees_only_its_part(console: Rig, scope: str, sees: str, absent: str) -> None:
    token = console.token(scope)
    rules = {alert["rule"] for alert in console.get("/api/v1/alerts", **token).json()["alerts"]}
    assert sees in rules
    assert absent not in rules


def test_a_farm_session_is_refused_by_every_welfare_endpoint(console: Rig) -> None:
    console.sign_in("farm")
    number = console.alert("home-silence")
    answers = [
        console.get("/api/v1/readings?series=pir-a07-living/motion"),
        console.get(f"/api/v1/alerts/{number}"),
        console.get("/api/v1/nodes"),
        console.get("/api/v1/accounting"),
    ]
    assert {answer.status_code for answer in answers} <= {403, 404}
    headers = {"Origin": console.origin, "X-Form-Token": console.form("/")}
    assert console.client.post(f"/api/v1/alerts/{number}/acknowledge", headers=headers).status_code == 404
    assert "home" not in console.get("/api/v1/series").text
    assert "A-07" not in console.get("/api/v1/alerts").text


def test_a_token_shows_its_scopes_end_and_last_use(console: Rig) -> None:
    tokens = console.parts.context.people.tokens
    headers = console.token("read")
    assert tokens.list()[0].used_us == 0
    console.get("/api/v1/series", **headers)
    token = tokens.list()[0]
    assert (token.scopes, token.used_us) == (("read",), console.parts.clock())
    console.parts.clock.pass_s(31 * 86400)
    assert console.get("/api/v1/series", **headers).status_code == 401
    assert console.get("/", **headers).status_code == 401, "pages are for people"
    assert set(SCOPES) >= {"read", "acknowledge"}


def _listen(console: Rig, headers: dict[str, str], told: list[str], until: str, started: threading.Event) -> None:
    with httpx.stream("GET", f"{console.origin}/api/v1/events", headers=headers, timeout=30, trust_env=False) as stream:
        for line in stream.iter_lines():
            told.append(line)
            started.set()
            if until in line:
                return


def test_changes_are_told_live_and_the_stream_ends_with_the_session(console: Rig) -> None:
    console.sign_in("welfare")
    headers = {"Cookie": f"satomori={console.client.cookies['satomori']}"}
    told: list[str] = []
    started = threading.Event()
    listener = threading.Thread(target=_listen, args=(console, headers, told, "event: end", started))
    listener.start()
    assert started.wait(10)
    context = console.parts.context
    context.ledger.acknowledge(console.alert("soil-stuck"), "kikai", console.parts.clock())
    context.ledger.acknowledge(console.alert("home-silence"), "toban", console.parts.clock())
    console.post("/logout")
    listener.join(20)
    assert not listener.is_alive()
    data = [line for line in told if line.startswith("data:") and "alert" in line]
    assert len(data) == 1, "what a welfare officer may not see is not told"
    assert '"what": "acknowledged"' in data[0]
    assert "home-silence" in data[0]
    assert told[0] == "retry: 5000"


def test_nobody_listens_without_a_session_and_a_dead_token_ends_the_stream(console: Rig) -> None:
    assert console.get("/api/v1/events").status_code == 401
    headers = console.token("read")
    told: list[str] = []
    started = threading.Event()
    listener = threading.Thread(target=_listen, args=(console, headers, told, "event: end", started))
    listener.start()
    assert started.wait(10)
    people = console.parts.context.people
    people.tokens.revoke(people.tokens.list()[0].name)
    console.parts.context.ledger.acknowledge(console.alert("soil-stuck"), "kikai", console.parts.clock())
    listener.join(20)
    assert not listener.is_alive()
    assert "event: end" in told


def test_many_logins_at_once_leave_the_server_answering(parts: Parts) -> None:
    with rig(parts) as console:
        token = console.form("/login")
        cookie = console.client.cookies["satomori"]
        statuses: list[int] = []

        def attempt(number: int) -> None:
            form = {"form_token": token, "login": f"nobody{number}", "password": "wrong guess"}
            headers = {"Origin": console.origin, "Cookie": f"satomori={cookie}"}
            answer = httpx.post(f"{console.origin}/login", data=form, headers=headers, timeout=60, trust_env=False)
            statuses.append(answer.status_code)

        threads = [threading.Thread(target=attempt, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        assert console.get("/healthz").status_code == 200
        for thread in threads:
            thread.join(60)
        assert len(statuses) == 40
        assert set(statuses) <= {401, 429}
        assert 429 in statuses
