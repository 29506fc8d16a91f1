"""The ground truth against an independent reading: everything planted is really there, and nothing else is wrong."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_city_reading import Settled, contracts, judge, read, read_truth, settle

from lakehouse.sample_city.city import CityReport, generate_city
from lakehouse.sample_city.trouble.truth import KINDS

SEED = int(os.environ.get("CITYBRAIN_TEST_SEED", "7"))
BATCH_KINDS = {"resent_batch", "late_batch", "schema_drift"}
MART_KINDS = {"contradicting_fact", "missing_entity"}
NOT_ROWS = BATCH_KINDS | MART_KINDS | {"exact_duplicate"}

FACTS = {
    "deceased_but_active": """
        select distinct d.resident_id as key, 'wjw.death' as place from "wjw.death" d
        left join "gaj.resident" r using (resident_id) left join "rsj.social_insurance" s using (resident_id)
        where r.registration_status_code = '1' or s.status_code = '1'""",
    "marital_status_differs": """
        with events as (
            select husband_resident_id as resident_id, wife_resident_id as spouse_id, kind_code, registered_on
            from "mzj.marriage"
            union all
            select wife_resident_id, husband_resident_id, kind_code, registered_on from "mzj.marriage"),
        latest as (
            select resident_id, arg_max(kind_code, registered_on) as kind, arg_max(spouse_id, registered_on) as spouse_id
            from events group by all)
        select resident_id as key, 'mzj.marriage' as place from latest join "gaj.resident" r using (resident_id)
        where not coalesce(case when kind = '2' then r.marital_status_code = '40'
            else r.marital_status_code in ('20', '21', '22', '23') or (r.marital_status_code = '30'
                and spouse_id in (select resident_id from "wjw.death")) end, false)""",
    "person_name_differs": """
        select distinct r.resident_id as key, 'gaj.resident' as place from "gaj.resident" r
        left join "rsj.social_insurance" s using (resident_id) left join "ylbj.medical_insurance" m using (resident_id)
        where s.person_name <> r.person_name or m.person_name <> r.person_name""",
    "enterprise_name_differs": """
        select credit_code as key, 'scjg.enterprise' as place from "scjg.enterprise" e
        join "swj.tax_registration" t on t.taxpayer_no = e.credit_code where t.taxpayer_name <> e.org_name""",
    "enterprise_status_differs": """
        select credit_code as key, 'scjg.enterprise' as place from "scjg.enterprise" e
        join "swj.tax_registration" t on t.taxpayer_no = e.credit_code
        where e.status_code = '3' and t.status_code = '03'""",
    "tax_registration_missing": """
        select credit_code as key, 'scjg.enterprise' as place from "scjg.enterprise" e
        where status_code = '1' and credit_code not in (select taxpayer_no from "swj.tax_registration")""",
    "newborn_not_registered": """
        select b.certificate_no as key, 'wjw.birth' as place from "wjw.birth" b
        join "gaj.resident" m on m.resident_id = b.mother_resident_id
        where b.issued_at < date '2026-06-30' - interval 30 day and not exists (
            select 1 from "gaj.resident" c where c.household_id = m.household_id
            and c.person_name = b.child_name and c.birth_date = b.birth_date)""",
    "school_age_not_enrolled": """
        select resident_id as key, 'gaj.resident' as place from "gaj.resident"
        where registration_status_code = '1' and date_sub('year', birth_date, date '2026-06-30') between 7 and 14
        and resident_id not in (select resident_id from "jyj.student")""",
    "social_insurance_unknown_employer": """
        select insurance_no as key, 'rsj.social_insurance' as place from "rsj.social_insurance"
        where employer_credit_code not in (select credit_code from "scjg.enterprise")""",
}


@dataclass
class City:
    path: Path
    report: CityReport
    settled: Settled
    truth: list[dict[str, str]]


def build(path: Path, seed: int, people: int) -> City:
    report = generate_city(path, seed=seed, people=people)
    return City(path, report, settle(path), read_truth(path))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return build(tmp_path_factory.mktemp("truth") / "city", SEED, 1_200)


def planted_rows(city: City) -> dict[tuple[str, str], set[str]]:
    rows: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in city.truth:
        if line["kind"] not in NOT_ROWS:
            rows[f"{line['dept']}.{line['resource']}", line["key"]].add(line["rule"])
    return rows


def assert_rows_agree(city: City) -> None:
    planted, found = planted_rows(city), city.settled.quarantine
    assert set(found) == set(planted)
    assert {place: rules for place, rules in planted.items() if not rules <= found[place]} == {}


def assert_batches_agree(city: City) -> None:
    planted = {
        (f"{line['dept']}.{line['resource']}", line["key"], line["rule"])
        for line in city.truth
        if line["kind"] in BATCH_KINDS
    }
    found = {(key, *batch) for key, batches in city.settled.batches.items() for batch in batches}
    assert found == planted


def find(settled: Settled) -> set[tuple[str, str, str]]:
    """Run the plain SQL of every fact and lack; return (rule, place, key)."""
    with duckdb.connect() as connection:
        for key, rows in settled.tables.items():
            frame = pl.DataFrame(rows, infer_schema_length=None, strict=False)
            connection.register(key, frame.to_arrow())
        return {(rule, row[1], row[0]) for rule, sql in FACTS.items() for row in connection.execute(sql).fetchall()}


def planted_findings(city: City) -> set[tuple[str, str, str]]:
    return {
        (line["rule"], f"{line['dept']}.{line['resource']}", line["key"])
        for line in city.truth
        if line["kind"] in MART_KINDS
    }


def test_rows_that_break_a_rule_are_exactly_the_planted_ones(city: City) -> None:
    assert_rows_agree(city)


def test_identical_rows_are_exactly_the_planted_ones(city: City) -> None:
    planted = {(f"{t['dept']}.{t['resource']}", t["key"]) for t in city.truth if t["kind"] == "exact_duplicate"}
    assert set(city.settled.identical) == planted
    assert set(city.settled.identical.values()) == {1}


def test_late_resent_and_drifted_files_are_exactly_the_planted_ones(city: City) -> None:
    assert_batches_agree(city)


def test_plain_sql_finds_exactly_the_planted_contradictions_and_lacks(city: City) -> None:
    assert find(city.settled) == planted_findings(city)


def test_a_contradiction_that_was_not_planted_would_be_found(city: City) -> None:
    """Negative control: the comparison notices one more dead person on the register."""
    dead = next(r for r in city.settled.tables["gaj.resident"] if r["registration_status_code"] == "3")
    dead["registration_status_code"] = "1"
    try:
        extra = find(city.settled) - planted_findings(city)
    finally:
        dead["registration_status_code"] = "3"
    assert extra == {("deceased_but_active", "wjw.death", dead["resident_id"])}


def test_a_defect_that_was_not_planted_would_be_noticed(city: City) -> None:
    """Negative control: the checker refuses a row whose ID is changed in one digit."""
    contract = contracts()["gaj.household"]
    row = dict(read(city.path, contract)[0].rows[0])
    head = row["head_resident_id"] or ""
    row["head_resident_id"] = head[:-2] + str((int(head[-2]) + 1) % 10) + head[-1]
    _, broken = judge(row, contract, {row["division_code"] or "": None})
    assert broken == {"head_resident_id.checksum"}


def dangling(settled: Settled) -> dict[str, list[str]]:
    """Return values that refer to nothing, by column."""
    found = {}
    for key, contract in contracts().items():
        for prop in contract.properties:
            if prop.gov.reference is not None:
                place, column = prop.gov.reference.rsplit(".", 1)
                known = {row[column] for row in settled.tables[place]} | {None}
                missing = {row[prop.name] for row in settled.tables[key]} - known
                if missing:
                    found[f"{key}.{prop.name}"] = sorted(missing)[:3]
    return found


def test_references_hold_in_what_remains(city: City) -> None:
    assert dangling(city.settled) == {}


def test_every_resource_delivers_and_every_kind_of_trouble_occurs(city: City) -> None:
    assert set(city.settled.tables) == set(contracts())
    assert all(city.settled.tables.values())
    assert {line["kind"] for line in city.truth} == set(KINDS)
    assert city.report.defects == {kind: sum(t["kind"] == kind for t in city.truth) for kind in KINDS}


def test_no_delivery_is_mostly_defective(city: City) -> None:
    assert city.settled.largest_share < 0.15


def test_bad_checksums_reach_several_departments_and_kinds_of_delivery(city: City) -> None:
    bad = {
        f"{t['dept']}.{t['resource']}" for t in city.truth if t["kind"] in ("bad_checksum", "id15", "full_width_digits")
    }
    assert len({key.split(".")[0] for key in bad}) >= 4
    assert len({contracts()[key].gov.source.kind for key in bad}) >= 3


def test_a_duplicate_comes_after_its_original_with_the_same_watermark(city: City) -> None:
    for line in city.truth:
        if line["kind"] != "duplicate_key":
            continue
        contract = contracts()[f"{line['dept']}.{line['resource']}"]
        versions = [
            [row for row in received.rows if "|".join(row[n] or "" for n in contract.primary_key) == line["key"]]
            for received in read(city.path, contract)
        ]
        doubled = [rows for rows in versions if len(rows) == 2]
        assert len(doubled) == 1
        first, second = doubled[0]
        assert first != second
        watermark = contract.gov.source.watermark
        assert watermark is None or first[watermark] == second[watermark]


def test_a_corrected_row_ends_as_the_later_delivery_says(city: City) -> None:
    contract = contracts()["zjj.house"]
    versions: dict[str | None, list[str | None]] = defaultdict(list)
    for received in read(city.path, contract):
        for row in received.rows:
            if ("zjj.house", row["house_id"]) not in city.settled.quarantine:
                versions[row["house_id"]].append(row["floor_area"])
    corrected = {key: areas for key, areas in versions.items() if len(set(areas)) > 1}
    assert corrected, "some houses were measured again"
    final = {row["house_id"]: row["floor_area"] for row in city.settled.tables["zjj.house"]}
    assert all(str(final[key]) == areas[-1] for key, areas in corrected.items())


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**31), people=st.integers(100, 260))
def test_truth_and_deliveries_agree_at_any_seed_and_size(
    tmp_path_factory: pytest.TempPathFactory, seed: int, people: int
) -> None:
    city = build(tmp_path_factory.mktemp("any") / "city", seed, people)
    assert_rows_agree(city)
    assert_batches_agree(city)
    assert find(city.settled) == planted_findings(city)
    assert dangling(city.settled) == {}
    assert {line["kind"] for line in city.truth} == set(KINDS)
    assert city.settled.largest_share < 0.25
