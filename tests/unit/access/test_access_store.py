"""API keys: only their hash is kept, only the whole key opens, revocation works at once; audit events only grow."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.access.app_database import AppDatabaseUnavailable
from catalog.access.model import Decision
from catalog.access.store import AccessStore, AuditEvent, new_key, open_store


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


@pytest.fixture
def store(place: Path) -> Iterator[AccessStore]:
    with open_store(f"sqlite:///{place}") as opened:
        yield opened


def event(**changes: object) -> AuditEvent:
    fields = {
        "request_id": "r1",
        "principal": None,
        "action": "read_rows",
        "resource": "gaj.resident",
        "filters": ("resident_id",),
        "decision": Decision(False, "unauthenticated", "缺少 API key", "第十五条"),
    }
    return AuditEvent(**(fields | changes))  # type: ignore[arg-type]


def test_a_key_opens_with_its_grants(store: AccessStore) -> None:
    key = store.create_key("jyj", "学籍核验", ["gaj.resident"], is_unmasked=True, expires_on=date(2027, 1, 1))
    principal = store.principal(key)
    assert principal is not None
    assert (principal.dept, principal.resources) == ("jyj", {"gaj.resident"})
    assert principal.is_unmasked
    assert principal.expires_on == date(2027, 1, 1)


def test_only_the_whole_key_opens(store: AccessStore) -> None:
    key, other = store.create_key("jyj", "一"), store.create_key("jyj", "二")
    last = "A" if key[-2] != "A" else "B"
    crossed = "_".join([*other.split("_")[:2], key.split("_", 2)[2]])
    for wrong in (None, "", "cb", key[:-1], key + "x", key.upper(), f"{key[:-2]}{last}{key[-1]}", crossed, f"{key}\n"):
        assert store.principal(wrong) is None, wrong
    assert store.principal(key) is not None


@given(st.text(max_size=80))
def test_no_text_opens_and_none_breaks(text: str) -> None:
    assert AccessStore.principal(_Nobody(), text) is None  # type: ignore[arg-type]


class _Nobody:
    """A store whose database must not even be asked for a text without a key's shape."""


def test_the_secret_is_nowhere_on_disk(store: AccessStore, place: Path) -> None:
    key = store.create_key("jyj", "核验")
    secret = key.split("_", 2)[2].encode()
    files = list(place.parent.glob("app.db*"))
    rows = store.keys()
    assert files
    assert rows
    assert not any(secret in file.read_bytes() for file in files)
    assert all("secret_hash" not in row for row in rows)


def test_the_database_is_readable_by_its_owner_only(store: AccessStore, place: Path) -> None:
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_a_revoked_key_is_nobody_and_is_revoked_once(store: AccessStore) -> None:
    key = store.create_key("jyj", "核验")
    key_id = key.split("_")[1]
    assert store.revoke(key_id)
    assert store.principal(key) is None
    assert not store.revoke(key_id)
    assert not store.revoke("000000000000")


def test_two_openings_of_one_database_see_the_same_keys(store: AccessStore, place: Path) -> None:
    key = store.create_key("jyj", "核验")
    with open_store(f"sqlite:///{place}") as again:
        assert again.principal(key) is not None
        assert again.revoke(key.split("_")[1])
    assert store.principal(key) is None


def test_an_audit_event_names_columns_and_reason_but_no_values(store: AccessStore) -> None:
    store.audit(event())
    (kept,) = store.audit_events()
    assert kept["filters"] == ["resident_id"]
    assert kept["reason"] == "缺少 API key"
    assert kept["basis"] == "第十五条"
    assert kept["allowed"] is False


@pytest.mark.parametrize("statement", ["update audit_event set allowed = 1", "delete from audit_event"])
def test_audit_events_cannot_be_changed_or_removed(store: AccessStore, place: Path, statement: str) -> None:
    store.audit(event())
    with sqlite3.connect(place) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement)
    assert len(store.audit_events()) == 1


def test_an_event_that_cannot_be_kept_raises(store: AccessStore, place: Path) -> None:
    with sqlite3.connect(place) as db:
        db.execute("drop table audit_event")
    with pytest.raises(AppDatabaseUnavailable, match=r"app\.db: no such table"):
        store.audit(event())


def test_a_key_that_was_made_elsewhere_opens_once_it_is_admitted_and_stays_revoked(store: AccessStore) -> None:
    key = new_key()
    assert store.principal(key) is None
    assert store.admit_key(key, "dsjj", "airflow")
    assert store.principal(key) is not None
    assert not store.admit_key(key, "dsjj", "airflow")
    store.revoke(key.split("_")[1])
    assert not store.admit_key(key, "dsjj", "airflow")
    assert store.principal(key) is None
    with pytest.raises(ValueError, match="not an API key"):
        store.admit_key("cb_1_2", "dsjj", "airflow")
