import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from console_rig import Rig, rig
from console_town import EVIL, NOW_US, PASSWORD, Built, open_town

from gateway.console import assets
from gateway.console.phrasebook import entries
from gateway.states import TownState
from gateway.supervisor import RoleState

LINK = re.compile(r'(?:href|src|action|data-src)="([^"#]*)')
TAG = re.compile(r"<[^>]*>")
SKIPPED = ("tel:", "mailto:")
MISSING = [
    "/homes/nope",
    "/alerts/999999",
    "/alerts/9e99",
    "/series/no-device/motion",
    "/series/x",
    "/nodes/nope",
    "/static/../people/users.py",
    "/static/%2e%2e/%2e%2e/records.py",
    "/%00",
    "/homes/%c0%ae",
    "/nowhere",
]


def text_of(html: str) -> str:
    body = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", html, flags=re.S)
    return TAG.sub(" ", body)


def crawl(console: Rig, lang: str) -> dict[str, tuple[int, str]]:
    """Every page that can be reached by links, in one language."""
    found: dict[str, tuple[int, str]] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        answer = console.get(path, **{"Accept-Language": lang})
        found[path] = (answer.status_code, answer.text)
        if answer.status_code == 303:
            waiting.append(answer.headers["location"])
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        for link in LINK.findall(answer.text):
            target = urlsplit(urljoin(path, link.replace("&amp;", "&")))
            whole = target.path + (f"?{target.query}" if target.query else "")
            loops = "lang=" in target.query or target.path.endswith(("/acknowledge", "/close", "/events"))
            if link.startswith(SKIPPED) or target.netloc or loops or target.path in ("/logout", ""):
                continue
            waiting.append(whole)
    return found


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("role", ["admin", "welfare", "farm", "technician", "auditor"])
def test_every_link_leads_somewhere_and_no_text_is_missing(console: Rig, role: str, lang: str) -> None:
    console.sign_in(role)
    pages = crawl(console, lang)
    assert {path: status for path, (status, _) in pages.items() if status not in (200, 303)} == {}
    keys = set(entries())
    for path, (_, html) in pages.items():
        if "<html" in html:
            assert f'<html lang="{lang}">' in html, path
            words = set(re.findall(r"[a-z-]+\.[a-z0-9-]+", text_of(html)))
            assert not words & keys, f"{path} shows a key instead of its text"
            assert "{" not in text_of(html), path
            assert len(re.findall(r"<h1", html)) == 1, path
    least = {"admin": 25, "welfare": 10, "farm": 12, "technician": 20, "auditor": 3}[role]
    assert len(pages) > least, sorted(pages)


def test_no_page_carries_inline_script_or_style(console: Rig) -> None:
    console.sign_in("admin")
    for path, (_, html) in crawl(console, "ja").items():
        if "<html" in html:
            assert not re.search(r"<script(?![^>]*\bsrc=)", html), path
            assert not re.search(r"\sstyle=|\son[a-z]+=|<style", html), path
            assert "http://" not in html.replace("http://www.w3.org", ""), path
            assert "https://" not in html, path


def test_the_board_says_what_is_so_and_what_to_do_next(console: Rig) -> None:
    console.sign_in("admin")
    html = console.get("/").text
    said = text_of(html)
    assert "1人と1か所、すぐに確認してください。" in said
    assert "2027年1月19日(火) 3:12 現在。" in said
    assert said.count("引き受ける") == 2
    assert "pi-b03が2:07から届いていません" in said
    assert "静かなのではなく、届いていません" in said
    assert "土のセンサーの値が動きません" in said
    order = [html.index(f'id="{key}"') for key in ("urgent", "unknown", "tech")]
    assert order == sorted(order)
    english = text_of(console.get("/?lang=en").text)
    assert "1 person and 1 place need you now." in english
    assert "Tuesday 19 January 2027, 03:12." in english
    assert "I have it" in english
    assert '<html lang="en">' in console.get("/").text, "the language is remembered"


def test_unknown_is_never_green(console: Rig) -> None:
    console.sign_in("admin")
    html = console.get("/").text
    home = re.search(r'<a class="(state[^"]*)" href="/homes/home-b-03">', html)
    assert home is not None
    assert home[1] == "state--unknown dim"
    roof = html[html.index("空き家 C-2") - 400 : html.index("空き家 C-2")]
    assert "state--unknown chip" in roof, "without a design load nothing is judged"
    page = console.get("/homes/home-b-03").text
    assert "g-gap" in page
    assert 'class="state--fine"' not in page[page.index("<h1") : page.index("</h1>")]


def test_a_blind_gateway_does_not_say_that_all_is_well(built: Built, tmp_path: Path) -> None:
    blind = TownState(time_us=NOW_US, blind_since_us=NOW_US - 600_000_000, judging=False)
    down = [RoleState("broker", False, 3, "gone")]
    with open_town(built, tmp_path / "t", state=lambda: blind, roles=lambda: down) as parts, rig(parts) as console:
        console.sign_in("welfare")
        said = text_of(console.get("/").text)
        assert "いま、町の様子が分かりません。" in said
        assert "異状がないという意味ではありません" in said
        assert "一部が止まり、起動し直しています(broker)" in said
        assert "異状はありません。" not in said
        assert console.get("/healthz").status_code == 503


def test_old_judgement_is_told_with_its_time(console: Rig) -> None:
    console.sign_in("welfare")
    console.parts.clock.pass_s(20 * 60)
    assert "3:12から判断が止まっています" in text_of(console.get("/").text)


def test_taking_an_alert_is_one_tap_and_closing_takes_an_outcome(console: Rig) -> None:
    console.sign_in("welfare")
    number = console.alert("home-silence")
    page = f"/alerts/{number}"
    assert "引き受けて、本人に電話してください。" in console.get(page).text
    assert console.post(f"{page}/acknowledge", page).headers["location"] == page
    assert "あなたが引き受けています。" in console.get(page).text
    assert "結果を1つ選んでください" in console.get(page).text
    assert console.parts.context.ledger.get(number).acknowledged_by == "welfare1"
    assert console.post(f"{page}/close", page, outcome="nonsense").status_code == 409
    assert console.post(f"{page}/close", page, outcome="out").status_code == 303
    assert "結果は「外出」" in console.get(page).text
    late = console.post(f"{page}/acknowledge", "/alerts")
    assert late.status_code == 409
    assert "ほかの人が先でした" in late.text


def test_another_person_is_named_and_can_be_relieved(console: Rig) -> None:
    number = console.alert("home-silence")
    console.parts.context.ledger.acknowledge(number, "welfare2", NOW_US)
    console.sign_in("welfare")
    page = f"/alerts/{number}"
    assert "welfare2が引き受けています。" in console.get(page).text
    console.post(f"{page}/acknowledge", page)
    assert "あなたが引き受けています。" in console.get(page).text


@pytest.mark.parametrize(
    ("role", "open_pages", "closed_pages"),
    [
        ("welfare", ["/", "/homes/home-a-07", "/roofs/roof-hall"], ["/nodes", "/accounting", "/fields/field-east"]),
        ("farm", ["/", "/fields/field-east", "/roofs/roof-hall"], ["/homes/home-a-07", "/nodes", "/audit"]),
        ("technician", ["/nodes", "/nodes/pi-a07", "/accounting"], ["/homes/home-a-07", "/audit", "/mail"]),
        ("auditor", ["/audit", "/accounting"], ["/homes/home-a-07", "/fields/field-east", "/nodes"]),
        ("admin", ["/", "/homes/home-a-07", "/fields/field-east", "/nodes", "/audit"], ["/mail"]),
    ],
)
def test_each_role_sees_its_own_and_nothing_else(
    console: Rig, role: str, open_pages: list[str], closed_pages: list[str]
) -> None:
    console.sign_in(role)
    assert {path: console.get(path).status_code for path in open_pages} == dict.fromkeys(open_pages, 200)
    refused = {path: console.get(path).status_code for path in closed_pages}
    assert set(refused.values()) <= {403, 404}


def test_what_a_role_may_not_see_is_absent(console: Rig) -> None:
    console.sign_in("farm")
    for path, (_, html) in crawl(console, "ja").items():
        assert "A-07" not in html, path
        assert "home-" not in html, path
    console.post("/logout")
    console.sign_in("technician")
    for path, (_, html) in crawl(console, "ja").items():
        assert "/motion" not in html, path
        assert "/homes/" not in html, path
    assert console.get("/series/pir-a07-living/motion").status_code == 403
    assert console.get("/series/pir-a07-living/motion.csv").status_code == 403
    assert console.get("/series/pir-a07-living/motion/points.json?start=0&end=1").status_code == 403
    assert console.get("/series/pir-a07-living/battery_v").status_code == 200


def test_a_name_that_is_markup_is_shown_as_text_and_a_formula_is_no_formula(built: Built, tmp_path: Path) -> None:
    with open_town(built, tmp_path / "evil", evil=True) as parts, rig(parts) as console:
        console.sign_in("admin")
        for path, (_, html) in crawl(console, "ja").items():
            assert EVIL not in html, path
        assert "&lt;img src=x onerror=alert(1)&gt;" in console.get("/").text
        table = console.get("/series/cell-hall/snow_load_kg_m2.csv").text
        assert table.startswith("\ufeff日時,雪の重さ kg/m²,場所")
        rows = table.splitlines()[1:]
        assert len(rows) == 144
        assert all(row.endswith(",'=1+1") for row in rows)
        assert rows[-1].startswith("2027-01-19T03:12:00+09:00,")


def test_a_number_below_zero_stays_a_number_in_the_file(console: Rig) -> None:
    console.sign_in("technician")
    rows = console.get("/series/pir-a07-living/rssi_dbm.csv").text.splitlines()[1:]
    assert all(float(row.split(",")[1]) < -70 for row in rows)


def test_what_is_not_there_is_told_in_words(console: Rig) -> None:
    console.sign_in("admin")
    for path in MISSING:
        answer = console.get(path)
        assert answer.status_code in (404, 422), path
        assert "Traceback" not in answer.text
        assert "できませんでした。" in answer.text, path
    assert console.get("/series/cell-hall/snow_load_kg_m2?span=century").status_code == 422
    assert console.get("/accounting?days=0").status_code == 422


def test_an_unforeseen_failure_gives_an_id_and_no_trace(built: Built, tmp_path: Path) -> None:
    well = [True]

    def state() -> TownState:
        if well[0]:
            return built.state
        raise ZeroDivisionError("a secret path /var/lib/x.db")

    with open_town(built, tmp_path / "t", state=state) as parts, rig(parts) as console:
        console.sign_in("admin")
        well[0] = False
        answer = console.get("/api/v1/nodes", **console.token("read"))
        assert answer.status_code == 500
        assert re.search(r"[0-9a-f]{8}", answer.json()["error"]["detail"])
        assert "secret" not in answer.text
        assert "ZeroDivision" not in answer.text
        page = console.get("/alerts")
        assert page.status_code == 500
        assert re.search(r"番号 [0-9a-f]{8} を情報係に", page.text)
        assert "secret" not in page.text


def test_without_the_browser_libraries_pages_work_and_say_so(
    console: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(assets, "VENDOR", tmp_path / "nothing")
    console.sign_in("admin")
    html = console.get("/series/cell-hall/snow_load_kg_m2").text
    assert "グラフの部品が入っていません" in html
    assert '<details class="no-print" open>' in html
    assert "vendor/" not in html
    number = console.alert("roof-load-danger")
    assert console.post(f"/alerts/{number}/acknowledge", f"/alerts/{number}").status_code == 303


def test_the_demo_shows_its_mailbox_and_nobody_else_has_one(built: Built, tmp_path: Path) -> None:
    box = tmp_path / "mail"
    box.mkdir()
    (box / "1.eml").write_text(
        "Subject: =?utf-8?b?6Iez5oClIDIwMjctMDExOS0wMQ==?=\nTo: toban@example.org\n"
        f"Date: Tue, 19 Jan 2027 03:05:00 +0900\nContent-Type: text/plain; charset=utf-8\n\n番号 2027-0119-01 {EVIL}\n",
        "utf-8",
    )
    with open_town(built, tmp_path / "t", mailbox=box) as parts, rig(parts) as console:
        console.sign_in("admin")
        html = console.get("/mail").text
        assert "至急 2027-0119-01" in html
        assert "3:05" in html
        assert EVIL not in html
        assert "至急 2027-0119-01" in console.get("/").text
        console.post("/logout")
        console.sign_in("welfare")
        assert console.get("/mail").status_code == 404


def test_pages_are_kept_by_no_cache_and_carry_the_headers_of_safety(console: Rig) -> None:
    console.sign_in("welfare")
    for path in ("/", "/homes/home-a-07", "/login", "/nope", "/api/v1/series"):
        headers = console.get(path).headers
        assert headers["cache-control"] == "no-store", path
        csp = headers["content-security-policy"]
        for part in ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert part in csp
        assert "unsafe" not in csp
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert console.get("/static/satomori.css").headers["x-content-type-options"] == "nosniff"
    assert PASSWORD not in console.get("/").text
