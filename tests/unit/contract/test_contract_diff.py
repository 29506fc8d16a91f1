from __future__ import annotations

import pytest

from catalog.contract.diff import ContractDiff, bumped, diff
from catalog.contract.load import contract_paths, parse_contract
from catalog.contract.model import Contract

TEXT = next(p for p in contract_paths() if p.name == "resident.odcs.yaml").read_text(encoding="utf-8")
RESIDENT = parse_contract(TEXT.encode(), "resident")
PHONE = TEXT.index("      - name: phone")
NEXT = TEXT.index("      - name: registration_status_code")
REQUIRED_COLUMN = TEXT[PHONE:NEXT].replace("name: phone", "name: phone_two").replace("LXDH", "LXDH2")


def _edited(old: str, new: str) -> Contract:
    assert old in TEXT
    return parse_contract(TEXT.replace(old, new, 1).encode(), "edited")


def _diff(old: str, new: str) -> ContractDiff:
    return diff(RESIDENT, _edited(old, new))


@pytest.mark.parametrize(
    ("old", "new", "field", "impact"),
    [
        ("physicalType: varchar(50)", "physicalType: varchar(60)", "person_name.physical_type", "compatible"),
        ("physicalType: varchar(50)", "physicalType: varchar(40)", "person_name.physical_type", "breaking"),
        ("maxLength: 50", "maxLength: 49", "person_name.logical_type_options.max_length", "breaking"),
        ("maxLength: 18", "maxLength: 17", "resident_id.logical_type_options.max_length", "breaking"),
        ("physicalName: XM", "physicalName: XINGMING", "person_name.physical_name", "breaking"),
        ("classification: '2'", "classification: '3'", "person_name.classification", "breaking"),
        ("value: keep_1_0", "value: hidden", "person_name.gov.mask", "breaking"),
        (
            "description: 居民户口簿登记的姓名",
            "description: 户口簿上的姓名",
            "person_name.description",
            "documentation",
        ),
        ("businessName: 姓名", "businessName: 公民姓名", "person_name.business_name", "documentation"),
        ("purpose: 公安机关", "purpose: 本市公安机关", "description.purpose", "documentation"),
        ("name: 人口管理支队编目岗", "name: 户政编目岗", "team.members", "documentation"),
        ("govShareType\n    value: 2", "govShareType\n    value: 1", "gov.share_type", "compatible"),
        ("      - 批量交换\n", "", "gov.share_methods", "breaking"),
        ("      - 政务服务\n", "", "gov.share_condition.purposes", "breaking"),
        ("value: 每日", "value: 每周", "gov.update_cycle", "breaking"),
        ("maxQuarantineRatio: 0.3", "maxQuarantineRatio: 0.1", "gov.quality.max_quarantine_ratio", "breaking"),
        ("maxQuarantineRatio: 0.3", "maxQuarantineRatio: 0.5", "gov.quality.max_quarantine_ratio", "compatible"),
        ("minRows: 1", "minRows: 100", "gov.quality.min_rows", "breaking"),
        ("watermark: updated_at", "watermark: birth_date", "gov.source.watermark", "breaking"),
        ("value: 101001/1", "value: 101001/2", "gov.resource_code", "breaking"),
    ],
)
def test_classifies_each_change(old: str, new: str, field: str, impact: str) -> None:
    compared = _diff(old, new)
    assert [(c.field.removeprefix("properties."), c.impact) for c in compared.changes] == [(field, impact)]
    assert all(change.reason for change in compared.changes)


@pytest.mark.parametrize(
    ("version", "bump", "expected"),
    [("1.2.3", "none", "1.2.3"), ("1.2.3", "patch", "1.2.4"), ("1.2.3", "minor", "1.3.0"), ("1.2.3", "major", "2.0.0")],
)
def test_bumps_versions(version: str, bump: str, expected: str) -> None:
    assert bumped(version, bump) == expected  # type: ignore[arg-type]


def test_an_optional_column_more_is_compatible_wherever_it_stands() -> None:
    compared = diff(RESIDENT, parse_contract((TEXT[:PHONE] + REQUIRED_COLUMN + TEXT[PHONE:]).encode(), "added"))
    assert [(c.field, c.impact) for c in compared.changes] == [("properties.phone_two", "compatible")]
    assert compared.required_bump == "minor"


def test_a_required_column_more_is_breaking() -> None:
    column = REQUIRED_COLUMN.replace("        classification", "        required: true\n        classification")
    compared = diff(RESIDENT, parse_contract((TEXT[:PHONE] + column + TEXT[PHONE:]).encode(), "added"))
    assert compared.is_breaking


def test_a_column_less_is_breaking() -> None:
    compared = diff(RESIDENT, parse_contract((TEXT[:PHONE] + TEXT[NEXT:]).encode(), "removed"))
    assert [(c.field, c.impact) for c in compared.changes] == [("properties.phone", "breaking")]


def test_another_order_of_columns_is_documentation() -> None:
    after = TEXT.index("      - name: updated_at")
    moved = TEXT[:PHONE] + TEXT[NEXT:after] + TEXT[PHONE:NEXT] + TEXT[after:]
    compared = diff(RESIDENT, parse_contract(moved.encode(), "moved"))
    assert [(c.field, c.impact) for c in compared.changes] == [("properties", "documentation")]


def test_says_whether_the_new_version_number_takes_the_step() -> None:
    low = _diff("physicalName: XM", "physicalName: XINGMING")
    assert (low.required_bump, low.version_fits) == ("major", False)
    text = TEXT.replace("physicalName: XM", "physicalName: XINGMING").replace("version: 1.0.0", "version: 2.0.0", 1)
    assert diff(RESIDENT, parse_contract(text.encode(), "bumped")).version_fits
