"""The app database in PostgreSQL: the same keys, audit events and lineage as in a file, and a server that is away."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from cutting_proxy import CuttingProxy
from isolated_cluster import make_cluster_home, remove_cluster_home

from catalog.access.app_database import AppDatabaseUnavailable
from catalog.access.model import Decision
from catalog.access.store import AccessStore, AuditEvent, open_store
from catalog.api.lineage_store import LineageStore
from catalog.api.openlineage import RunEvent
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(home=tmp_path_factory.mktemp("app") / "home", profile="cluster")
    make_cluster_home(settings.root)
    yield app_database(settings)
    remove_cluster_home(settings)


@pytest.fixture
def store(address: str) -> Iterator[AccessStore]:
    with open_store(address) as opened:
        yield opened


def audit_event(request_id: str) -> AuditEvent:
    return AuditEvent(
        request_id,
        None,
        "read_rows",
        "gaj.resident",
        ("resident_id",),
        Decision(False, "denied", "缺少授权", "第十五条"),
    )


def test_a_key_made_by_one_process_opens_in_another_until_it_is_revoked(store: AccessStore, address: str) -> None:
    key = store.create_key("jyj", "学籍核验", ["gaj.resident"], is_unmasked=True, expires_on=date(2027, 1, 1))
    with open_store(address) as other:
        principal = other.principal(key)
        assert principal is not None
        assert (principal.dept, principal.resources, principal.expires_on) == (
            "jyj",
            {"gaj.resident"},
            date(2027, 1, 1),
        )
        assert other.revoke(key.split("_")[1])
    assert store.principal(key) is None


@pytest.mark.parametrize(
    "statement", ["update audit_event set allowed = true", "delete from audit_event", "truncate audit_event"]
)
def test_audit_events_cannot_be_changed_or_removed(store: AccessStore, address: str, statement: str) -> None:
    store.audit(audit_event(statement[:6]))
    before = store.audit_events()
    engine = sa.create_engine(address)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as db:
        db.execute(sa.text(statement))
    engine.dispose()
    assert store.audit_events() == before


def test_many_processes_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", profile="cluster")
    make_cluster_home(settings.root)
    try:
        with ThreadPoolExecutor(8) as pool:
            stores = list(pool.map(AccessStore, [app_database(settings)] * 8))
        assert [store.keys() for store in stores] == [[]] * 8
        for store in stores:
            store.close()
    finally:
        remove_cluster_home(settings)


def test_an_event_that_is_sent_twice_at_once_is_received_once(address: str) -> None:
    raw = {
        "eventType": "COMPLETE",
        "eventTime": "2026-06-30T08:00:00Z",
        "producer": "https://example.org/test",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": "0197b1a0-0000-7000-8000-000000000001"},
        "job": {"namespace": "test", "name": "twice"},
        "inputs": [{"namespace": "citybrain", "name": "gaj.resident"}],
        "outputs": [{"namespace": "citybrain", "name": "population.person"}],
    }
    event = RunEvent.model_validate(raw)
    store = LineageStore(address)
    with ThreadPoolExecutor(6) as pool:
        received = list(pool.map(lambda _: store.receive(event, raw, "test"), range(6)))
    assert sorted(received) == [False] * 5 + [True]
    assert [edge["upstream"] for edge in store.edges("population.person")] == ["gaj.resident"]
    store.close()


def test_a_database_that_is_away_is_named_without_its_password(address: str) -> None:
    url = sa.make_url(address)
    proxy = CuttingProxy(f"postgresql://{url.host}:{url.port}")
    through = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
    with open_store(through) as store:
        store.audit(audit_event("before"))
        proxy.close()
        with pytest.raises(AppDatabaseUnavailable, match="app database at postgresql") as refused:
            store.audit(audit_event("meanwhile"))
        assert str(url.password) not in str(refused.value)
        proxy.reopen()
        store.audit(audit_event("after"))  # no restart is needed
        proxy.close()
    with open_store(address) as store:
        kept = {event["request_id"] for event in store.audit_events()}
    assert {"before", "after"} <= kept
    assert "meanwhile" not in kept
