from collections.abc import Iterator
from pathlib import Path

import pytest
from console_rig import Rig
from console_town import Clock
from sqlalchemy import Engine, delete, update

from gateway.people import People
from gateway.people.tables import audit_table
from gateway.records import open_records


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_records(tmp_path / "records.db")
    yield made
    made.dispose()


def test_a_changed_or_deleted_row_breaks_the_chain_and_is_named(engine: Engine) -> None:
    audit = People(engine, Clock()).audit
    for number in range(5):
        audit.write("chief", "view", f"home {number}")
    assert (audit.verify().rows, audit.verify().broken_id) == (5, 0)
    with engine.begin() as connection:
        connection.execute(update(audit_table).where(audit_table.c.id == 3).values(actor="somebody else"))
    assert audit.verify().broken_id == 3
    with engine.begin() as connection:
        connection.execute(update(audit_table).where(audit_table.c.id == 3).values(actor="chief"))
        connection.execute(delete(audit_table).where(audit_table.c.id == 2))
    assert audit.verify().broken_id == 3


def test_two_processes_write_one_chain(tmp_path: Path) -> None:
    engines = [open_records(tmp_path / "records.db") for _ in range(2)]
    audits = [People(engine, Clock()).audit for engine in engines]
    for number in range(10):
        audits[number % 2].write("chief", "view", f"home {number}")
    assert audits[0].verify() == audits[1].verify()
    assert (audits[0].verify().rows, audits[0].verify().broken_id) == (10, 0)
    for engine in engines:
        engine.dispose()


def test_control_characters_stay_on_one_line(engine: Engine) -> None:
    audit = People(engine, Clock()).audit
    audit.write("eve\nadmin login ok\x1b[2J\u202e", "login", "session")
    row = audit.rows()[0]
    assert row.actor == "eve\\nadmin login ok\\x1b[2J\\u202e"


def test_looking_at_a_home_is_written_down_once_a_minute(console: Rig) -> None:
    console.sign_in("welfare")
    audit = console.parts.context.people.audit
    for _ in range(3):
        console.get("/homes/home-a-07")
        console.get("/series/pir-a07-living/motion")
    views = [row for row in audit.rows() if row.object == "home home-a-07"]
    assert [(row.actor, row.action, row.result) for row in views] == [("welfare1", "view", "ok")]
    console.parts.clock.pass_s(61)
    console.get("/homes/home-a-07")
    assert len([row for row in audit.rows() if row.object == "home home-a-07"]) == 2
    assert audit.verify().broken_id == 0


def test_what_was_refused_and_what_was_done_is_written_down(console: Rig) -> None:
    console.sign_in("farm", "wrong guess here")
    console.sign_in("farm")
    console.get("/homes/home-a-07")
    console.get(f"/alerts/{console.alert('home-silence')}")
    console.post("/logout")
    console.sign_in("welfare")
    number = console.alert("home-silence")
    console.post(f"/alerts/{number}/acknowledge", f"/alerts/{number}")
    console.post(f"/alerts/{number}/close", f"/alerts/{number}", outcome="fine")
    rows = [(r.actor, r.action, r.object, r.result) for r in console.parts.context.people.audit.rows()]
    assert ("farm1", "login", "session", "refused") in rows
    assert ("farm1", "login", "session", "ok") in rows
    assert ("farm1", "view", "home home-a-07", "refused") in rows
    assert ("farm1", "view", f"alert {number}", "refused") in rows
    assert ("welfare1", "acknowledge", f"alert {number}", "ok") in rows
    assert ("welfare1", "close fine", f"alert {number}", "ok") in rows


def test_who_was_refused_an_alert_is_not_among_those_who_saw_it(console: Rig) -> None:
    number = console.alert("home-silence")
    console.sign_in("farm")
    assert console.get(f"/alerts/{number}").status_code == 404
    console.post("/logout")
    console.sign_in("welfare")
    page = console.get(f"/alerts/{number}").text
    assert "welfare1" in page
    assert "farm1" not in page


def test_the_auditor_reads_the_audit_and_sees_a_broken_chain(console: Rig) -> None:
    console.sign_in("auditor")
    assert "記録の鎖は、切れていません" in console.get("/audit").text
    with console.parts.context.people.audit._engine.begin() as connection:
        connection.execute(update(audit_table).where(audit_table.c.id == 1).values(result="never mind"))
    assert "1行目で切れています" in console.get("/audit").text
    assert console.get("/homes/home-a-07").status_code == 403
