"""A database of an earlier version gets the columns that are new, and loses nothing."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.access.app_database import open_app_database
from catalog.access.model import Decision
from catalog.access.store import AccessStore, AuditEvent

OLD = """
create table audit_event (
    event_id integer primary key autoincrement, at varchar(40) not null, request_id varchar(40) not null,
    key_id varchar(12), dept varchar(20), action varchar(20) not null, resource varchar(100) not null,
    filters json not null, row_count integer not null, allowed boolean not null, code varchar(40) not null,
    reason varchar(500) not null, basis varchar(300) not null)
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database as it was before the audit named applications, with the guard against changes."""
    place = tmp_path / "app.db"
    with sqlite3.connect(place) as db:
        db.execute(OLD)
        db.execute("insert into audit_event values (1, 'x', 'r', null, null, 'a', 'r', '[]', 0, 1, 'c', 'old', 'b')")
        db.execute(
            "create trigger audit_event_no_update before update on audit_event"
            " begin select raise(abort, 'audit_event is append-only'); end"
        )
    return place


def test_an_old_database_is_added_to_and_stays_append_only(old: Path) -> None:
    for _ in range(2):
        AccessStore(f"sqlite:///{old}").close()
    store = AccessStore(f"sqlite:///{old}")
    store.audit(AuditEvent("request", None, "read_rows", "gaj.resident", (), Decision(False, "no", "nein", "basis")))
    newest, oldest = store.audit_events()
    store.close()
    assert (newest["application"], oldest["application"], oldest["reason"]) == (None, None, "old")
    with sqlite3.connect(old) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute("update audit_event set purpose = 'x'")


def test_several_may_start_at_once(old: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for store in pool.map(lambda _: AccessStore(f"sqlite:///{old}"), range(8)):
            store.close()
    with sqlite3.connect(old) as db:
        names = [row[1] for row in db.execute("pragma table_info(audit_event)")]
    assert names[-2:] == ["application", "purpose"]


def test_a_new_column_that_needs_an_answer_is_an_error_and_not_a_guess(tmp_path: Path) -> None:
    address, first, second = f"sqlite:///{tmp_path / 'app.db'}", sa.MetaData(), sa.MetaData()
    sa.Table("thing", first, sa.Column("a", sa.Integer))
    sa.Table("thing", second, sa.Column("a", sa.Integer), sa.Column("b", sa.Integer, nullable=False))
    open_app_database(address, first).dispose()
    with pytest.raises(ValueError, match=r"thing\.b"):
        open_app_database(address, second)


def test_an_old_database_gets_the_indexes_that_are_new(old: Path) -> None:
    AccessStore(f"sqlite:///{old}").close()
    with sqlite3.connect(old) as db:
        names = {row[1] for row in db.execute("pragma index_list(audit_event)")}
    assert {"audit_event_at", "audit_event_resource_at"} <= names
