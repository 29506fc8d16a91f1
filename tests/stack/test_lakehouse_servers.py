"""Servers that refuse, break off or lose an answer: errors that name them, never half a publish, never one twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cutting_proxy import CuttingProxy
from isolated_cluster import make_cluster_home, remove_cluster_home

from lakehouse.branches import Branch, current_snapshot, diverged, join_branch, open_branch, publish, publish_history
from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.duck import attach_branch, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.servers import ServerUnavailable
from lakehouse.connect.settings import Settings
from lakehouse.query import open_reader
from lakehouse.tables import append_files, ensure_table, verify, write_files

pytestmark = [pytest.mark.stack, pytest.mark.faults]

SCHEMA: dict[str, Any] = {
    "type": "struct",
    "fields": [
        {"id": 1, "name": "id", "type": "long", "required": True},
        {"id": 2, "name": "name", "type": "string", "required": False},
    ],
}
SERVERS = {"Nessie": "nessie_uri", "object store": "s3_endpoint", "PostgreSQL": "database_uri"}


class Installation:
    """A home whose three servers are reached through proxies that a test can cut."""

    def __init__(self, home: Path) -> None:
        make_cluster_home(home)
        self.direct = Settings(home=home, profile="cluster", threads=1, memory_limit="300MB")
        addresses = json.loads((home / "cluster.json").read_text(encoding="utf-8"))
        self.proxies = {name: CuttingProxy(addresses[field]) for name, field in SERVERS.items()}
        nessie, store, database = self.proxies.values()
        host = addresses["database_uri"].split("@")[1].split("/")[0]
        addresses |= {
            "nessie_uri": nessie.address,
            "s3_endpoint": store.address,
            "database_uri": addresses["database_uri"].replace(host, f"127.0.0.1:{database.port}"),
        }
        through = home / "through"
        through.mkdir()
        (through / "cluster.json").write_text(json.dumps(addresses), encoding="utf-8")
        self.settings = Settings(home=through, profile="cluster", threads=1, memory_limit="300MB")

    def load(self, branch: Branch, batch: int = 0) -> None:
        """Append ten rows as one batch; safe to run again."""
        with open_duckdb(settings=self.settings) as con:
            table = ensure_table(open_catalog(self.settings, branch.catalog_name), "gaj.a", SCHEMA)
            rows = f"select i as id, 'x' as name from range({batch * 10}, {batch * 10 + 10}) r(i)"
            append_files(table, write_files(con, table, rows), batch_id=f"gaj.a:{batch}")

    def load_and_publish(self, branch: Branch) -> None:
        """Do both; the database is asked first, as every run does."""
        join_branch(self.settings, branch.name)
        self.load(branch)
        publish(self.settings, branch)

    def rows(self) -> int:
        """Count what readers of main see; no table has -1."""
        with open_duckdb(settings=self.direct) as con:
            if "gaj.a" not in attach_branch(con, self.direct):
                return -1
            found = con.execute("select count(*) from gaj.a").fetchone()
            return int(found[0]) if found else 0


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    for proxy in installation.proxies.values():
        proxy.close()
    remove_cluster_home(installation.direct)


def is_publish(data: bytes) -> bool:
    return data.startswith(b"POST") and b"-main@" in data and b"/history/commit" in data


def open_door(lake: Installation) -> None:
    join_branch(lake.direct, "door")


@pytest.mark.parametrize("name", list(SERVERS))
def test_a_server_that_is_down_is_named_with_what_to_do(lake: Installation, name: str) -> None:
    branch = open_branch(lake.settings, "run")
    proxy = lake.proxies[name]
    proxy.close()

    with pytest.raises(ServerUnavailable) as refused:
        lake.load_and_publish(branch)

    assert refused.value.server == name
    assert str(proxy.port) in str(refused.value)
    assert "citybrain stack status" in str(refused.value)
    assert "lakesecret" not in str(refused.value)
    assert lake.rows() == -1
    proxy.reopen()
    lake.load(branch)
    publish(lake.settings, branch)
    assert lake.rows() == 10


def test_reader_names_the_object_store_that_is_down(lake: Installation) -> None:
    branch = open_branch(lake.settings, "run")
    lake.load(branch)
    publish(lake.settings, branch)
    with open_reader(lake.settings) as reader:
        lake.proxies["object store"].close()

        with pytest.raises(ServerUnavailable, match=r"object store at .*citybrain stack status"):
            reader.arrow("select count(*) from gaj.a")


def test_lost_acknowledgement_of_a_publish_is_looked_up_and_not_sent_again(lake: Installation) -> None:
    branch = open_branch(lake.settings, "run")
    lake.load(branch)
    lake.proxies["Nessie"].lose_answer = is_publish

    result = publish(lake.settings, branch)

    assert result.tables_changed == ["gaj.a"]
    assert [entry.snapshot for entry in publish_history(lake.direct)] == [result.snapshot]
    assert lake.rows() == 10


def test_lost_acknowledgement_of_a_commit_does_not_load_the_batch_twice(lake: Installation) -> None:
    branch = open_branch(lake.settings, "run")
    lake.proxies["Nessie"].lose_answer = lambda data: b"commit gaj.a" in data

    lake.load(branch)

    lake.proxies["Nessie"].lose_answer = None
    lake.load(branch)
    publish(lake.settings, branch)
    assert lake.rows() == 10


def test_publish_whose_fate_is_unknown_is_found_at_the_next_door(lake: Installation) -> None:
    branch = open_branch(lake.settings, "run")
    lake.load(branch)
    nessie = lake.proxies["Nessie"]
    nessie.lose_answer, nessie.after_lost_answer = is_publish, nessie.close

    with pytest.raises(ServerUnavailable, match="Nessie"):
        publish(lake.settings, branch)
    assert lake.rows() == 10, "the commit had arrived"
    assert publish_history(lake.direct) == []

    open_door(lake)

    [entry] = publish_history(lake.direct)
    assert (entry.branch, entry.snapshot) == ("run", current_snapshot(lake.direct))
    assert diverged(lake.direct, "run") == []
    assert publish(lake.direct, branch).snapshot == entry.snapshot


def test_publish_that_was_held_back_cannot_arrive_after_the_next_door(lake: Installation) -> None:
    branch = open_branch(lake.settings, "run")
    lake.load(branch)
    nessie = lake.proxies["Nessie"]
    nessie.lose_request = is_publish
    with pytest.raises(ServerUnavailable, match="Nessie"):
        publish(lake.settings, branch)
    open_door(lake)

    assert b"409 Conflict" in nessie.send_lost()

    assert lake.rows() == -1
    nessie.lose_request = None
    publish(lake.settings, branch)
    assert (lake.rows(), len(publish_history(lake.direct))) == (10, 1)


def test_without_the_intent_guard_it_arrives_and_nobody_knows(
    lake: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the test above."""
    branch = open_branch(lake.settings, "run")
    lake.load(branch)
    nessie = lake.proxies["Nessie"]
    nessie.lose_request = is_publish
    with pytest.raises(ServerUnavailable, match="Nessie"):
        publish(lake.settings, branch)
    monkeypatch.setenv("CITYBRAIN_TEST", "1")
    monkeypatch.setenv("CITYBRAIN_UNSAFE_SKIP_GUARD", "intent")
    open_door(lake)

    assert b"200 OK" in nessie.send_lost()

    assert lake.rows() == 10
    assert publish_history(lake.direct) == []


def test_database_that_dies_after_the_publish_does_not_lose_the_log(lake: Installation) -> None:
    branch = open_branch(lake.settings, "run")
    lake.load(branch)
    nessie, database = lake.proxies["Nessie"], lake.proxies["PostgreSQL"]
    nessie.lose_answer, nessie.after_lost_answer = is_publish, database.close

    with pytest.raises(ServerUnavailable, match="PostgreSQL"):
        publish(lake.settings, branch)

    database.reopen()
    result = publish(lake.settings, branch)
    assert result.tables_changed == ["gaj.a"]
    assert [entry.snapshot for entry in publish_history(lake.direct)] == [result.snapshot]


def test_object_store_that_breaks_off_leaves_nothing_half_and_a_second_run_completes(lake: Installation) -> None:
    branch = open_branch(lake.settings, "run")
    lake.load(branch, 0)
    store = lake.proxies["object store"]
    store.lose_request = lambda data: data.startswith(b"PUT")

    with pytest.raises(ServerUnavailable, match="object store"):
        lake.load(branch, 1)

    store.lose_request = None
    lake.load(branch, 0)
    lake.load(branch, 1)
    publish(lake.settings, branch)
    assert lake.rows() == 20
    assert verify(lake.direct, deep=True).ok


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("s3_secret_key", "wrong", "object store"),
        ("s3_access_key", "nobody", "object store"),
        ("database_uri", None, "PostgreSQL"),
    ],
)
def test_wrong_credentials_are_told_as_such(lake: Installation, field: str, value: str | None, name: str) -> None:
    file = lake.settings.root / "cluster.json"
    addresses = json.loads(file.read_text(encoding="utf-8"))
    user = addresses["database_uri"].split("//")[1].split("@")[0]
    addresses[field] = value or addresses["database_uri"].replace(user, "nobody:wrong")
    other = lake.settings.root / "wrong"
    other.mkdir()
    (other / "cluster.json").write_text(json.dumps(addresses), encoding="utf-8")
    branch = open_branch(lake.direct, "run")
    lake.settings = lake.settings.model_copy(update={"home": other})

    with pytest.raises(ServerUnavailable, match=r"check its user and password in cluster\.json") as refused:
        lake.load_and_publish(branch)

    assert refused.value.server == name
    cluster_settings(lake.direct)


def test_two_installations_on_one_stack_do_not_see_each_other(
    lake: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Installation(tmp_path_factory.mktemp("other"))
    branch = open_branch(lake.settings, "run")
    lake.load(branch)
    publish(lake.settings, branch)

    assert branch_pointers(other.direct) == {}
    assert other.rows() == -1
    remove_cluster_home(other.direct)
    assert lake.rows() == 10
