from pathlib import Path
from typing import Any

import pytest
from rig import NOW_US, a_registry, an_ingest
from uplinks import EUI, TOPIC, uplink

from gateway.ingest import Ingest, Message
from gateway.journal import Journal, evidence
from gateway.journal.commit import REMEMBERED
from gateway.settings import Device

REGISTRY = a_registry(devices=[Device(id="field1-lora", model="dragino/lse01", site="field-1", dev_eui=EUI)])


@pytest.fixture
def ingest(tmp_path: Path) -> Any:
    made = an_ingest(tmp_path, REGISTRY)
    yield made
    made.journal.close()


def numbered(number: int) -> Message:
    return Message(TOPIC, uplink(deduplicationId=f"uplink-{number:06}"))


def seqs(journal: Journal) -> list[int]:
    return [raw.seq for raw in journal.read(0, 1000)]


def test_what_its_server_does_not_number_is_numbered_here_without_a_hole(ingest: Ingest) -> None:
    ingest.take([numbered(1), numbered(2)])
    ingest.take([numbered(3)])
    assert seqs(ingest.journal) == [1, 2, 3]
    (stream,) = ingest.journal.streams()
    assert (stream.mark, stream.ranges) == (3, [])


def test_a_repetition_is_known_in_one_commit_in_the_next_and_after_a_restart(ingest: Ingest, tmp_path: Path) -> None:
    ingest.take([numbered(1), numbered(1)])
    ingest.take([numbered(1)])
    ingest.journal.close()
    again = an_ingest(tmp_path, REGISTRY)
    again.take([numbered(1), numbered(2)])
    assert seqs(again.journal) == [1, 2]
    assert evidence.counters(again.journal)["duplicate", f"chirpstack/{EUI}"] == 3
    again.journal.close()


def test_a_repetition_is_known_among_the_newest_only(ingest: Ingest) -> None:
    ingest.take([numbered(n) for n in range(REMEMBERED)])
    ingest.take([numbered(0)])
    assert ingest.journal.last_id == REMEMBERED
    ingest.take([numbered(REMEMBERED)])
    ingest.take([numbered(0)])
    assert ingest.journal.last_id == REMEMBERED + 2


def test_a_commit_that_failed_leaves_no_memory_of_its_contents(ingest: Ingest) -> None:
    arrival = ingest._understand(numbered(1), NOW_US)
    assert not isinstance(arrival, str)
    broken = arrival._replace(source="chirpstack/x", payload=object())  # type: ignore[arg-type]
    with pytest.raises(Exception, match="type"):
        ingest.journal.commit([arrival, broken], now_us=NOW_US)
    ingest.take([numbered(1)])
    assert seqs(ingest.journal) == [1]
