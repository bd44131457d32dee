import ast

import pytest
from repository import ROOMS, files, functions, modules, named

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}
PROGRAMS = [path for path in files() if path.suffix in {".py", ".js"}]


def test_no_file_is_longer_than_a_person_reads() -> None:
    long = {named(path): n for path in PROGRAMS if (n := len(path.read_text("utf-8").splitlines())) > MAX_FILE_LINES}
    assert not long, "a room is missing: split by noun"


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{named(path)}:{name}": lines
        for path in modules(*ROOMS)
        for name, lines in functions(path)
        if lines > MAX_FUNCTION_LINES
    }
    assert not long


def test_modules_are_named_by_what_they_hold() -> None:
    assert not [named(path) for path in modules(*ROOMS, "tests") if path.stem in EMPTY_NAMES]


def test_broad_excepts_stand_in_the_two_supervisors_only() -> None:
    found = {
        named(path)
        for path in modules(*ROOMS)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ExceptHandler) and _swallows_everything(node)
    }
    assert found <= {"edge/agent.py", "gateway/supervisor.py"}


def _swallows_everything(node: ast.ExceptHandler) -> bool:
    broad = node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
    return broad and not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)


def test_silenced_checks_are_rare_and_give_their_reason() -> None:
    marks = ["# no" + "qa", "# type: " + "ignore"]
    lines = [(named(path), line) for path in modules(*ROOMS) for line in path.read_text("utf-8").splitlines()]
    silenced = [(path, line) for path, line in lines if any(mark in line for mark in marks)]
    assert len(silenced) * 1000 <= max(len(lines), 1), silenced
    assert not [one for one in silenced if not any(f"{mark}{end}" in one[1] for mark in marks for end in (":", "["))]


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME", "Not" + "ImplementedError"])
def test_nothing_is_left_for_later(word: str) -> None:
    assert not [named(path) for path in modules(*ROOMS, "tests") if word in path.read_text("utf-8")]


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for path in modules("tests")]
    assert not sorted({name for name in names if names.count(name) > 1} - {"conftest.py"})  # pytest wants that name
