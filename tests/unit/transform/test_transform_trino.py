"""What a build in Trino is told, and what it takes for changed, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.connect.cluster import ClusterSettings
from lakehouse.connect.trino import catalog_of
from lakehouse.pipeline.cluster_marts import columns
from lakehouse.pipeline.dbt_trino import trino_environment

SERVERS: dict[str, Any] = {
    "nessie_uri": "http://127.0.0.1:1",
    "bucket": "lake",
    "s3_endpoint": "http://127.0.0.1:2",
    "s3_access_key": "key",
    "s3_secret_key": "secret",
    "database_uri": "postgresql://127.0.0.1:3/app",
}


def servers(**changes: str) -> ClusterSettings:
    return ClusterSettings.model_validate(SERVERS | changes)


def test_password_goes_over_https_in_a_variable_that_dbt_hides() -> None:
    cluster = servers(
        trino_uri="https://trino.example:8443", trino_user="builder", trino_password="p", trino_ca="/etc/ca.pem"
    )

    told = trino_environment(cluster, "run_x_t1", ["ops.quality_result", "gaj.resident"])

    assert told == {
        "REQUESTS_CA_BUNDLE": "/etc/ca.pem",
        "CITYBRAIN_TRINO_METHOD": "ldap",
        "CITYBRAIN_TRINO_HOST": "trino.example",
        "CITYBRAIN_TRINO_PORT": "8443",
        "CITYBRAIN_TRINO_SCHEME": "https",
        "CITYBRAIN_TRINO_CA": "/etc/ca.pem",
        "CITYBRAIN_TRINO_USER": "builder",
        "CITYBRAIN_TRINO_CATALOG": "run_x_t1",
        "CITYBRAIN_WITHOUT_TABLE": "gaj.resident,ops.quality_result",
        "DBT_ENV_SECRET_TRINO_PASSWORD": "p",
    }


def test_trino_without_a_password_is_reached_as_the_product_itself() -> None:
    told = trino_environment(servers(trino_uri="http://127.0.0.1"), "run_x_t1")

    assert (told["CITYBRAIN_TRINO_METHOD"], told["CITYBRAIN_TRINO_PORT"]) == ("none", "8080")
    assert told["CITYBRAIN_TRINO_USER"] == "citybrain"
    assert "REQUESTS_CA_BUNDLE" not in told


@pytest.mark.parametrize(
    ("reference", "catalog"),
    [("run_20260701_081500_a1b2c3-t1", "run_run_20260701_081500_a1b2c3_t1"), ("Main", "run_main")],
)
def test_catalog_of_a_branch_needs_no_quotes(reference: str, catalog: str) -> None:
    assert catalog_of(reference) == catalog


def test_columns_are_those_of_the_current_schema() -> None:
    old = {"schema-id": 0, "fields": [{"name": "a", "type": "int", "required": False}]}
    new = {"schema-id": 1, "fields": [{"name": "a", "type": "long", "required": False}]}

    assert columns({"current-schema-id": 1, "schemas": [old, new]}) == [("a", "long", False)]
