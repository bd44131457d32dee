"""A real browser against a real server over real parts: sign in, the board, an alert, a chart, in both languages."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_rig import serve
from console_town import PASSWORD, Built, Parts, build, open_town
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from gateway.console import assets

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES: dict[str, ViewportSize] = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}
PAGES = [
    "/",
    "/alerts",
    "/homes/home-a-07",
    "/homes/home-b-03",
    "/fields/field-east",
    "/roofs/roof-hall",
    "/series/cell-hall/snow_load_kg_m2?span=week",
    "/series/pir-c15-living/motion",
    "/nodes",
    "/nodes/pi-town",
    "/accounting",
    "/audit",
    "/api/",
    "/nowhere",
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assets.install()
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


@pytest.fixture
def parts(built: Built, tmp_path: Path) -> Iterator[Parts]:
    with open_town(built, tmp_path / "town") as made:
        yield made


@pytest.fixture
def address(parts: Parts) -> Iterator[str]:
    with serve(parts) as origin:
        yield origin


@pytest.fixture(scope="module")
def axe() -> str:
    return (assets.packages(dev=True).node_modules / "axe-core" / "axe.min.js").read_text("utf-8")


class Eye:
    """One person at one screen; whatever the browser complains of is kept."""

    def __init__(self, browser: Browser, address: str, size: str, lang: str = "ja", scheme: str = "light") -> None:
        self.context = browser.new_context(
            base_url=address,
            viewport=SIZES[size],
            locale={"ja": "ja-JP", "en": "en-GB"}[lang],
            color_scheme="dark" if scheme == "dark" else "light",
        )
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self._heard(said.type, said.text))

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "status of 404" not in text:
            self.complaints.append(text)

    def sign_in(self, role: str = "admin") -> None:
        self.page.goto("/login")
        self.page.fill("input[name=login]", f"{role}1")
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_url("**/")

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []


def drawn(page: Page) -> None:
    """Every chart of the page is drawn."""
    count = page.locator(".uchart").count()
    expect(page.locator(".uchart[data-drawn=yes] canvas")).to_have_count(count)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("size", list(SIZES))
def test_somebody_signs_in_reads_the_board_and_a_chart(browser: Browser, address: str, size: str, lang: str) -> None:
    eye = Eye(browser, address, size, lang)
    page = eye.page
    page.goto("/")
    assert page.locator("html").get_attribute("lang") == lang
    assert fits(page)
    eye.sign_in()
    sentence = {"ja": "1人と1か所、すぐに確認してください。", "en": "1 person and 1 place need you now."}[lang]
    expect(page.locator("h1")).to_have_text(sentence)
    take = page.locator(".btn--main").first
    if size == "phone":
        box = take.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < SIZES["phone"]["height"], "the act lies within the first screen"
        assert box["height"] >= 60
    assert fits(page)
    page.goto("/series/cell-hall/snow_load_kg_m2?span=week")
    drawn(page)
    assert fits(page)
    shown = page.locator(".uchart").get_attribute("aria-label")
    assert shown is not None
    assert "362" in shown
    page.locator("summary").click()
    assert page.locator("table tbody tr").count() > 100
    eye.close()


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("size", list(SIZES))
def test_no_page_scrolls_sideways_and_axe_finds_nothing(
    browser: Browser, address: str, parts: Parts, axe: str, size: str, lang: str
) -> None:
    eye = Eye(browser, address, size, lang, scheme="dark" if lang == "en" else "light")
    eye.page.goto("/login")
    found = {"/login": _violations(eye.page, axe)}
    eye.sign_in()
    for path in [*PAGES, f"/alerts/{parts.context.ledger.open()[0].id}"]:
        eye.page.goto(path)
        drawn(eye.page)
        assert fits(eye.page), path
        found[path] = _violations(eye.page, axe)
    eye.close()
    assert {path: problems for path, problems in found.items() if problems} == {}


def _violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    result: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']} ({one['impact']}): {json.dumps([n['html'][:120] for n in one['nodes'][:2]], ensure_ascii=False)}"
        for one in result["violations"]
    ]


def test_at_twice_the_size_nothing_scrolls_sideways(browser: Browser, address: str) -> None:
    eye = Eye(browser, address, "phone")
    eye.sign_in()
    eye.page.set_viewport_size({"width": 320, "height": 640})
    for path in PAGES[:8]:
        eye.page.goto(path)
        drawn(eye.page)
        assert fits(eye.page), path
    eye.close()


def test_taking_and_closing_an_alert_stays_on_the_page(browser: Browser, address: str, parts: Parts) -> None:
    eye = Eye(browser, address, "desk")
    eye.sign_in("welfare")
    page = eye.page
    number = next(alert.id for alert in parts.context.ledger.open() if alert.rule == "home-silence")
    page.goto(f"/alerts/{number}")
    page.evaluate("window.stayed = true")
    page.get_by_role("button", name="引き受ける").click()
    expect(page.locator("h1")).to_have_text("あなたが引き受けています。")
    expect(page.locator("#next")).to_be_focused()
    page.get_by_role("button", name="外出").click()
    expect(page.locator("h1")).to_have_text("閉じました。結果は「外出」。")
    assert page.evaluate("window.stayed"), "written into the page where the act was"
    assert parts.context.ledger.get(number).outcome == "out"
    eye.close()


def test_without_scripts_the_same_buttons_work(browser: Browser, address: str, parts: Parts) -> None:
    context = browser.new_context(base_url=address, java_script_enabled=False, locale="ja-JP")
    page = context.new_page()
    page.goto("/login")
    page.fill("input[name=login]", "welfare1")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.locator("button.btn--main").first.click()
    expect(page.locator("h1")).to_have_text("あなたが引き受けています。")
    assert [alert.acknowledged_by for alert in parts.context.ledger.open()].count("welfare1") == 1
    page.goto("/roofs/roof-hall")
    expect(page.locator("noscript p").first).to_be_visible()
    context.close()


def test_news_appear_as_a_line_and_move_nothing(browser: Browser, address: str, parts: Parts) -> None:
    eye = Eye(browser, address, "desk")
    eye.sign_in()
    page = eye.page
    with page.expect_response("**/api/v1/events") as listening:
        page.goto("/")
    assert listening.value.status == 200
    link = page.locator("a", has_text="くわしく").first
    link.focus()
    before = page.evaluate("[scrollY, document.activeElement.href]")
    stuck = next(alert.id for alert in parts.context.ledger.open() if alert.rule == "soil-stuck")
    parts.context.ledger.acknowledge(stuck, "kikai", parts.clock())
    expect(page.locator("#news .note")).to_contain_text("1件ふえました")
    assert page.evaluate("[scrollY, document.activeElement.href]") == before
    assert "kikai" not in page.locator("main").inner_text(), "nothing changes under a finger"
    page.get_by_text("表示する").click()
    expect(page.locator("main")).to_contain_text("kikaiが3:12に引き受け")
    eye.close()


def test_logging_out_leaves_nothing_behind(browser: Browser, address: str) -> None:
    eye = Eye(browser, address, "desk")
    eye.sign_in("welfare")
    page = eye.page
    page.goto("/homes/home-a-07")
    page.get_by_role("button", name="ログアウト").click()
    page.wait_for_url("**/login")
    page.go_back()
    page.wait_for_url("**/login**")
    assert "反応がありません" not in page.content()
    eye.close()


def test_everything_can_be_reached_by_keyboard(browser: Browser, address: str) -> None:
    eye = Eye(browser, address, "desk")
    eye.sign_in("welfare")
    page = eye.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('btn--main')"):
            break
    assert page.evaluate("document.activeElement.textContent") == "引き受ける"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/alerts/*")
    expect(page.locator("h1")).to_have_text("あなたが引き受けています。")
    eye.close()
