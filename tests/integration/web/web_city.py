"""A small published city for the doors: real tables, made from the contracts' own columns, without the pipeline."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.contract.load import load_contracts
from catalog.contract.model import Contract, Property
from lakehouse.branches import open_branch, publish
from lakehouse.connect.duck import open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import replace_with_query

CONTRACTS = load_contracts()
HOSTILE = "<script>alert(1)</script>'\"&"
DIVISIONS, RESIDENTS, READINGS, PAYMENTS, HAZARDS = 230, 41, 60, 30, 5
RESIDENT_ID = "'330106' || lpad((19500101 + i)::varchar, 8, '0') || lpad(i::varchar, 4, '0')"

_TEXTS = {
    (
        "dsjj.division",
        "division_name",
    ): f"case when i = 0 then '{HOSTILE.replace(chr(39), chr(39) * 2)}' else '区划' || i end",
    ("gaj.resident", "resident_id"): RESIDENT_ID,
    ("gaj.resident", "person_name"): "'王小明'",
    ("gaj.resident", "phone"): "'13900001111'",
    ("sthj.device_reading", "device_id"): "'D' || lpad((i % 4)::varchar, 3, '0')",
    ("sthj.device_reading", "metric_code"): "'M' || (i % 3)",
}
_BY_TYPE = {
    "varchar": "lpad(i::varchar, 6, '0')",
    "decimal": "i * 1.25",
    "integer": "i",
    "bigint": "i",
    "double": "i * 0.5",
    "boolean": "i % 2 = 0",
    "date": "date '2026-01-01' + (i % 28)::integer",
    "timestamp": "timestamp '2026-01-01' + (i * interval 90 minute) + (i * interval 1 microsecond)",
}

_OUTCOMES = """
select * from (values
    ('gaj.resident', 'T_RK_HJRK', 'gaj.resident:1', 'accepted', 45::bigint, 41::bigint, 3::bigint, 1::bigint, null, null),
    ('dsjj.division', 'division_1.csv', 'dsjj.division:1', 'accepted', 230, 230, 0, 0, 'batch.late', '迟了 6 天'),
    ('dsjj.division', 'division_2.csv', 'dsjj.division:2', 'failed', 0, 0, 0, 0, 'schema.unknown_column', '<b>多出的列</b>')
) t(resource, delivery, batch_id, status, received, accepted, quarantined, deduplicated, rule, reason)
"""
_QUALITY = """
select * from (values
    ('gaj.resident', 'expect_column_values_to_not_be_null', 'resident_id', 'critical', '完整性', 'resident_id.required', true, 41::bigint, 0::bigint),
    ('gaj.resident', 'expect_column_values_to_match_regex', 'phone', 'warning', '规范性', 'phone.pattern', false, 41, 2)
) t(table_name, expectation_type, column_name, severity, dimension, rule, success, element_count, unexpected_count)
"""
_QUARANTINE = f"""
select 'gaj.resident:1' as batch_id, 'T_RK_HJRK' as delivery, i::bigint as row_number, {RESIDENT_ID} as key,
    'resident_id.checksum' as rule, 'resident_id.checksum' as rules, 'resident_id' as column_name,
    '校验码不符' as reason, '{{"GMSFHM": "raw-value-of-a-person"}}' as raw
from range(3) r(i)
"""
_SUPPLY = """
select resource_key, split_part(resource_key, '.', 1) as dept, split_part(resource_key, '.', 2) as resource, update_cycle,
    24 as max_age_hours, row_count, date '2026-06-18' as newest_on, 12 as age_days, 1 as delivery_count, 0 as failed_count, status
from (values ('gaj.resident', '每日', 41::bigint, '逾期'), ('dsjj.division', '每年', 230::bigint, '按时'))
    t(resource_key, update_cycle, row_count, status)
"""
_SCORES = """
select resource_key, split_part(resource_key, '.', 1) as dept, split_part(resource_key, '.', 2) as resource, dimension,
    score::decimal(5, 2) as score, 3 as check_count
from (values ('gaj.resident', '总分', 97.5), ('gaj.resident', '完整性', 100), ('gaj.resident', '规范性', 95), ('dsjj.division', '总分', 100))
    t(resource_key, dimension, score)
"""
_LINEAGE = """
select * from (values
    ('市公安局：database', 'gaj.resident', 'ingest'), ('gaj.resident', 'staging.stg_gaj__resident', 'dbt'),
    ('staging.stg_gaj__resident', 'population.dim_person', 'dbt')) t(upstream, downstream, kind)
"""
_CONFLICTS = f"""
select 'person_name' as fact, 'person_name_differs' as rule, '姓名' as fact_name, 'resident_id' as entity_type,
    {RESIDENT_ID} as entity_key, 'gaj' as authority_dept, 'resident' as authority_resource, '王小明' as authority_value,
    'rsj' as asserting_dept, 'social_insurance' as asserting_resource, '王大明' as asserted_value
from range(25) r(i)
"""
_MISSING = f"""
select 'school_age_not_enrolled' as rule, 'gaj' as dept, 'resident' as resource, {RESIDENT_ID} as entity_key,
    'jyj' as missing_in_dept, 'student' as missing_in_resource, '七至十四周岁没有学籍' as description
from range(2) r(i)
"""


def contract_sql(contract: Contract, count: int) -> str:
    """Return a query of ``count`` rows with the contract's columns and types, keys distinct."""
    columns = ", ".join(_column(contract, prop) for prop in contract.properties)
    return f"select {columns}, 'batch' as _batch_id, i as _row from range({count}) r(i)"


def city_tables() -> dict[str, str]:
    """Return identifier -> query of everything that the small city publishes."""
    counted = {
        "dsjj.division": DIVISIONS,
        "gaj.resident": RESIDENTS,
        "sthj.device_reading": READINGS,
        "swj.tax_payment": PAYMENTS,
        "yjj.hazard_source": HAZARDS,
    }
    return {key: contract_sql(CONTRACTS[key], count) for key, count in counted.items()} | {
        "ops.ingest_outcome": _OUTCOMES,
        "ops.quality_result": _QUALITY,
        "quarantine.gaj_resident": _QUARANTINE,
        "catalogue.supply_status": _SUPPLY,
        "catalogue.quality_score": _SCORES,
        "catalogue.lineage_edge": _LINEAGE,
        "governance.fact_conflict": _CONFLICTS,
        "governance.missing_entity": _MISSING,
        "population.dim_person": f"select {RESIDENT_ID} as resident_id from range(7) r(i)",
    }


def publish_tables(settings: Settings, name: str, tables: Mapping[str, str]) -> str:
    """Write tables on a branch, publish it, and return the snapshot."""
    branch = open_branch(settings, name)
    with open_duckdb(settings=settings) as con:
        catalog = open_catalog(settings, branch.catalog_name)
        for identifier, sql in tables.items():
            replace_with_query(con, catalog, identifier, sql)
    return publish(settings, branch).snapshot


def _column(contract: Contract, prop: Property) -> str:
    sql = _TEXTS.get((contract.key, prop.name), _BY_TYPE[prop.base_type])
    return f'cast({sql} as {prop.physical_type}) as "{prop.name}"'
