"""One demo from its start to its account: a town of separate processes, started, watched and stopped by this one."""

import email
import email.policy
import http.client
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TextIO

import msgspec

from gateway.demo import account, folder, words
from gateway.demo.folder import DemoError
from gateway.demo.mailbox import Mailbox
from gateway.demo.processes import Processes
from gateway.demo.progress import Bar, stored
from gateway.demo.stories import Story
from gateway.demo.town import Ports, Size

STEP_S = 5.0  # judged so often, so that a story is told when it happens
START_S, PAST_S, SETTLE_S = 60.0, 300.0, 2.5
_TICK_S = 0.25


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for on the command line. `seconds`: since the command was given, 0 = until Ctrl-C."""

    size: Size
    folder: Path
    port: int = 8420
    seconds: float = 0.0
    screenshot: Path | None = None


class Demo:
    """See the module. `out`: where it talks to whoever watches."""

    def __init__(self, wish: Wish, out: TextIO | None = None) -> None:
        self._wish = wish
        self._out = out or sys.stdout
        self._stop = threading.Event()
        self._began_s = time.monotonic()
        self._failed = False

    def run(self) -> int:
        """Run it. 0 where the account adds up, 1 where it does not. DemoError where it cannot start."""
        before = {number: signal.signal(number, self._told_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            return self._run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _told_to_stop(self, *_: object) -> None:
        self._stop.set()

    def _run(self) -> int:
        wish = self._wish
        if not _is_free(wish.port):
            raise DemoError(words.PORT_TAKEN.format(port=wish.port))
        root = folder.prepare(wish.folder)
        ports = Ports(page=wish.port, broker=_free_port(), smtp=_free_port())
        stories = folder.write(root, wish.size, ports, STEP_S, time.time_ns() // 1000)
        mailbox = Mailbox(root / "mailbox", ports.smtp)
        mailbox.start()
        processes = Processes(root, {"SATOMORI_MAILBOX": str(root / "mailbox")})
        try:
            self._say(words.HELLO.format(folder=root))
            self._begin(processes, root)
            self._tell(stories)
            self._watch(processes, root, stories)
            return self._end(processes, root)
        finally:
            processes.stop()
            mailbox.stop()

    def _begin(self, processes: Processes, root: Path) -> None:
        """Start everything and let the past arrive."""
        plan = str(root / "simulation.toml")
        processes.start("gateway", "gateway", "run", str(root / "satomori.toml"))
        self._say(words.WRITING)
        status, answer, complaint = processes.ask("edge.simulator", "past", plan, timeout_s=120)
        if status != 0:
            (root / "logs" / "past.log").write_text(complaint, "utf-8")
            raise DemoError(words.LOST.format(name="edge.simulator past", said=words.last(complaint)))
        code_file = root / "var" / "first-run-code"
        self._await(lambda: _hears(self._wish.port) and code_file.is_file(), processes, "gateway", START_S)
        processes.start("simulator", "edge.simulator", "live", plan)  # a broker keeps nothing for who never subscribed
        for node in _nodes(root):
            processes.start(node, "edge", "run", str(root / "nodes" / f"{node}.toml"))
        if not self._done():
            self._say(words.PAGE.format(port=self._wish.port, code=code_file.read_text("ascii").strip()))
            self._arrive(processes, root, int(json.loads(answer)["readings"]))

    def _arrive(self, processes: Processes, root: Path, expected: int) -> None:
        self._say(words.ARRIVING)
        bar, journal = Bar(expected, self._out), root / "var" / "journal.db"
        deadline_s = time.monotonic() + PAST_S
        while not self._done() and time.monotonic() < deadline_s:
            count, waiting = stored(journal)
            is_in = count >= expected
            bar.show(count, last=is_in)
            if is_in and waiting < 100:
                return
            self._mend(processes)
            self._stop.wait(_TICK_S)
        if not self._done():
            self._say(words.SLOW)

    def _tell(self, stories: list[Story]) -> None:
        if self._done():
            return
        self._say(words.NEXT)
        for story in stories:
            self._say(words.announced(story, time.time_ns() // 1000))
        self._say(words.STOP)

    def _watch(self, processes: Processes, root: Path, stories: list[Story]) -> None:
        """Until it is time to stop: mend what ends, tell of mails, take the picture once every story was told."""
        seen: set[Path] = set()
        target = self._wish.screenshot
        late_us = max(story.told_us for story in stories) + 60_000_000
        while not self._done():
            self._mend(processes)
            for path in sorted(set((root / "mailbox").glob("*.eml")) - seen):
                seen.add(path)
                self._say(words.MAIL.format(clock=words.clock(), subject=_subject(path)))
            if target and (len(seen) >= len(stories) or time.time_ns() // 1000 > late_us):
                self._picture(root, target)
                target = None
            self._stop.wait(_TICK_S)

    def _picture(self, root: Path, target: Path) -> None:
        from gateway.demo import picture

        code_file = root / "var" / "first-run-code"
        if not code_file.is_file():
            self._say(words.CODE_USED)
            return
        url = f"http://127.0.0.1:{self._wish.port}"
        try:
            password = picture.take(target.resolve(), url, code_file.read_text("ascii").strip())
        except DemoError as error:
            self._failed = True
            self._say(str(error))
        else:
            self._say(words.PICTURE.format(path=target, login=picture.LOGIN, password=password))

    def _end(self, processes: Processes, root: Path) -> int:
        """Stop in the order in which readings flow, and account for every one of them."""
        self._say(words.ENDING)
        late = processes.stop(["simulator"])
        pause = threading.Event()
        pause.wait(SETTLE_S)
        late += processes.stop(_nodes(root))  # all first: one that had just begun still makes its outbox
        nodes = [node for node in _nodes(root) if (root / "nodes" / f"{node}.outbox.db").exists()]
        outboxes = account.flush(processes, root, nodes)
        late += processes.stop(["gateway"])
        if late:
            self._say(words.LATE.format(names=", ".join(late)))
        lines, good = account.account(processes, root, outboxes)
        self._say(account.table(lines, good))
        return 0 if good and not self._failed else 1

    def _mend(self, processes: Processes) -> None:
        for name in processes.mend():
            if name.endswith("!"):
                raise DemoError(words.LOST.format(name=name[:-1], said=words.last(processes.said(name[:-1]))))
            self._say(words.MENDED.format(name=name))

    def _await(self, ready: Callable[[], bool], processes: Processes, name: str, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not self._done() and not ready():
            if name in processes.lost() or time.monotonic() > deadline_s:
                raise DemoError(words.LOST.format(name=name, said=words.last(processes.said(name))))
            self._stop.wait(_TICK_S)

    def _done(self) -> bool:
        seconds = self._wish.seconds
        return self._stop.is_set() or bool(seconds and time.monotonic() - self._began_s >= seconds)

    def _say(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def _nodes(root: Path) -> list[str]:
    return sorted(path.stem for path in (root / "nodes").glob("*.toml"))


def _subject(path: Path) -> str:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    return str(message["Subject"])


def _hears(port: int) -> bool:
    """Whether the page is there, and the gateway behind it subscribed at its broker."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return json.loads(connection.getresponse().read()).get("connected") is True
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
