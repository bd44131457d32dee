"""Documentation is tested: what it names exists, what it shows works, what it lists is complete."""

import re
import shlex
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel
from readme_tables import READMES, filled
from repository import ROOMS, ROOT, files, named

from edge import cli as edge_cli
from gateway import cli as gateway_cli
from gateway import notify
from gateway.settings import Settings, load

PAGES = [path for path in files() if path.suffix == ".md"]
FILE_ENDINGS = {"toml", "db", "key", "password", "token", "secret", "md", "json", "jsonl", "py", "pem", "yaml", "yml"}
MODULE = re.compile(rf"(?<![\w./-])(?:{'|'.join(ROOMS)})(?:\.[a-zA-Z_]\w*)+")
TREE = re.compile(rf"(?<![\w./-])(?:{'|'.join((*ROOMS, 'tests', 'docs', '.ci'))})/[\w./-]*\w")
PROGRAMS = {"satomori": gateway_cli.main, "satomori-edge": edge_cli.main}
COMMAND = re.compile(r"(?:^|`|\n)(?:\$ )?(satomori(?:-edge)?(?: [^`\n]*)?)")
CONFIGURATION = ROOT / "docs" / "configuration.md"


def _ids(paths: list[Path]) -> list[str]:
    return [named(path) for path in paths]


@pytest.mark.parametrize("page", PAGES, ids=_ids(PAGES))
def test_every_module_a_page_names_exists(page: Path) -> None:
    names = {name for name in MODULE.findall(page.read_text("utf-8")) if name.rsplit(".", 1)[-1] not in FILE_ENDINGS}
    assert not sorted(name for name in names if not _exists(name))


def _exists(name: str) -> bool:
    parent, _, last = name.rpartition(".")
    if find_spec(parent) is None:
        return False
    try:
        if find_spec(name) is not None:
            return True
    except ModuleNotFoundError:
        pass
    return hasattr(import_module(parent), last)


@pytest.mark.parametrize("page", PAGES, ids=_ids(PAGES))
def test_every_file_a_page_names_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    places = {name for name in TREE.findall(text) if "…" not in name and "<" not in name}
    links = {link for link in re.findall(r"\]\(([^)#]+)", text) if ":" not in link}
    missing = [name for name in sorted(places) if not (ROOT / name).exists() and not _made_later(name)]
    missing += [link for link in sorted(links) if not (page.parent / link).exists()]
    assert not missing


def _made_later(name: str) -> bool:
    return "/vendor" in name or Path(name).stem in {"beacon", "rise", "siren"}  # what CONTRIBUTING.md lets one write


def _shown(page: Path) -> list[str]:
    return [line.split("  #")[0].split(" | ")[0].strip() for line in COMMAND.findall(page.read_text("utf-8"))]


def _help(program: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> str | None:
    capsys.readouterr()
    try:
        PROGRAMS[program]([*words, "--help"])
    except SystemExit as ended:
        return capsys.readouterr().out if not ended.code else None
    return capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=_ids(PAGES))
def test_every_command_a_page_shows_is_one(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in _shown(page):
        program, *words = shlex.split(line.split(" \\")[0], comments=True)
        plain = [word for word in words if re.fullmatch(r"[a-z]+", word)]
        options = [word for word in words if word.startswith("--") and word not in {"--help", "--version"}]
        told = _help(program, plain[:2], capsys) or _help(program, plain[:1], capsys)
        assert told is not None, f"{named(page)}: {line}"
        assert "VERB" not in told or len(plain) < 2, f"{named(page)}: {line}"
        assert not [option for option in options if option not in told], f"{named(page)}: {line}"


@pytest.mark.parametrize("page", READMES.values(), ids=_ids(list(READMES.values())))
def test_the_readme_shows_every_command(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = page.read_text("utf-8")
    for program in PROGRAMS:
        told = _help(program, [], capsys) or ""
        for name in re.findall(r"^    ([a-z]+) ", told, re.M):
            assert re.search(rf"{program} {name}\b", text), f"{program} {name}"


@pytest.mark.parametrize("page", READMES.values(), ids=_ids(list(READMES.values())))
def test_every_make_target_a_readme_shows_is_one(page: Path) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    shown = re.findall(r"(?:^|`)make ([a-z]+)", page.read_text("utf-8"), re.M)
    assert shown
    assert set(shown) <= set(targets)


@pytest.mark.parametrize("language", READMES)
def test_the_table_of_devices_is_current(language: str) -> None:
    text = READMES[language].read_text("utf-8")
    assert text == filled(text, language), "run: python tests/readme_tables.py"


def test_both_readmes_tell_the_same_story() -> None:
    english, japanese = (READMES[one].read_text("utf-8") for one in ("en", "ja"))
    assert english.count("\n## ") == japanese.count("\n## ")
    fences = [re.findall(r"^```\w*", text, re.M) for text in (english, japanese)]
    assert fences[0] == fences[1]
    assert set(_shown(READMES["en"])) == set(_shown(READMES["ja"]))


def _sample() -> str:
    (block,) = re.findall(r"```toml\n(.*?)```", CONFIGURATION.read_text("utf-8"), re.S)
    return str(block)


def test_the_sample_configuration_is_a_good_one(tmp_path: Path) -> None:
    (tmp_path / "town.toml").write_text(_sample(), "utf-8")
    for secret in ("mail.password", "mail-ca.pem", "chat.secret"):
        (tmp_path / secret).write_text("x\n")
    settings = load(tmp_path / "town.toml")
    assert len(notify.configured(settings.notifier, str(tmp_path / "town.toml"))) == 2


def test_the_starting_configuration_of_the_readme_is_a_good_one() -> None:
    assert load(ROOT / "docs" / "town.toml").node[0].id == "node-017"


def _fields(model: Any) -> dict[str, Any]:
    if issubclass(model, BaseModel):
        return {name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()}
    return {field.name: field.default for field in msgspec.structs.fields(model)}


def test_the_configuration_page_has_every_key_and_its_default() -> None:
    table = tomllib.loads(_sample())
    models: dict[str, Any] = {name: field.annotation for name, field in Settings.model_fields.items()}
    for name, annotation in models.items():
        inner = getattr(annotation, "__args__", (annotation,))[0]
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            continue
        rows = table[name] if isinstance(table[name], list) else [table[name]]
        assert {key for row in rows for key in row} == set(_fields(inner)), name
    for row in table["notifier"]:
        assert set(row) - {"kind"} == set(_fields(notify.notifiers()[row["kind"]])), row["kind"]
    assert {row["kind"] for row in table["notifier"]} == set(notify.notifiers())


def test_what_the_configuration_page_calls_default_is_the_default() -> None:
    marked = re.findall(r"^(\w+) = (\S.*?) +# default(?:;|$)", _sample(), re.M)
    assert len(marked) > 15
    defaults: dict[str, list[Any]] = {}
    sections = [field.annotation for field in Settings.model_fields.values()]
    models = [getattr(one, "__args__", (one,))[0] for one in sections]
    models += [
        Settings.model_fields["store"].annotation.model_fields["influx"].annotation,
        *notify.notifiers().values(),
    ]  # type: ignore[union-attr]
    for model in models:
        if isinstance(model, type) and issubclass(model, BaseModel | msgspec.Struct):
            for name, value in _fields(model).items():
                defaults.setdefault(name, []).append(value)
    for key, text in marked:
        value = tomllib.loads(f"x = {text}")["x"]
        known = [
            list(one) if isinstance(one, tuple) else str(one) if isinstance(one, Path) else one for one in defaults[key]
        ]
        assert value in known, f"{key}: the page says {value!r}, the code {known}"
