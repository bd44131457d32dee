import re
from pathlib import Path
from typing import get_args

import pytest

from gateway import console
from gateway.alerts import Happening, Outcome
from gateway.console import phrasebook
from gateway.console.phrasebook import entries, say
from gateway.people.nouns import ROLES
from gateway.states import ORDER, Level, Verdict

HERE = Path(console.__file__).parent
SOURCES = [
    *HERE.rglob("*.html"),
    *HERE.rglob("*.py"),
    *(HERE.parent / "people").glob("*.py"),
    *(HERE.parent / "api").glob("*.py"),
]
KEY = re.compile(r"""['"]([a-z][a-z-]*\.[a-z0-9][a-z0-9-]*)['"]""")
GROWN = re.compile(r"""(?:t\('|t\(f"|\.t\(f")([a-z-]+\.[a-z-]*)(?:'\s*~|\{)""")
FILES = (".html", ".json", ".css", ".js", ".txt", ".toml", ".svg", ".py")
HOLE = re.compile(r"\{(\w+)")


def used() -> tuple[set[str], set[str]]:
    whole: set[str] = set()
    grown: set[str] = set()
    for path in SOURCES:
        text = path.read_text("utf-8")
        whole |= {key for key in KEY.findall(text) if not key.endswith(FILES) and key not in ("http.request",)}
        grown |= set(GROWN.findall(text))
    return whole, grown


def test_every_text_exists_in_both_languages_with_the_same_values() -> None:
    for key, texts in entries().items():
        assert set(texts) == {"ja", "en"}, key
        assert all(text.strip() or key.startswith("list.") for text in texts.values()), key
        names = [set(HOLE.findall(texts[lang])) for lang in ("ja", "en")]
        assert names[0] == names[1] or key == "board.called", f"{key}: {names}"
        assert re.search(r"[ぁ-んァ-ヶ一-龠]", texts["ja"]) or key in UNTRANSLATED, key
        assert not re.search(r"[ぁ-んァ-ヶ一-龠]", texts["en"]) or key == "shell.other-language", key
        assert "!" not in texts["en"], f"{key}: no exclamation marks"


UNTRANSLATED = {
    "shell.other-language", "list.comma", "list.dot", "list.pair", "roof.load-age", "soil.depth", "home.title",
    "site.says", "alert.about", "telling.other",
}  # fmt: skip


def test_pages_use_only_texts_there_are_and_every_text_is_used() -> None:
    whole, grown = used()
    groups = {key.split(".")[0] for key in entries()}
    wanted = {key for key in whole if key.split(".")[0] in groups}
    assert wanted - set(entries()) == set()
    unused = {key for key in entries() if key not in wanted and not any(key.startswith(start) for start in grown)}
    assert {key for key in unused if key.split(".")[0] not in GIVEN} == set()


GIVEN = {"password", "outcome", "state", "state-short", "happening"}  # their names come from the nouns below


@pytest.mark.parametrize(
    ("group", "names"),
    [
        ("state", ORDER),
        ("state-short", ORDER),
        ("role", ROLES),
        ("level", [level for level in get_args(Level) if level != "unknown"]),
        ("value", get_args(Verdict)),
        ("outcome", get_args(Outcome)),
        ("happening", get_args(Happening)),
        ("home", [f"say-{key}" for key in ORDER]),
        ("roof", [f"say-{key}" for key in ORDER]),
        ("password", ["short", "long", "login", "repeated", "run", "common"]),
    ],
)
def test_every_noun_has_its_text(group: str, names: list[str]) -> None:
    assert {f"{group}.{name}" for name in names} <= set(entries())


def test_words_never_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    assert say("ja", "no.such-key") == "no.such-key"
    odd = {"ja": "100 % {n} {missing} {} %s {0}", "en": "{n} {n|home|homes}"}
    monkeypatch.setattr(phrasebook, "entries", lambda: {"x.y": odd})
    assert say("ja", "x.y", n="{n} %d {}") == "100 % {n} %d {} {missing} {} %s {0}"
    assert [say("en", "x.y", n=n) for n in (0, 1, 2)] == ["0 homes", "1 home", "2 homes"]
