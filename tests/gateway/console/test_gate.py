import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_rig import TOKEN, Rig, rig
from console_town import PASSWORD, Built, Clock, open_town

from gateway.errors import RecordsError
from gateway.people import People
from gateway.people.passwords import MEMORY_KIB, complaint
from gateway.people.tables import session_table, token_table, user_table
from gateway.people.users import PasswordRefused
from gateway.records import open_records


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    engine = open_records(tmp_path / "records.db")
    yield People(engine, Clock())
    engine.dispose()


def test_nobody_can_sign_in_before_the_first_run_and_its_code_works_once(fresh: Rig) -> None:
    parts = fresh.parts
    people = parts.context.people
    code = people.first_run.code(parts.folder)
    assert code is not None
    file = parts.folder / "first-run-code"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert people.first_run.code(parts.folder) == code, "a restart keeps the code"
    assert fresh.get("/").headers["location"] == "/first-run"

    def make(code: str, login: str, password: str) -> int:
        return fresh.post("/first-run", "/first-run", code=code, login=login, password=password).status_code

    assert make("wrong", "chief", PASSWORD) == 401
    assert make(code, "chief", "password1") == 422, "a password everybody tries"
    assert make(code, "Bad Name", PASSWORD) == 422
    assert make(f" {code.upper()} ", "chief", PASSWORD) == 303
    assert [(u.login, u.role) for u in people.users.list()] == [("chief", "admin")]
    assert not file.exists()
    assert people.first_run.use(code, "second", PASSWORD) is None
    assert people.first_run.code(parts.folder) is None
    assert fresh.get("/first-run").headers["location"] == "/login"
    assert fresh.get("/").status_code == 200, "who set it up is signed in"


def test_wrong_login_and_wrong_password_are_told_alike_and_login_works(console: Rig) -> None:
    wrong = console.post("/login", "/login", login="welfare1", password="not this one")
    unknown = console.post("/login", "/login", login="nobody", password="not this one")
    assert wrong.status_code == unknown.status_code == 401
    said = "利用者IDかパスワードが違います"
    assert said in wrong.text
    assert said in unknown.text
    assert 'value="welfare1"' in wrong.text, "what was typed stays"
    assert console.sign_in("welfare").status_code == 303
    assert console.get("/").status_code == 200


def test_a_session_is_new_at_login_and_dead_after_logout_on_the_server(console: Rig) -> None:
    console.get("/login")
    before = console.client.cookies["satomori"]
    console.sign_in("welfare")
    cookie = console.client.cookies["satomori"]
    assert cookie != before
    assert len(cookie) >= 43, "256 bits"
    console.post("/logout")
    console.client.cookies.set("satomori", cookie)
    assert console.get("/").headers["location"] == "/login"


def test_a_session_ends_after_half_an_hour_of_rest_and_after_twelve_hours_at_work(console: Rig) -> None:
    console.sign_in("welfare")
    console.parts.clock.pass_s(29 * 60)
    assert console.get("/").status_code == 200
    console.parts.clock.pass_s(29 * 60)
    assert console.get("/").status_code == 200, "what is done keeps it awake"
    console.parts.clock.pass_s(31 * 60)
    assert console.get("/").status_code == 303
    console.sign_in("welfare")
    for _ in range(26):
        console.parts.clock.pass_s(28 * 60)
        console.get("/")
    assert console.get("/").status_code == 303


def test_disabling_ends_sessions_at_once_and_a_token_can_be_revoked(console: Rig) -> None:
    console.sign_in("farm")
    people = console.parts.context.people
    people.users.disable("farm1")
    assert console.get("/").status_code == 303
    assert console.sign_in("farm").status_code == 401
    people.users.enable("farm1")
    headers = console.token("read")
    assert console.get("/api/v1/series", **headers).status_code == 200
    people.tokens.revoke(people.tokens.list()[0].name)
    assert console.get("/api/v1/series", **headers).status_code == 401


def test_guessing_is_slowed_down_by_account_and_address_but_never_at_the_gateway_itself(people: People) -> None:
    clock = Clock()
    people.throttle._now_us = clock
    for _ in range(10):
        people.throttle.failed("chief", "192.0.2.7")
    assert 30 < people.throttle.wait_s("chief", "192.0.2.7") <= 60
    assert people.throttle.wait_s("chief", "192.0.2.8") > 0, "the account, from elsewhere"
    assert people.throttle.wait_s("other", "192.0.2.7") > 0, "the address, another account"
    assert people.throttle.wait_s("chief", "127.0.0.1") == 0, "nobody can lock the keyboard at the gateway"
    clock.pass_s(61)
    assert people.throttle.wait_s("chief", "192.0.2.7") == 0


def test_the_login_page_says_how_long_to_wait(console: Rig) -> None:
    for _ in range(4):
        console.sign_in("welfare", "wrong guess")
    answer = console.sign_in("welfare")
    assert answer.status_code == 429
    assert "秒待ってから" in answer.text
    assert int(answer.headers["retry-after"]) >= 1
    console.parts.clock.pass_s(3)
    assert console.sign_in("welfare").status_code == 303


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "short"),
        ("x" * 257, "long"),
        ("toban1toban1", "login"),
        ("toban123", ""),
        ("aaaaaaaaaa", "repeated"),
        ("abcabcabcabc", "repeated"),
        ("12345678", "run"),
        ("qwertyuiop", "run"),
        ("password1", "common"),
        ("Satomori1", "common"),
        ("ｐａｓｓｗｏｒｄ", "common"),
        ("雪の降る町を、ゆっくり歩く", ""),
        ("x7" * 32, "repeated"),
        ("correct horse battery staple, and sixty-four characters of it all", ""),
    ],
)
def test_passwords_that_everybody_tries_are_refused(password: str, why: str) -> None:
    assert complaint(password, "toban1") == why


def test_the_stored_password_is_argon2id_and_no_secret_lies_in_the_file(people: People, tmp_path: Path) -> None:
    people.users.add("chief", "admin", PASSWORD)
    session = people.sessions.open(people.users.list()[0])
    token = people.tokens.add("exporter", ["read"], 30)
    with people.users._engine.connect() as connection:
        stored = connection.execute(user_table.select()).mappings().one()["password"]
        rows = [*connection.execute(session_table.select()), *connection.execute(token_table.select())]
    assert stored.startswith("$argon2id$")
    assert int(stored.split("m=")[1].split(",")[0]) == MEMORY_KIB >= 19 * 1024
    assert not any(secret in str(row) for row in rows for secret in (session, token, PASSWORD))
    written = b"".join(path.read_bytes() for path in tmp_path.glob("records.db*"))
    assert not any(secret.encode() in written for secret in (session, token, PASSWORD))


def test_users_and_tokens_are_refused_with_words(people: People) -> None:
    people.users.add("chief", "admin", PASSWORD)
    for login, role, words in [
        ("chief", "admin", "is taken"),
        ("a\nb", "admin", "wanted 2 to 31"),
        ("ok-name", "king", "wanted one of admin"),
    ]:
        with pytest.raises(RecordsError, match=words):
            people.users.add(login, role, PASSWORD)
    with pytest.raises(PasswordRefused, match="every list"):
        people.users.add("ok-name", "farm", "password1")
    people.tokens.add("exporter", ["read"], 1)
    for name, scopes, days, words in [
        ("exporter", ["read"], 1, "is taken"),
        ("x", ["read"], 1, "wanted a name"),
        ("other", ["write"], 1, "wanted one or more"),
        ("other", [], 1, "got none"),
        ("other", ["acknowledge"], 1, "a read scope beside"),
        ("other", ["read"], 0, "wanted 1 to"),
    ]:
        with pytest.raises(RecordsError, match=words):
            people.tokens.add(name, scopes, days)


def test_over_tls_the_cookie_has_the_host_prefix_and_every_flag(built: Built, tmp_path: Path) -> None:
    url = "https://gateway.example"
    with open_town(built, tmp_path / "tls", public_url=url) as parts, rig(parts) as console:
        page = console.get("/login")
        first = page.headers["set-cookie"].split(";")[0]
        token = TOKEN.search(page.text)
        assert token is not None
        form = {"form_token": token[1], "login": "welfare1", "password": PASSWORD}
        answer = console.client.post("/login", data=form, headers={"Origin": url, "Cookie": first})
        cookie = answer.headers["set-cookie"]
        assert answer.status_code == 303
        assert cookie.startswith("__Host-satomori=")
        assert all(flag in cookie for flag in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"))
        assert "Domain" not in cookie
        assert answer.headers["strict-transport-security"]


def test_on_plain_http_the_cookie_is_still_hidden_from_scripts(console: Rig) -> None:
    cookie = console.sign_in("welfare").headers["set-cookie"]
    assert cookie.startswith("satomori=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_the_login_leads_back_to_where_somebody_wanted_to_go_but_never_elsewhere(console: Rig) -> None:
    assert console.get("/homes/home-a-07").headers["location"] == "/login?next=%2Fhomes%2Fhome-a-07"
    for target, leads in [
        ("/alerts", "/alerts"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\e", "/"),
    ]:
        answer = console.post("/login", "/login", login="admin1", password=PASSWORD, target=target)
        assert answer.headers["location"] == leads
        console.post("/logout")
