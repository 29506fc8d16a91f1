"""Files become deliveries with the batch ids of ingestion."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.contract.model import Contract
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import load_inputs
from spark_jobs.backfill.deliveries import Inspected, deliveries, source_files
from spark_jobs.errors import WrongInput

SETTINGS = Settings(profile="embedded")


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_inputs(checked=False).contracts["swj.tax_payment"]


def _folder(tmp_path: Path, *names: str) -> str:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return str(tmp_path)


def _found(files: list[str], rows: int = 10) -> list[Inspected]:
    return [Inspected(file, f"{number:032x}", rows, None, None) for number, file in enumerate(files)]


def test_file_with_times_in_its_name_is_a_delivery_and_the_others_are_one_together(
    tmp_path: Path, contract: Contract
) -> None:
    late, early = "tax_payment_20260201_20260203010203.csv", "tax_payment_20260101_20260103010203.csv"
    place = _folder(tmp_path, late, "part-1.csv", early, "part-0.csv")
    files = source_files(place, SETTINGS)
    assert [file.name for file in files] == ["part-0.csv", "part-1.csv", early, late]
    made = deliveries(contract, place, files, _found([file.location for file in files]))
    assert [delivery.name for delivery in made] == [tmp_path.name, early, late]
    assert made[0].first_rows == (0, 10)
    assert made[1].batch_id == f"swj.tax_payment:{2:032x}"
    assert str(made[1].data_date) == "2026-01-01"


def test_batch_id_follows_the_content_and_not_the_name(tmp_path: Path, contract: Contract) -> None:
    places = [_folder(tmp_path / name, f"{name}-0.csv", f"{name}-1.csv") for name in ("one", "other")]
    ids = []
    for place in places:
        files = source_files(place, SETTINGS)
        ids.append(deliveries(contract, place, files, _found([file.location for file in files]))[0].batch_id)
    assert ids[0] == ids[1]


def test_replacing_delivery_of_another_date_is_another_batch() -> None:
    contract = load_inputs(checked=False).contracts["dsjj.division"]
    names = ["division_20260101_20260103010203.csv", "division_20260201_20260203010203.csv"]
    from spark_jobs.backfill.deliveries import _source_file

    files = [_source_file(f"/in/{name}") for name in names]
    same = [Inspected(file.location, "0" * 32, 1, None, None) for file in files]
    made = deliveries(contract, "/in", files, same)
    assert made[0].batch_id != made[1].batch_id


def test_what_other_writers_leave_beside_their_files_is_not_read(tmp_path: Path) -> None:
    place = _folder(tmp_path, "a.parquet", "_SUCCESS", ".a.parquet.crc", "_temporary/b.parquet")
    assert [file.name for file in source_files(place, SETTINGS)] == ["a.parquet"]


@pytest.mark.parametrize(
    ("names", "message"),
    [((), "no file"), (("a.xlsx",), "not known"), (("a.csv", "b.parquet"), "mixes csv and parquet")],
)
def test_unusable_folder_is_named(names: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match=message):
        source_files(_folder(tmp_path, *names), SETTINGS)


def test_one_unreadable_file_fails_its_delivery_only(tmp_path: Path, contract: Contract) -> None:
    names = ("tax_payment_20260101_20260103010203.csv", "tax_payment_20260201_20260203010203.csv")
    place = _folder(tmp_path, *names)
    files = source_files(place, SETTINGS)
    found = [
        Inspected(files[0].location, "0" * 32, 0, "delivery.incomplete", "0 bytes"),
        Inspected(files[1].location, "1" * 32, 5, None, None),
    ]
    assert [delivery.rule for delivery in deliveries(contract, place, files, found)] == ["delivery.incomplete", None]
