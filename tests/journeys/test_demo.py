"""`satomori demo` as a person types it: life within a minute, an account that adds up, nothing left."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path

import httpx
import pytest
from town import free_port
from waiting import wait_until

pytestmark = pytest.mark.mosquitto


class Typed:
    """The command in a directory of its own, so that whatever it leaves can be seen."""

    def __init__(self, root: Path, *words: str) -> None:
        self.root = root
        self.port = free_port()
        self.folder = root / "here" / "satomori-demo"
        for name in ("here", "home", "tmp"):
            (root / name).mkdir(exist_ok=True)
        environment = {**os.environ, "HOME": str(root / "home"), "TMPDIR": str(root / "tmp"), "PYTHONUNBUFFERED": "1"}
        environment["XDG_CACHE_HOME"] = str(root / "home")
        self.began_s = time.monotonic()
        with (root / "said.txt").open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "demo", "--port", str(self.port), *words],
                cwd=root / "here",
                env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return (self.root / "said.txt").read_text("utf-8")

    def ids(self) -> list[int]:
        """Ids of every process that works in this demo's folder, the broker too."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if str(self.folder).encode() in command:
                found.append(int(process.name))
        return found

    def until_page(self) -> None:
        wait_until(lambda: "code     " in self.said or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.said

    def browser(self) -> httpx.Client:
        """A client that keeps its cookies, as a browser does."""
        url = f"http://127.0.0.1:{self.port}"
        return httpx.Client(base_url=url, follow_redirects=True, trust_env=False, timeout=20)

    def sign_in(self, page: httpx.Client) -> None:
        """Become the first admin, with the code that was printed."""
        self.until_page()
        code = re.search(r"code +([a-z0-9-]{20,})", self.said)
        assert code is not None, self.said
        form = page.get("/first-run").text
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
        answers = {"code": code[1], "login": "watcher", "password": "seven-snowy-owls-41"}
        origin = {"Origin": f"http://127.0.0.1:{self.port}"}
        assert page.post("/first-run", data={**dict(hidden), **answers}, headers=origin).status_code == 200

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)

    def strangers(self) -> list[str]:
        """Files that are not in the demo's own folder."""
        found = [path for path in self.root.rglob("*") if path.is_file() and self.folder not in path.parents]
        return [str(path.relative_to(self.root)) for path in found if path.name != "said.txt"]


@contextmanager
def typed(root: Path, *words: str) -> Iterator[Typed]:
    running = Typed(root, *words)
    try:
        yield running
    finally:
        running.end()


def test_a_page_with_life_in_a_minute_and_an_account_that_adds_up(tmp_path: Path) -> None:
    with typed(tmp_path, "--seed", "11") as town, town.browser() as page:
        town.sign_in(page)
        wait_until(lambda: re.search(r"2\d\d\skg/m²・たった今", page.get("/").text) is not None, 120, 0.5)
        print(f"a page with life {time.monotonic() - town.began_s:.0f} s after the command (aim 60)")
        wait_until(lambda: "100%" in town.said, 240)
        assert len(json.loads((town.folder / "processes.json").read_text())) == 9
        assert len(town.ids()) >= 10
        town.process.send_signal(signal.SIGINT)
        assert town.process.wait(120) == 0, town.said
        assert "read = sent = stored: it adds up." in town.said
        total = re.search(r"^ +=  +([\d,]+) +([\d,]+) +([\d,]+)$", town.said, re.MULTILINE)
        assert total is not None
        assert total[1] == total[2] == total[3]
        assert int(total[1].replace(",", "")) > 80_000
        assert town.ids() == []
        assert town.strangers() == []


@pytest.mark.parametrize("moment", ["first word", "page"])
def test_ctrl_c_at_an_early_moment_still_adds_up_and_leaves_nothing(tmp_path: Path, moment: str) -> None:
    with typed(tmp_path, "--homes", "1", "--fields", "1") as town:
        wait_until(lambda: "Writing two weeks" in town.said, 20)
        if moment == "page":
            town.until_page()
        town.process.send_signal(signal.SIGINT)
        assert town.process.wait(120) == 0, town.said
        assert "it adds up" in town.said
        assert town.ids() == []
        assert not any((town.folder / "ports").iterdir())


def test_no_process_outlives_a_demo_that_is_killed(tmp_path: Path) -> None:
    with typed(tmp_path, "--homes", "1", "--fields", "1") as town:
        town.until_page()
        wait_until(lambda: len(town.ids()) >= 5, 20)
        town.process.kill()
        town.process.wait(10)
        wait_until(lambda: not town.ids(), 20)


def test_a_folder_that_is_not_a_demos_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "here" / "satomori-demo" / "thesis.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("ten years")
    with typed(tmp_path) as town:
        assert town.process.wait(30) == 1
        assert "--folder" in town.said
        assert "Traceback" not in town.said
        assert precious.read_text() == "ten years"


def test_a_size_out_of_range_is_wrong_use(tmp_path: Path) -> None:
    with typed(tmp_path, "--homes", "1000") as town:
        assert town.process.wait(30) == 2
        assert town.strangers() == []


if os.environ.get("SATOMORI_LONG"):

    def test_three_mails_in_five_real_minutes(tmp_path: Path) -> None:
        with typed(tmp_path, "--seconds", "320") as town:
            assert town.process.wait(420) == 0, town.said
            mails = sorted((town.folder / "mailbox").glob("*.eml"))
            subjects = [str(message_from_bytes(m.read_bytes(), policy=policy.default)["Subject"]) for m in mails]
            assert len(subjects) == 3, subjects
            assert sum("Urgent" in subject for subject in subjects) == 2
