"""datacontract-cli, an implementation of ODCS that is not ours, judges our contracts and our comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.contract.diff import diff
from catalog.contract.load import contract_paths, load_contract

pytestmark = pytest.mark.integration
RESIDENT = next(path for path in contract_paths() if path.name == "resident.odcs.yaml")


@pytest.fixture(scope="module")
def oracle() -> Any:
    from datacontract.data_contract import DataContract

    return DataContract


def test_every_contract_is_valid_odcs(oracle: Any) -> None:
    failed = {}
    for path in contract_paths():
        run = oracle(data_contract_file=str(path)).lint()
        if not run.has_passed():
            failed[path.name] = [check.reason for check in run.checks]
    assert failed == {}


def test_the_oracle_does_refuse_what_is_not_odcs(oracle: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.odcs.yaml"
    path.write_text(
        RESIDENT.read_text(encoding="utf-8").replace("logicalType: date", "logicalType: day"), encoding="utf-8"
    )
    assert not oracle(data_contract_file=str(path)).lint().has_passed()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("physicalType: varchar(50)", "physicalType: varchar(40)"),
        ("physicalName: XM", "physicalName: XINGMING"),
        ("maxLength: 50", "maxLength: 40"),
        ("description: 居民户口簿", "description: 户口簿"),
    ],
)
def test_the_oracle_sees_the_same_fields_change_and_breaks_nothing_that_we_let_pass(
    oracle: Any, tmp_path: Path, old: str, new: str
) -> None:
    path = tmp_path / "x.odcs.yaml"
    path.write_text(RESIDENT.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    ours = diff(load_contract(RESIDENT), load_contract(path))
    before, after = oracle(data_contract_file=str(RESIDENT)), oracle(data_contract_file=str(path))
    changed = {entry.path.split(".")[3] for entry in before.changelog(after).entries}
    assert changed == {change.field.split(".")[1] for change in ours.changes}
    if before.breaking(after).is_breaking:
        assert ours.is_breaking
