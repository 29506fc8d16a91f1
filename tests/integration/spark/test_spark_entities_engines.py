"""Spark and DuckDB find the same entities."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from lakehouse.connect.duck import Connection, open_duckdb
from lakehouse.connect.settings import Settings
from spark_jobs.entities import on_duckdb, on_spark
from spark_jobs.entities.definition import MENTION_COLUMNS
from spark_jobs.entities.rowwise import mentioning
from spark_jobs.resolve_entities import transform

pytestmark = pytest.mark.integration

SCHEMA = mentioning("").schema


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    home: Path = tmp_path_factory.mktemp("entities")
    with closing(open_duckdb(settings=Settings(home=home, profile="embedded", threads=2))) as connection:
        yield connection


def crowd(seed: int, size: int) -> pa.Table:
    """People who are named several times, with slips and gaps; names and days repeat, so that many meet."""
    dice = random.Random(seed)
    rows = []
    for number in range(size):
        person = random.Random(dice.randrange(size // 3))
        birth = f"1990{person.randint(1, 3):02}{person.randint(1, 9):02}"
        row = {
            "mention_key": f"m{dice.randrange(10**9):09}-{number}",
            "register": "test",
            "person_name": person.choice("李王张") + person.choice("伟玮芳敏") + person.choice(["", "杰", "华"]),
            "birth_date": f"{birth[:4]}-{birth[4:6]}-{birth[6:]}",
            "sex_code": person.choice("12"),
            "phone": f"139{person.randrange(200):08}",
            "resident_id": f"330102{birth}{person.randrange(900, 1000)}{person.choice('0123456789X')}",
            "division_code": f"33010200{person.randrange(3)}001",
            "address_text": f"文三路{person.randrange(40)}号{person.randrange(3)}单元",
        }
        rows.append({name: None if dice.random() < 0.25 and name[0] in "bsprda" and name != "register" else value
                     for name, value in row.items()})  # fmt: skip
    made = {name: [row[name] for row in rows] for name in MENTION_COLUMNS}
    made["person_name"] = [name or "李伟" for name in made["person_name"]]
    return pa.table({name: pa.array(values, pa.string()) for name, values in made.items()}).cast(SCHEMA)


def _sorted(frame: DataFrame) -> list[tuple[object, ...]]:
    return sorted((tuple(row) for row in frame.collect()), key=repr)


def test_both_engines_find_equal_entities_and_equal_links(spark: SparkSession, con: Connection) -> None:
    mentions = crowd(1, 500)
    found = transform(spark.createDataFrame(mentions).repartition(5))
    entities, links = on_duckdb.resolve(con, mentions)
    assert found.entities.columns == entities.column_names
    assert found.links.columns == links.column_names
    assert _sorted(found.entities) == sorted((tuple(row.values()) for row in entities.to_pylist()), key=repr)
    assert _sorted(found.links) == sorted((tuple(row.values()) for row in links.to_pylist()), key=repr)
    assert len(links) > 150
    assert 1 < len(entities["entity_id"].unique()) < len(mentions)


@pytest.mark.parametrize("seed", [1, 2])
def test_components_of_chains_stars_and_rings_are_those_of_joined_sets(seed: int, spark: SparkSession) -> None:
    dice = random.Random(seed)
    names = [f"{n:04}" for n in range(400)]
    dice.shuffle(names)
    chain = list(pairwise(names[:151]))
    star = [(names[160], other) for other in names[161:200]]
    some = [(dice.choice(names[200:]), dice.choice(names[200:])) for _ in range(120)]
    pairs = [tuple(sorted(pair)) for pair in {*chain, *star, *some} if pair[0] != pair[1]]
    links = pa.table({"left_key": [one for one, _ in pairs], "right_key": [other for _, other in pairs]})
    expected = on_duckdb.components(links)
    found = on_spark.components(spark.createDataFrame(pairs, "left_key string, right_key string"))
    rows = {row["mention_key"]: row["entity_id"] for row in found.collect()}
    assert rows == dict(zip(expected["mention_key"].to_pylist(), expected["entity_id"].to_pylist(), strict=True))
    assert found.count() == len(rows)


def test_block_that_says_too_little_is_left_out_by_both(
    spark: SparkSession, con: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for engine in (on_spark, on_duckdb):
        monkeypatch.setattr(engine, "MAX_BLOCK", 3)
    mentions = crowd(4, 300)
    found = transform(spark.createDataFrame(mentions))
    _, links = on_duckdb.resolve(con, mentions)
    assert _sorted(found.links) == sorted((tuple(row.values()) for row in links.to_pylist()), key=repr)
    monkeypatch.undo()
    assert len(on_duckdb.resolve(con, mentions)[1]) > len(links)
