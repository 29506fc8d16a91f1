from __future__ import annotations

import pytest
from pyiceberg.schema import Schema

from catalog.contract.load import load_contracts
from catalog.derive.iceberg import iceberg_schema, iceberg_type

CONTRACTS = load_contracts()


@pytest.mark.parametrize("key", sorted(CONTRACTS))
def test_the_schema_is_valid_iceberg_and_keeps_order_types_and_requirements(key: str) -> None:
    contract = CONTRACTS[key]
    schema = Schema.model_validate(iceberg_schema(contract))
    names = [prop.name for prop in contract.properties]
    assert [field.name for field in schema.fields] == [*names, "_batch_id", "_row"]
    assert [field.field_id for field in schema.fields] == list(range(1, len(names) + 3))
    assert [field.required for field in schema.fields] == [*(p.required for p in contract.properties), True, True]
    assert [schema.find_field(i).name for i in schema.identifier_field_ids] == [
        prop.name for prop in contract.properties if prop.primary_key
    ]


def test_decimals_keep_precision_and_scale_and_texts_lose_only_their_length() -> None:
    ratio = CONTRACTS["zrzy.real_estate"].property_named("share_ratio")
    name = CONTRACTS["gaj.resident"].property_named("person_name")
    assert (iceberg_type(ratio), iceberg_type(name)) == ("decimal(5, 4)", "string")


def test_a_property_in_the_middle_does_not_move_the_ids_of_a_table_that_exists() -> None:
    """Ids are matched by name when a table grows: the columns that are there keep theirs."""
    from lakehouse.tables.schema import plan_evolution

    contract = CONTRACTS["gaj.household"]
    before = Schema.model_validate(iceberg_schema(contract))
    raw = contract.model_dump(by_alias=True)
    new = {**raw["schema"][0]["properties"][2], "name": "remark_count", "physicalName": "X", "required": False}
    raw["schema"][0]["properties"].insert(1, new)
    after = Schema.model_validate(iceberg_schema(type(contract).model_validate(raw)))
    assert [(step, field.name) for step, field in plan_evolution(before, after, contract.key)] == [
        ("add", "remark_count")
    ]
