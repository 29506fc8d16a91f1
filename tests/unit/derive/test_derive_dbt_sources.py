from __future__ import annotations

import pytest
import yaml

from catalog.contract.load import CATALOG_ROOT, load_contracts, load_vocabulary
from catalog.derive.artefacts import HEADER, generated_files
from catalog.derive.dbt_sources import dbt_sources

CONTRACTS, VOCABULARY = load_contracts(), load_vocabulary()
FILES = generated_files(CONTRACTS, VOCABULARY)


@pytest.mark.parametrize("path", sorted(FILES))
def test_the_files_in_the_repository_equal_what_the_contracts_derive(path: str) -> None:
    kept = (CATALOG_ROOT.parent / path).read_text(encoding="utf-8")
    assert kept == FILES[path], "run `citybrain contract derive`"


def test_there_is_one_file_a_department_and_none_is_left_over() -> None:
    staging = CATALOG_ROOT.parent / "dbt_project" / "models" / "staging"
    kept = {path.relative_to(CATALOG_ROOT.parent).as_posix() for path in staging.glob("*/_*__sources.yml")}
    assert kept == set(FILES)
    assert len(FILES) == len({contract.dept for contract in CONTRACTS.values()})


def test_every_file_says_that_it_is_derived_and_is_plain_yaml() -> None:
    for content in FILES.values():
        assert content.startswith(HEADER)
        assert yaml.safe_load(content)["version"] == 2


def test_a_source_names_every_column_with_its_type() -> None:
    (source,) = dbt_sources([CONTRACTS["gaj.resident"]], department="市公安局")["sources"]
    assert (source["name"], source["schema"]) == ("gaj", "gaj")
    (table,) = source["tables"]
    columns = {column["name"]: column["data_type"] for column in table["columns"]}
    expected = {prop.name: prop.physical_type for prop in CONTRACTS["gaj.resident"].properties}
    assert columns == {**expected, "updated_at": "timestamp(6)", "_batch_id": "varchar", "_row": "bigint"}
    meta = table["config"]["meta"]
    assert (meta["resource_code"], meta["share_type"], meta["grade"], meta["topic"]) == ("101001/1", 2, 3, "population")


@pytest.mark.parametrize("keys", [[], ["gaj.resident", "mzj.marriage"]])
def test_sources_of_none_or_several_departments_are_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="exactly one department"):
        dbt_sources([CONTRACTS[key] for key in keys])
