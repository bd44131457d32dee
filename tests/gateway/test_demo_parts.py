"""The demo's small parts: its TOML, its folder, its bar, its account."""

import io
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import settings as edge_settings
from gateway import settings
from gateway.demo import account, folder, plain, town
from gateway.demo.account import Line
from gateway.demo.folder import DemoError
from gateway.demo.progress import Bar, stored
from gateway.demo.town import Ports, Size

keys = st.text("abcdefghij-_ .", min_size=1, max_size=8)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12),
)
tables = st.recursive(
    st.dictionaries(keys, st.one_of(scalars, st.lists(scalars, max_size=3)), max_size=4),
    lambda inner: st.dictionaries(keys, st.one_of(scalars, inner, st.lists(inner, min_size=1, max_size=2)), max_size=3),
    max_leaves=6,
)


@given(tables)
def test_what_is_written_is_read_back(table: plain.Table) -> None:
    assert tomllib.loads(plain.render(table)) == table


def test_only_plain_values_are_written() -> None:
    with pytest.raises(TypeError):
        plain.render({"a": object()})


@pytest.mark.parametrize(("homes", "fields"), [(0, 0), (3, 2), (14, 5)])
def test_every_file_of_a_town_is_read_by_the_side_it_is_for(tmp_path: Path, homes: int, fields: int) -> None:
    root = folder.prepare(tmp_path / "town")
    size = Size(seed=1, homes=homes, fields=fields)
    stories = folder.write(root, size, Ports(page=1, broker=2, smtp=3), 5.0, 1_800_000_000_000_000)
    loaded = settings.load(root / "satomori.toml")
    assert len(stories) == 1 + (homes > 0) + (fields > 0)
    assert [site.kind for site in loaded.site].count("home") == homes
    assert {node.id for node in loaded.node if node.sealed} == {
        d.node for d in loaded.device if d.site.startswith("home")
    }
    for node in loaded.node:
        read = edge_settings.load(root / "nodes" / f"{node.id}.toml")
        listed = {device.id for driver in read.drivers for device in driver.devices()}
        assert listed == {device.id for device in loaded.device if device.node == node.id}
        key = root / "var" / "nodes" / f"{node.id}.key"
        assert key.stat().st_mode & 0o777 == 0o600


def test_nothing_but_a_demos_own_folder_is_emptied(tmp_path: Path) -> None:
    root = folder.prepare(tmp_path / "town")
    (root / "old.txt").write_text("from last time")
    assert [path.name for path in folder.prepare(root).iterdir()] == [folder.MARK]
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoError, match="--folder"):
        folder.prepare(tmp_path / "file")
    with pytest.raises(DemoError, match="--folder"):
        folder.prepare(tmp_path)


def test_a_bar_without_a_terminal_is_plain_lines(tmp_path: Path) -> None:
    out = io.StringIO()
    bar = Bar(200, out)
    bar.show(50)
    bar.show(60)
    bar.show(250, last=True)
    assert out.getvalue().splitlines() == [
        "  2週間分 / two weeks:  25%  50 / 200",
        "  2週間分 / two weeks: 100%  200 / 200",
    ]
    assert stored(tmp_path / "none.db") == (0, 0)


@pytest.mark.parametrize(
    ("line", "good"),
    [
        (Line(source="node-1", read=5, sent=5, stored=5), True),
        (Line(source="chirpstack", read=5, sent=0, stored=0), False),
        (Line(source="node-1", read=6, sent=5, stored=5), False),
        (Line(source="node-1", read=5, sent=5, stored=4), False),
        (Line(source="node-1", read=5, sent=5, stored=5, waiting=1), False),
    ],
)
def test_an_account_adds_up_or_says_where_not(line: Line, good: bool) -> None:
    assert line.good is good
    text = account.table([line], good)
    assert ("← !" in text) is not good
    assert ("it adds up" in text) is good


def test_home_codes_are_codes_and_differ() -> None:
    layout = town.layout(Size(homes=40))
    labels = [site["label_ja"] for site in layout.sites if site["kind"] == "home"]
    assert len(set(labels)) == 40
    assert labels[:3] == ["A-07", "B-07", "C-07"]
