"""The sample city itself: the same bytes for the same seed, valid numbers, real codes, and the shapes of deliveries."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import python_calamine
from sample_city_reading import contracts, read, vocabulary
from stdnum.cn import ric, uscc

from lakehouse.sample_city import city as city_module
from lakehouse.sample_city.city import MAX_PEOPLE, SampleCityError, generate_city
from lakehouse.sample_city.dice import Dice
from lakehouse.sample_city.divisions import load_divisions
from lakehouse.sample_city.identifiers import credit_codes, plates, resident_ids, vins
from lakehouse.sample_city.trouble.defects import breaks_gb18030

SEED = int(os.environ.get("CITYBRAIN_TEST_SEED", "7"))


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("generator") / "city"
    generate_city(path, seed=SEED, people=400)
    return path


def test_the_same_seed_and_people_give_the_same_bytes(town: Path, tmp_path: Path) -> None:
    generate_city(tmp_path / "again", seed=SEED, people=400)
    assert digests(tmp_path / "again") == digests(town)


def test_another_seed_gives_another_city(town: Path, tmp_path: Path) -> None:
    generate_city(tmp_path / "other", seed=SEED + 1, people=400)
    other, same = digests(tmp_path / "other"), digests(town)
    assert other["gaj/gaj.db"] != same["gaj/gaj.db"]
    assert other["credentials.json"] != same["credentials.json"]


def test_the_city_says_that_it_is_synthetic(town: Path) -> None:
    facts = json.loads((town / "city.json").read_text(encoding="utf-8"))
    assert (facts["seed"], facts["people"], facts["today"]) == (SEED, 400, "2026-06-30")
    assert "all persons are synthetic" in facts["notice"]
    readme = (town / "README").read_text(encoding="utf-8")
    assert "all persons are" in readme
    assert "合成数据" in readme


def test_an_earlier_city_is_replaced_but_nothing_else_is(town: Path, tmp_path: Path) -> None:
    out = tmp_path / "city"
    generate_city(out, seed=1, people=100)
    (out / "left over").write_text("x")
    generate_city(out, seed=2, people=100)
    assert not (out / "left over").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("x")
    with pytest.raises(SampleCityError, match="not a sample city"):
        generate_city(mine, seed=1, people=100)
    assert (mine / "thesis.txt").read_text() == "x"


def test_a_city_that_breaks_off_leaves_the_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "city"
    generate_city(out, seed=1, people=100)
    before = digests(out)

    def stop(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(city_module, "write_csv", stop)
        with pytest.raises(OSError, match="disk full"):
            generate_city(out, seed=2, people=100)
    assert digests(out) == before
    generate_city(out, seed=2, people=100)
    assert digests(out) != before


@pytest.mark.parametrize(("seed", "people"), [(-1, 1000), (1, 99), (1, MAX_PEOPLE + 1)])
def test_impossible_sizes_and_seeds_are_refused(tmp_path: Path, seed: int, people: int) -> None:
    with pytest.raises(SampleCityError):
        generate_city(tmp_path / "city", seed=seed, people=people)
    assert list(tmp_path.iterdir()) == []


def test_the_number_of_residents_is_the_one_asked_for(town: Path) -> None:
    rows = read(town, contracts()["gaj.resident"])[0].rows
    valid = {row["resident_id"] for row in rows if ric.is_valid(row["resident_id"] or "")}
    assert 400 <= len(valid) <= len(rows) <= 400 * 1.1


def test_resident_ids_are_valid_synthetic_and_tell_sex_and_birth(town: Path) -> None:
    for row in read(town, contracts()["gaj.resident"])[0].rows:
        number = row["resident_id"] or ""
        if ric.is_valid(number) and row["birth_date"] and row["sex_code"] in ("1", "2"):
            assert 900 <= int(number[14:17]) <= 999
            assert int(number[16]) % 2 == int(row["sex_code"]) % 2
            if re.fullmatch(r"(19|20)\d\d-\d\d-\d\d", row["birth_date"]) and row["birth_date"] != "2025-02-30":
                assert number[6:14] == row["birth_date"].replace("-", "")


def test_ids_stay_different_when_many_share_a_birth_day() -> None:
    ids = resident_ids(np.full(100, 330106), np.full(100, 12_000), np.repeat([1, 2], 50))
    assert ids.n_unique() == 100
    assert all(ric.is_valid(number) for number in ids)
    with pytest.raises(ValueError, match="900-999"):
        resident_ids(np.full(51, 330106), np.full(51, 12_000), np.ones(51, dtype=np.int64))


def test_credit_codes_plates_and_vins_are_valid_and_different() -> None:
    numbers = np.arange(3_000)
    codes = credit_codes("91", np.full(3_000, 330106), numbers)
    assert codes.n_unique() == 3_000
    assert all(uscc.is_valid(code) for code in codes)
    cars = vins(numbers)
    assert cars.n_unique() == 3_000
    assert all(re.fullmatch("[A-HJ-NPR-Z0-9]{17}", car) for car in cars)
    signs = plates(numbers, numbers % 4 == 3)
    assert signs.n_unique() == 3_000
    assert {len(sign) for sign in signs} == {7, 8}


def test_divisions_are_the_real_ones_down_to_villages() -> None:
    table = load_divisions(Dice(1, "divisions"), vocabulary().city.bounds).table
    assert table["division_code"].n_unique() == len(table) > 3_500
    by_code = {row["division_code"]: row for row in table.iter_rows(named=True)}
    assert by_code["330106000000"]["division_name"] == "西湖区"
    assert str(by_code["330103000000"]["valid_until"]) == "2021-04-08"
    assert str(by_code["330113000000"]["valid_from"]) == "2021-04-09"
    assert {row["parent_code"] for row in by_code.values()} - {None} <= set(by_code)
    assert sorted(set(table["level_no"])) == [2, 3, 4, 5]


def test_households_have_one_head_and_fitting_relations(town: Path) -> None:
    people = [r for r in read(town, contracts()["gaj.resident"])[0].rows if ric.is_valid(r["resident_id"] or "")]
    heads = {row["resident_id"]: row for row in people if row["relation_code"] == "01"}
    households = read(town, contracts()["gaj.household"])[0].rows
    known = {row["head_resident_id"] for row in households} & set(heads)
    assert len(known) > 0.9 * len(households)
    spouses = [row for row in people if row["relation_code"] == "10"]
    by_home = {row["household_id"]: row for row in heads.values()}
    assert spouses
    pairs = [(row, by_home[row["household_id"]]) for row in spouses if row["household_id"] in by_home]
    assert sum(a["sex_code"] != b["sex_code"] for a, b in pairs) > 0.95 * len(pairs)


def test_csv_is_gb18030_with_chinese_headers_except_the_divisions(town: Path) -> None:
    for contract in contracts().values():
        if contract.gov.source.kind != "csv":
            continue
        files = sorted((town / contract.dept / contract.resource).glob("*.csv"))
        assert len(files) >= 2
        for path in files:
            header = path.read_bytes().splitlines()[0].decode(contract.gov.source.encoding or "utf-8").split(",")
            assert header[: len(contract.properties)] == [p.physical_name for p in contract.properties]


def test_a_planted_utf8_line_cannot_be_read_as_gb18030_by_any_decoder(town: Path) -> None:
    lines = [
        line
        for contract in contracts().values()
        if contract.gov.source.encoding == "gb18030"
        for path in (town / contract.dept / contract.resource).glob("*.csv")
        for line in path.read_bytes().splitlines(keepends=True)
    ]
    broken = [line for line in lines if breaks_gb18030(line)]
    assert broken
    assert all(line.decode("utf-8") for line in broken)
    assert all(line.decode("gb18030") for line in lines if not breaks_gb18030(line))


def open_sheet(path: Path, name: str | None) -> python_calamine.CalamineSheet:
    book = python_calamine.CalamineWorkbook.from_path(path)
    assert book.sheet_names == [name, "填表说明"]
    return book.get_sheet_by_name(str(name))


def test_excel_has_title_group_row_header_and_footnotes_at_fixed_places(town: Path) -> None:
    for contract in contracts().values():
        if contract.gov.source.kind != "excel":
            continue
        path = sorted((town / contract.dept / contract.resource).glob("*.xlsx"))[-1]
        sheet = open_sheet(path, contract.gov.source.sheet)
        grid = sheet.to_python(skip_empty_area=False)
        width = len(contract.properties)
        assert contract.name in grid[0][1]
        assert {start for start, _ in sheet.merged_cell_ranges or []} >= {(0, 1), (1, 1), (len(grid) - 1, 1)}
        assert grid[2][1 : 1 + width] == [p.physical_name for p in contract.properties]
        assert all(cells[0] == "" for cells in grid)
        assert grid[-2][1] == "合计"
        assert grid[-1][1].startswith("备注")


def test_excel_stores_numbers_and_dates_both_as_values_and_as_text(town: Path) -> None:
    path = sorted((town / "mzj" / "subsistence_allowance").glob("*.xlsx"))[-1]
    grid = open_sheet(path, "低保花名册").to_python(skip_empty_area=False)
    for title, native in (("月保障金额", float), ("批准日期", date)):
        column = grid[2].index(title)
        assert {type(cells[column]) for cells in grid[3:-2]} == {native, str}


def test_databases_have_the_tables_of_the_contracts_with_one_date_format_a_table(town: Path) -> None:
    for contract in contracts().values():
        source = contract.gov.source
        if source.kind != "database":
            continue
        connection = sqlite3.connect(town / source.path)
        columns = [row[1] for row in connection.execute(f'pragma table_info("{source.table}")')]
        assert columns == [p.physical_name for p in contract.properties]
        for prop in contract.properties:
            if prop.base_type == "date":
                sql = f'select "{prop.physical_name}" from "{source.table}"'
                values = [row[0] for row in connection.execute(sql) if row[0]]
                lengths = [len(str(value)) for value in values]
                assert lengths.count(max(set(lengths), key=lengths.count)) > 0.95 * len(lengths)
        connection.close()
