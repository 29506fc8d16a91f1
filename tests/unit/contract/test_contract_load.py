from __future__ import annotations

from pathlib import Path

import pytest
from work_done import Work

from catalog.contract.load import (
    UnreadableDocument,
    contract_paths,
    load_contract,
    load_contracts,
    load_vocabulary,
    parse_contract,
)
from catalog.contract.model import Contract

BUDGET_SECONDS = 0.15  # 30 contracts: every start of the command line and every parse of a DAG pays it


def test_loads_every_contract_by_its_key() -> None:
    contracts = load_contracts()
    assert len(contracts) == len(contract_paths()) >= 24
    assert len({contract.dept for contract in contracts.values()}) >= 10
    assert all(key == contract.key for key, contract in contracts.items())


def test_every_contract_speaks_the_vocabulary() -> None:
    vocabulary = load_vocabulary()
    for contract in load_contracts().values():
        assert contract.dept in vocabulary.departments
        assert contract.topic in vocabulary.categories.topics
        assert {prop.gov.item for prop in contract.properties} <= vocabulary.items.keys()


def test_loading_all_contracts_cold_stays_within_its_budget() -> None:
    parse_contract.cache_clear()
    work = Work()
    with work.counted():
        load_contracts()
    assert 0 < work.seconds < BUDGET_SECONDS


def test_an_unchanged_file_is_parsed_once_in_a_process() -> None:
    path = contract_paths()[0]
    assert load_contract(path) is load_contract(path)


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.odcs.yaml"
    path.write_bytes(contract_paths()[0].read_bytes())
    before = load_contract(path)
    path.write_text(path.read_text(encoding="utf-8").replace("version: 1.0.0", "version: 1.0.1"), encoding="utf-8")
    assert (before.version, load_contract(path).version) == ("1.0.0", "1.0.1")


@pytest.mark.parametrize("content", [b"a: 1\na: 2\n", b"a: &x 1\nb: *x\n", b"a: [", b""])
def test_loading_refuses_what_is_not_strict_yaml_and_names_file_and_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.odcs.yaml"
    path.write_bytes(content)
    with pytest.raises(UnreadableDocument, match=r"x\.odcs\.yaml:\d+: "):
        load_contract(path)


@pytest.mark.parametrize("secrecy", ["国家秘密", "工作秘密"])
def test_the_model_itself_refuses_secrets(secrecy: str) -> None:
    text = contract_paths()[0].read_text(encoding="utf-8")
    text += f"  - property: govSecrecy\n    value: {secrecy}\n"
    with pytest.raises(ValueError, match="第三条"):
        parse_contract(text.encode(), "x")


@pytest.mark.parametrize("physical", ["date\n", "varchar(0)", "decimal(0,0)", "decimal(5,6)", "VARCHAR(5)", "string"])
def test_unknown_types_are_refused(physical: str) -> None:
    contract = load_contracts()["gaj.resident"]
    raw = contract.model_dump(by_alias=True)
    raw["schema"][0]["properties"][1]["physicalType"] = physical
    with pytest.raises(ValueError, match=r"physicalType|precision|scale|unknown type"):
        Contract.model_validate(raw)
