"""OpenMetadata's own Trino connector over the stack's Trino, with password and TLS, to its file sink."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from isolated_cluster import make_cluster_home, remove_cluster_home
from pydantic import SecretStr

from catalog.exchange.errors import ExchangeError
from catalog.exchange.trino_service import FILE, export_trino
from lakehouse.branches import open_branch
from lakehouse.connect.cluster import ClusterSettings, cluster_settings
from lakehouse.connect.settings import Settings
from lakehouse.connect.trino import create_catalog_sql
from lakehouse.connect.trino_client import ask

pytestmark = pytest.mark.stack

HOSTILE = """单引号 '' 与 <b>标签</b> :: > " 反斜杠 \\ 零宽\u200b"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ClusterSettings, str]]:
    """A catalog of Trino with one table, over a reference of this test's own."""
    home = tmp_path_factory.mktemp("metadata")
    make_cluster_home(home)
    settings = Settings(home=home, profile="cluster", threads=1, memory_limit="300MB")
    servers = cluster_settings(settings)
    if not servers.trino_uri:
        pytest.skip("Trino is missing: start it with `citybrain stack up`")
    branch = open_branch(settings, "run")
    catalog = f"test_{secrets.token_hex(4)}"
    try:
        ask(servers, create_catalog_sql(catalog, servers.reference(branch.name, branch.token), servers))
        ask(servers, f"create schema {catalog}.gaj")
        ask(
            servers,
            f"create table {catalog}.gaj.person (resident_id varchar comment '{HOSTILE}', born date,"
            f" income decimal(12, 2), updated_at timestamp(6)) comment '{HOSTILE}'",
        )
        yield servers, catalog
    finally:
        ask(servers, f"drop table if exists {catalog}.gaj.person")
        ask(servers, f"drop catalog {catalog}")
        remove_cluster_home(settings)


@pytest.fixture(scope="module")
def found(cluster: tuple[ClusterSettings, str], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    servers, catalog = cluster
    folder = tmp_path_factory.mktemp("out")
    told = export_trino(servers, folder, service="citybrain", catalog=catalog)
    documents: list[dict[str, Any]] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    assert told.records > 0
    return documents


def test_the_connector_finds_the_table_with_its_columns(found: list[dict[str, Any]], cluster: tuple[Any, str]) -> None:
    (table,) = [record for record in found if "databaseSchema" in record]
    assert (table["name"], table["databaseSchema"]) == ("person", f"citybrain.{cluster[1]}.gaj")
    columns = {column["name"]: column["dataType"] for column in table["columns"]}
    assert columns == {"resident_id": "VARCHAR", "born": "DATE", "income": "DECIMAL", "updated_at": "TIMESTAMP"}


def test_hostile_comments_arrive_as_they_are(found: list[dict[str, Any]]) -> None:
    (table,) = [record for record in found if "databaseSchema" in record]
    said = HOSTILE.replace("''", "'")
    assert table["description"] == said
    assert table["columns"][0]["description"] == said


def test_service_database_and_schema_are_told(found: list[dict[str, Any]], cluster: tuple[Any, str]) -> None:
    (service,) = [record for record in found if "serviceType" in record]
    assert service["serviceType"] == "Trino"
    assert [record["name"] for record in found if "service" in record] == [cluster[1]]
    assert [record["name"] for record in found if "database" in record] == ["gaj"]


def test_no_password_is_written(found: list[dict[str, Any]], cluster: tuple[ClusterSettings, str]) -> None:
    servers, _ = cluster
    text = json.dumps(found)
    for secret in (servers.trino_password, servers.s3_secret_key):
        assert secret.get_secret_value() not in text


def test_a_wrong_password_is_told_and_leaves_no_file(cluster: tuple[ClusterSettings, str], tmp_path: Path) -> None:
    servers, catalog = cluster
    wrong = servers.model_copy(update={"trino_password": SecretStr("wrong-password")})
    with pytest.raises(ExchangeError) as refusal:
        export_trino(wrong, tmp_path, service="citybrain", catalog=catalog)
    assert "wrong-password" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_trino_that_does_not_answer_is_told(cluster: tuple[ClusterSettings, str], tmp_path: Path) -> None:
    gone = cluster[0].model_copy(update={"trino_uri": "https://127.0.0.1:9"})
    with pytest.raises(ExchangeError, match=r"127\.0\.0\.1"):
        export_trino(gone, tmp_path, service="citybrain", catalog="lake")
    assert list(tmp_path.iterdir()) == []
