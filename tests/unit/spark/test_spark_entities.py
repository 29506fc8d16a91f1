"""Who is the same person, by the one definition, on DuckDB."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.derive.iceberg import iceberg_schema
from lakehouse.connect.duck import Connection, open_duckdb
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import load_inputs
from spark_jobs.entities.definition import COMPARISONS, MENTION_COLUMNS, MENTIONS, THRESHOLD, initials
from spark_jobs.entities.on_duckdb import components, resolve
from spark_jobs.entities.rowwise import mentioning

SCHEMA = mentioning("").schema
LI_WEI = {"person_name": "李伟", "birth_date": date(1990, 1, 2), "sex_code": "1", "phone": "13800000000"}
ID, SIBLING_ID = "33010219900102123X", "330102199001021256"  # valid check characters, synthetic sequences


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    home: Path = tmp_path_factory.mktemp("entities")
    with closing(open_duckdb(settings=Settings(home=home, profile="embedded", threads=1))) as connection:
        yield connection


def table(*mentions: dict[str, Any]) -> pa.Table:
    rows = [
        {name: mention.get(name) for name in MENTION_COLUMNS} | {"mention_key": mention.get("mention_key", f"m{n}")}
        for n, mention in enumerate(mentions)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def same(con: Connection, one: dict[str, Any], other: dict[str, Any]) -> bool:
    entities, _ = resolve(con, table(one, other))
    return len(set(entities["entity_id"].to_pylist())) == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"resident_id": ID, "person_name": "李伟"}, id="right number"),
        pytest.param({"resident_id": ID[:-1] + "5", "person_name": "李伟"}, id="wrong check character"),
        pytest.param({"resident_id": ID[:6] + ID[8:17], "person_name": "李伟"}, id="number of 15 digits"),
        pytest.param(
            {"resident_id": "３３０１０２１９９００１０２１２３Ｘ", "person_name": "李伟"}, id="full-width digits"
        ),
        pytest.param({"resident_id": "330103" + ID[6:], "person_name": "李伟"}, id="another division"),
        pytest.param({"person_name": "李 伟", "birth_date": date(1990, 1, 2), "sex_code": "1"}, id="no number"),
        pytest.param({"person_name": "李伟", "phone": "138-0000-0000"}, id="name and phone"),
        pytest.param(
            {"person_name": "李玮", "birth_date": date(1990, 1, 2), "phone": "13800000000"}, id="name that sounds alike"
        ),
    ],
)
def test_person_is_recognised(con: Connection, other: dict[str, Any]) -> None:
    assert same(con, LI_WEI | {"resident_id": ID}, other)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(LI_WEI | {"resident_id": SIBLING_ID, "person_name": "李玮"}, id="twin with a valid number"),
        pytest.param({"person_name": "李伟"}, id="only the name"),
        pytest.param({"person_name": "王芳", "birth_date": date(1990, 1, 2), "phone": "13800000000"}, id="other name"),
        pytest.param({"person_name": "李伟", "birth_date": date(1961, 7, 30), "sex_code": "1"}, id="other birth date"),
        pytest.param({}, id="nothing known"),
    ],
)
def test_other_person_is_not_taken_for_this_one(con: Connection, other: dict[str, Any]) -> None:
    assert not same(con, LI_WEI | {"resident_id": ID}, other)


def test_link_says_what_each_comparison_gave(con: Connection) -> None:
    _, links = resolve(con, table(LI_WEI | {"resident_id": ID}, LI_WEI))
    (link,) = links.to_pylist()
    points = {name: link[name] for name in COMPARISONS}
    assert link["score"] == sum(points.values()) >= THRESHOLD
    assert {name: value for name, value in points.items() if value} == {
        "name_points": 25,
        "birth_points": 20,
        "sex_points": 2,
        "phone_points": 20,
    }
    assert link["block_keys"] == "initials_birth,name_phone"


def test_entity_with_two_valid_numbers_is_pointed_out(con: Connection) -> None:
    between = LI_WEI | {"mention_key": "between"}
    entities, _ = resolve(con, table(LI_WEI | {"resident_id": ID}, LI_WEI | {"resident_id": SIBLING_ID}, between))
    assert entities["is_ambiguous"].to_pylist() == [True] * 3
    entities, _ = resolve(con, table(LI_WEI | {"resident_id": ID}, between))
    assert entities["is_ambiguous"].to_pylist() == [False] * 2


def test_result_does_not_depend_on_the_order_of_mentions(con: Connection) -> None:
    dice = random.Random(3)
    mentions = crowd(dice, 200)
    first = resolve(con, table(*mentions))
    dice.shuffle(mentions)
    again = resolve(con, table(*mentions))
    assert first[0].sort_by("mention_key") == again[0].sort_by("mention_key")
    order = [("left_key", "ascending"), ("right_key", "ascending")]
    assert first[1].sort_by(order) == again[1].sort_by(order)


def crowd(dice: random.Random, size: int) -> list[dict[str, Any]]:
    """People who are named several times, with slips; few names and days, so that many meet."""
    made = []
    for number in range(size):
        person = random.Random(dice.randrange(size // 3))
        day = date(1990, person.randint(1, 3), person.randint(1, 5))
        mention: dict[str, Any] = {
            "mention_key": f"m{number:05}",
            "register": "test",
            "person_name": person.choice("李王张") + person.choice("伟芳敏") + person.choice("杰华"),
            "birth_date": day,
            "sex_code": person.choice("12"),
            "phone": f"139{person.randrange(100):08}",
            "resident_id": f"330102{day:%Y%m%d}{person.randrange(900, 1000)}X",
            "division_code": "330102001001",
            "address_text": f"文三路{person.randrange(40)}号{person.randrange(3)}单元",
        }
        for name in ("birth_date", "sex_code", "phone", "resident_id", "division_code", "address_text"):
            if dice.random() < 0.35:
                mention[name] = None
        made.append(mention)
    return made


def test_entity_is_named_by_its_smallest_key() -> None:
    links = pa.table({"left_key": ["c", "a", "x"], "right_key": ["d", "c", "y"]})
    found = components(links)
    assert dict(zip(found["mention_key"].to_pylist(), found["entity_id"].to_pylist(), strict=True)) == {
        "a": "a", "c": "a", "d": "a", "x": "x", "y": "x",
    }  # fmt: skip


def test_initials_are_those_of_the_pinyin() -> None:
    assert initials("李伟") == initials("李玮") == "LW"
    assert initials("阿依古丽·买买提")[:4] == "AYGL"


@pytest.mark.parametrize("mention", MENTIONS, ids=lambda mention: f"{mention.resource}:{mention.role}")
def test_columns_of_a_mention_are_those_of_the_contract(mention: Any) -> None:
    contract = load_inputs(checked=False).contracts[mention.resource]
    named = {column for column in mention.columns.values() if column}
    assert named <= {field["name"] for field in iceberg_schema(contract)["fields"]}


def test_no_register_that_names_people_is_left_out() -> None:
    contracts = load_inputs(checked=False).contracts.values()
    naming = {c.key for c in contracts if any(prop.gov.item == "person_name" for prop in c.properties)}
    assert naming == {mention.resource for mention in MENTIONS}
