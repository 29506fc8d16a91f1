"""File deliveries are found by the contract's path and taken in the order of their delivery."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import adbc_driver_manager
import pytest

from catalog.contract.load import load_contracts
from lakehouse.sources import SourceError, SourceSystem, database, file_deliveries

CONTRACT = load_contracts()["mzj.marriage"]


def test_deliveries_come_in_the_order_of_delivery_not_of_data(tmp_path: Path) -> None:
    folder = tmp_path / "mzj" / "marriage"
    folder.mkdir(parents=True)
    names = [
        "marriage_20260103_20260104020000.csv",
        "marriage_20260102_20260105020000.csv.gz",
        "marriage_20260101_20260102020000.csv.zip",
        "notes.txt",
        "marriage_20260104_20260105020000.csv.part",
    ]
    for name in names:
        (folder / name).write_bytes(b"x")
    found = file_deliveries(CONTRACT, SourceSystem(tmp_path))
    assert [delivery.name for delivery in found] == [names[2], names[0], names[1]]
    assert (found[0].data_date, found[0].delivered_at) == (date(2026, 1, 1), datetime(2026, 1, 2, 2))


def test_nothing_delivered_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"delivery\.missing"):
        file_deliveries(CONTRACT, SourceSystem(tmp_path))


def test_credentials_are_read_and_broken_ones_told(tmp_path: Path) -> None:
    assert SourceSystem.from_dir(tmp_path).api_token is None
    (tmp_path / "credentials.json").write_text('{"http_api": {"token": "t"}}')
    assert SourceSystem.from_dir(tmp_path, "http://x").api_token == "t"
    (tmp_path / "credentials.json").write_text("{")
    with pytest.raises(SourceError, match=r"source\.unauthorised"):
        SourceSystem.from_dir(tmp_path)


def test_a_department_database_can_be_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = SourceSystem(tmp_path)
    assert source.database_uri("gaj", "gaj/gaj.db") == str(tmp_path / "gaj" / "gaj.db")
    monkeypatch.setenv("CITYBRAIN_SOURCE_GAJ_URI", "postgresql://db.test/gaj")
    assert source.database_uri("gaj", "gaj/gaj.db") == "postgresql://db.test/gaj"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('FATAL: password authentication failed for user "gaj"', "source.unauthorised"),
        ("permission denied for table t_rk_hjrk", "source.unauthorised"),
        ('relation "t_rk_hjrk" does not exist', "delivery.missing"),
        ("connection to server at db.test failed: Connection refused", "source.unreachable"),
        ("file is not a database", "delivery.incomplete"),
    ],
)
def test_database_errors_have_a_rule_and_hide_the_address(text: str, rule: str) -> None:
    error = adbc_driver_manager.OperationalError(
        f"{text} postgresql://u:pw@db.test", status_code=adbc_driver_manager.AdbcStatusCode.IO
    )
    refused = database._refusal(error)
    assert refused.rule == rule
    assert "pw" not in str(refused)


def test_an_unreachable_postgresql_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as refused:
        database.read_database("postgresql://gaj:pw@127.0.0.1:1/gaj", "t", [], None, None, tmp_path)
    assert refused.value.rule == "source.unreachable"
    assert "pw" not in str(refused.value)
