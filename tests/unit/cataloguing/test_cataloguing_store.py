"""Proposals are kept as events: two people at once lose nothing, and an import is kept whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from cataloguing_cases import NOON, calendar, event

from catalog.cataloguing.proposal import Kind, Origin, Purpose, State
from catalog.cataloguing.store import CataloguingStore, Opening
from catalog.sharing.journal import OvertakenError, UnknownMatter
from catalog.sharing.machine import Role


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'app.db'}"


@pytest.fixture
def store(address: str) -> Iterator[CataloguingStore]:
    opened = CataloguingStore(address, calendar())
    yield opened
    opened.close()


def opening(name: str = "甲", dept: str = "gaj") -> Opening:
    return Opening(dept, "张三", NOON, Origin(Purpose.NEW, start="空白"), {"name": name})


def test_a_proposal_is_numbered_and_replayed(store: CataloguingStore, address: str) -> None:
    first, second = store.open(opening()), store.open(opening("乙"))
    assert (first.number, second.number) == ("ML2026-000001", "ML2026-000002")
    store.move(first.number, event(Kind.SUBMIT, Role.CATALOGUER), seen=1)
    other = CataloguingStore(address, calendar())
    assert other.proposal(first.number).state is State.TO_SIGN
    assert other.proposal(second.number).document == {"name": "乙"}
    other.close()
    with pytest.raises(UnknownMatter, match="ML2026-000009"):
        store.proposal("ML2026-000009")


def test_the_second_of_two_writers_is_told_and_loses_nothing(store: CataloguingStore) -> None:
    number = store.open(opening()).number
    barrier, told = threading.Barrier(2), []

    def write(name: str) -> None:
        barrier.wait()
        try:
            store.move(number, event(Kind.SAVE, Role.CATALOGUER, document={"name": name}), seen=1)
        except OvertakenError as error:
            told.append(str(error))

    threads = [threading.Thread(target=write, args=(name,)) for name in ("乙", "丙")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    assert "请刷新后再办" in told[0]
    assert len(store.proposal(number).events) == 2


def test_an_import_is_kept_whole_or_not_at_all(store: CataloguingStore) -> None:
    made = store.open_batch("PL-1", [opening("甲"), opening("乙", "mzj")])
    assert [proposal.origin.batch for proposal in made] == ["PL-1", "PL-1"]
    assert [proposal.number for proposal in store.proposals(dept="mzj")] == [made[1].number]
    broken = Opening("gaj", "张三", NOON, Origin(Purpose.NEW), {"name": object()})
    with pytest.raises(sa.exc.StatementError):
        store.open_batch("PL-2", [opening("丙"), broken])
    assert store.proposals(batch="PL-2") == []
    assert len(store.proposals()) == 2


def test_events_can_be_neither_changed_nor_removed(store: CataloguingStore, address: str) -> None:
    store.open(opening())
    engine = sa.create_engine(address)
    for statement in ("delete from catalogue_proposal_event", "update catalogue_proposal set dept = 'x'"):
        with pytest.raises(sa.exc.IntegrityError, match="append-only"), engine.begin() as db:
            db.execute(sa.text(statement))
    engine.dispose()
