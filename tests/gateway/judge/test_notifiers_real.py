import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from mail_server import MailServer, mail_server
from notifier_rules import message

from gateway.errors import NotifyError, SettingsError
from gateway.notify import configured
from gateway.notify.email import Email
from gateway.notify.webhook import Webhook


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def email(server: MailServer, *to: str) -> Email:
    return Email(
        name="duty",
        host="127.0.0.1",
        port=server.port,
        security="none",
        sender="satomori@example.jp",
        to=list(to or ("duty@example.jp",)),
        timeout_s=5,
    )


def test_a_mail_speaks_both_languages_japanese_first(server: MailServer) -> None:
    email(server).notify(message())
    (mail,) = server.mails
    text = mail.get_content()
    assert text.index("反応がありません") < text.index("No movement in any room for 5 h 10 min.")
    assert text.count("http://127.0.0.1:8420/alerts/3") == 2
    assert "新しい知らせです" in text


def test_the_subject_says_how_urgent_and_the_number_and_nothing_else(server: MailServer) -> None:
    email(server).notify(message())
    assert server.mails[0]["Subject"] == "【至急】知らせ 2027-0115-03 / Urgent: alert 2027-0115-03"


def test_the_same_message_told_twice_has_the_same_id(server: MailServer) -> None:
    for _ in range(2):
        email(server).notify(message())
    assert [mail["Message-ID"] for mail in server.mails] == ["<0123456789abcdef@example.jp>"] * 2
    assert server.mails[0]["Date"] == server.mails[1]["Date"]


def test_everybody_gets_a_mail_of_their_own(server: MailServer) -> None:
    email(server, "one@example.jp", "two@example.jp").notify(message())
    assert [mail["To"] for mail in server.mails] == ["one@example.jp", "two@example.jp"]


def test_no_text_adds_a_header_or_a_recipient(server: MailServer) -> None:
    evil = "x\r\nBcc: all@example.jp\r\n.\r\nMAIL FROM:<a@b>"
    item = msgspec.structs.replace(message().items[0], title_ja=evil, number=evil)
    email(server).notify(message(items=(item,)))
    assert server.recipients == ["duty@example.jp"]
    assert server.mails[0]["Bcc"] is None


@pytest.mark.parametrize("address", ["a@b.jp\r\nBcc: all@b.jp", "nobody", "a@b@c", "あ@example.jp", "a b@c.jp"])
def test_an_address_that_could_add_a_header_is_refused_when_read(address: str) -> None:
    with pytest.raises(ValueError, match="an address like"):
        Email(name="duty", host="127.0.0.1", sender="satomori@example.jp", to=[address])


def test_a_password_is_never_sent_in_clear_to_another_computer() -> None:
    with pytest.raises(ValueError, match="starttls or tls"):
        Email(name="d", host="mail.example.jp", sender="a@b.jp", to=["a@b.jp"], security="none", username="a")


@pytest.mark.parametrize(("answer", "again"), [("451 busy", True), ("552 full", False)])
def test_a_refused_mail_says_what_the_server_said(server: MailServer, answer: str, again: bool) -> None:
    server.answer = answer
    with pytest.raises(NotifyError, match=answer) as caught:
        email(server).notify(message())
    assert caught.value.retryable is again


def test_a_recipient_who_is_refused_does_not_keep_it_from_the_others(server: MailServer) -> None:
    server.refuse = {"gone@example.jp": "550 no such user"}
    with pytest.raises(NotifyError, match="550 no such user") as caught:
        email(server, "gone@example.jp", "duty@example.jp").notify(message())
    assert server.recipients == ["duty@example.jp"]
    assert not caught.value.retryable


def test_a_server_without_starttls_gets_nothing_in_clear(server: MailServer) -> None:
    careful = msgspec.structs.replace(email(server), security="starttls")
    with pytest.raises(NotifyError, match="STARTTLS") as caught:
        careful.notify(message())
    assert caught.value.retryable
    assert server.mails == []


class Hook:
    """What a webhook's receiver heard; `status` is its answer."""

    def __init__(self) -> None:
        self.status = 204
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.url = ""


@contextmanager
def hook_server() -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.heard.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(hook.status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with hook_server() as hook:
        yield hook


def test_a_webhook_posts_the_message_with_its_key_and_a_signature(hook: Hook, tmp_path: Path) -> None:
    secret = tmp_path / "hook.secret"
    secret.write_text("s3cret\n")
    Webhook(name="duty", url=hook.url, secret_file=str(secret)).notify(message())
    headers, body = hook.heard[0]
    assert headers["Idempotency-Key"] == "0123456789abcdef"
    assert headers["X-Satomori-Signature"] == "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    said = json.loads(body)
    assert said["subject_ja"] == "【至急】知らせ 2027-0115-03"
    assert said["alerts"][0]["reason_en"] == "No movement in any room for 5 h 10 min."


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_a_webhook_knows_what_may_pass(hook: Hook, status: int) -> None:
    hook.status = status
    with pytest.raises(NotifyError, match=str(status)) as caught:
        Webhook(name="duty", url=hook.url).notify(message())
    assert caught.value.retryable is (status in (429, 500, 503))
    assert len(hook.heard) == 1, "a redirect is not followed"


def test_a_webhook_whose_secret_is_gone_waits_for_it(hook: Hook, tmp_path: Path) -> None:
    with pytest.raises(NotifyError) as caught:
        Webhook(name="duty", url=hook.url, secret_file=str(tmp_path / "none")).notify(message())
    assert caught.value.retryable
    assert hook.heard == []


def test_notifiers_are_read_from_their_tables(tmp_path: Path) -> None:
    (tmp_path / "mail.password").write_text("x")
    tables = [
        {
            "kind": "email",
            "name": "duty",
            "host": "mail.example.jp",
            "sender": "a@example.jp",
            "to": ["b@example.jp"],
            "username": "a",
            "password_file": "mail.password",
            "severities": ["urgent"],
        },
        {"kind": "webhook", "name": "chat", "url": "https://chat.example.jp/hook"},
    ]
    mail, chat = configured(tables, str(tmp_path / "satomori.toml"))
    assert isinstance(mail, Email)
    assert mail.password_file == str(tmp_path / "mail.password")
    assert mail.severities == ("urgent",)
    assert chat.severities == ("urgent", "watch", "tech")


def test_every_mistake_in_the_tables_is_told_at_once(tmp_path: Path) -> None:
    tables: list[dict[str, Any]] = [
        {"kind": "pigeon", "name": "coo"},
        {"kind": "webhook", "name": "chat", "url": "ftp://x", "colour": "red", "severities": ["loud"]},
        {"kind": "webhook", "name": "two", "url": "http://x/", "secret_file": "none.secret"},
        {"kind": "email", "name": "duty", "host": "h", "sender": "a", "to": []},
        {"kind": "webhook", "name": "two", "url": "http://y/"},
    ]
    with pytest.raises(SettingsError) as caught:
        configured(tables, str(tmp_path / "satomori.toml"))
    told = {mistake.key for mistake in caught.value.mistakes}
    assert told == {
        "notifier.coo.kind",
        "notifier.chat.url",
        "notifier.chat.colour",
        "notifier.chat.severities",
        "notifier.two.secret_file",
        "notifier.duty.to",
        "notifier.two",
    }
