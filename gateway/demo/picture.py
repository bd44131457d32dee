"""A picture of the board, taken by a real browser that signs in as a person would. For developers: needs playwright."""

import os
import secrets
import shutil
from pathlib import Path

from gateway.demo import words
from gateway.demo.folder import DemoError

LOGIN = "photographer"
WIDTH, HEIGHT = 1280, 1560  # the alerts and the roofs
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_MS = 30_000


def take(target: Path, url: str, code: str) -> str:
    """Sign in with the first-run code and write the picture; the password that was made. `….en.png` is in English.

    DemoError where playwright or a browser is missing, or the page does not come.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise DemoError(words.NO_PICTURE) from error
    program = next((found for name in _PROGRAMS if (found := shutil.which(name))), None)
    language = "en-GB" if ".en" in target.suffixes else "ja-JP"
    password = secrets.token_urlsafe(18)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=program, args=arguments)
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale=language)
            page.set_default_timeout(_PATIENCE_MS)
            page.goto(f"{url}/first-run")
            for name, value in (("code", code), ("login", LOGIN), ("password", password)):
                page.fill(f"input[name={name}]", value)
            page.click("main button[type=submit]")
            page.wait_for_url(f"{url}/")
            page.screenshot(path=target)
            browser.close()
    except Error as error:
        raise DemoError(f"{words.NO_PICTURE}\n{error}") from error
    return password
