"""One town for the whole session, copied for each test that changes something."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from console_rig import Rig, rig
from console_town import Built, Parts, build, open_town


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture
def parts(built: Built, tmp_path: Path) -> Iterator[Parts]:
    with open_town(built, tmp_path / "town") as made:
        yield made


@pytest.fixture
def console(parts: Parts) -> Iterator[Rig]:
    with rig(parts) as made:
        yield made


@pytest.fixture
def fresh(built: Built, tmp_path: Path) -> Iterator[Rig]:
    with open_town(built, tmp_path / "town", empty=True) as parts, rig(parts) as made:
        yield made
