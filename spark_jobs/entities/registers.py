"""The mentions of people in the tables and the quarantine of a branch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from catalog.contract.model import Contract
from lakehouse.connect.duck import Connection
from spark_jobs.entities.definition import MENTIONS, accepted_mentions, refused_mentions
from spark_jobs.entities.rowwise import BATCH, mentioning


def statements(
    contracts: Mapping[str, Contract], tables: frozenset[str], relation: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    """Yield the tables that name people and are there, each with its statement; ``relation`` names the rows to read."""
    for mention in MENTIONS:
        contract = contracts[mention.resource]
        if mention.resource in tables:
            yield mention.resource, accepted_mentions(mention, contract, relation(mention.resource))
        quarantine = f"quarantine.{contract.dept}_{contract.resource}"
        if mention.resident_id and quarantine in tables:
            yield quarantine, refused_mentions(mention, contract, relation(quarantine))


def mentions_on_spark(
    session: SparkSession, lake: str, contracts: Mapping[str, Contract], tables: frozenset[str]
) -> DataFrame | None:
    """Return the mentions of a branch; None when none of its tables names people."""
    found = []
    for table, sql in statements(contracts, tables, lambda _: BATCH):
        statement = mentioning(sql)
        found.append(session.table(f"{lake}.{table}").mapInArrow(statement, statement.ddl))
    return reduce(DataFrame.unionByName, found) if found else None


def mentions_on_duckdb(con: Connection, contracts: Mapping[str, Contract], tables: frozenset[str]) -> pa.Table | None:
    """Return the mentions of a branch that is attached to the connection; None when none of its tables names people."""
    every = [sql for _, sql in statements(contracts, tables, lambda table: table)]
    if not every:
        return None
    return con.execute(" union all ".join(every)).to_arrow_table()
