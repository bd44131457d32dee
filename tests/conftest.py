"""What every test may lean on: which real parts are here, and a list at the end of what could not be proven."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "satomori"
INSTALL = {
    "mosquitto": "apt-get install mosquitto",
    "browser": "apt-get install chromium fonts-noto-cjk",
    "compiler": "apt-get install gcc g++ make",
    "influx": ".ci/influxd (needs Go and cargo), or set INFLUXDB_URL and INFLUXDB_TOKEN",
}
_missing_seen: dict[str, list[str]] = {}

settings.register_profile("house", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def _found(part: str) -> bool:
    if part == "mosquitto":
        return shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin") is not None
    if part == "browser":
        return shutil.which("chromium") is not None
    if part == "compiler":
        return all(shutil.which(name) for name in ("cc", "c++", "make"))
    influxd = os.environ.get("SATOMORI_INFLUXD", CACHE / "influxd-2.7.12" / "influxd")
    return "INFLUXDB_URL" in os.environ or Path(influxd).is_file()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A missing part skips by name on a person's machine, and fails where CI says that nothing may be missing."""
    for part, command in INSTALL.items():
        marked = [item for item in items if item.get_closest_marker(part)]
        if not marked or _found(part):
            continue
        _missing_seen[part] = [item.nodeid for item in marked]
        if os.environ.get("CI") == "true":
            pytest.exit(f"CI=true and {part} is missing: {command}", returncode=1)
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=f"{part} is not here: {command}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say by name what this run did not prove."""
    for part, nodes in _missing_seen.items():
        terminalreporter.section(f"not proven here: {part} ({len(nodes)} tests); to prove it: {INSTALL[part]}")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, no user's locale: a test must not depend on who runs it."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
