"""Connections: limits, extensions without a network, views by field id; fault points that only tests can arm."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from lakehouse.connect import faults
from lakehouse.connect.cluster import ProfileUnavailable
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.duck import EXTENSIONS, Connection, attach_pointers, duck_type, files_sql, open_duckdb
from lakehouse.connect.faults import fault_point, guard_off
from lakehouse.connect.settings import Settings
from lakehouse.connect.versions import Column


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", threads=1, memory_limit="256MB")


@pytest.fixture
def con(settings: Settings) -> Connection:
    return open_duckdb(settings=settings)


def setting(con: Connection, name: str) -> str:
    row = con.execute("select current_setting(?)::varchar", [name]).fetchone()
    assert row is not None
    return str(row[0])


def test_limits_and_folders_come_from_the_settings(settings: Settings, con: Connection) -> None:
    assert setting(con, "threads") == "1"
    assert setting(con, "memory_limit") == "244.1 MiB"
    assert setting(con, "temp_directory") == str(settings.root / "tmp")
    assert setting(con, "autoinstall_known_extensions") == "false"


def test_extensions_load_from_the_wheels_without_a_network(con: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)
    for name in EXTENSIONS:
        con.execute(f"load {name}")

    loaded = {row[0] for row in con.execute("select extension_name from duckdb_extensions() where loaded").fetchall()}
    assert set(EXTENSIONS) <= loaded


def test_gbk_files_read_without_asking_for_the_extension(con: Connection, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("姓名,年龄\n张三,1\n".encode("gb18030"))

    assert con.execute(f"select * from read_csv('{tmp_path}/x.csv', encoding = 'gb18030')").fetchall() == [("张三", 1)]


def test_link_to_an_extension_of_an_older_installation_is_replaced(settings: Settings) -> None:
    open_duckdb(settings=settings).close()
    [link] = (settings.root / "extensions").rglob("encodings.duckdb_extension")
    link.unlink()
    link.symlink_to("/nowhere/encodings.duckdb_extension")

    open_duckdb(settings=settings).execute("load encodings")

    assert link.exists()


def test_python_variables_are_not_visible_to_sql(con: Connection) -> None:
    secret = [1, 2, 3]

    with pytest.raises(Exception, match="secret does not exist"):
        con.execute("select * from secret")
    assert secret == [1, 2, 3]


def test_files_of_different_schemas_read_under_one(con: Connection, tmp_path: Path) -> None:
    con.execute(f"copy (select 1::integer as old_name) to '{tmp_path}/1.parquet' (field_ids {{old_name: 1}})")
    con.execute(
        f"copy (select 'x' as note, 5000000000 as name) to '{tmp_path}/2.parquet' (field_ids {{name: 1, note: 2}})"
    )
    columns = [Column(1, "name", "long", False), Column(2, "note", "string", False)]
    files = [f"{tmp_path}/1.parquet", f"{tmp_path}/2.parquet"]

    sql = files_sql(columns, files, evolved={files[0]}, positions=True)

    assert con.execute(f"select * from {sql} order by name").fetchall() == [(1, None, 0, 0), (5000000000, "x", 1, 0)]


def test_deleted_positions_are_left_out_of_their_file_only(con: Connection, tmp_path: Path) -> None:
    for name in ("a", "b"):
        con.execute(f"copy (select i as n from range(4) r(i)) to '{tmp_path}/{name}.parquet'")
    files = [f"{tmp_path}/a.parquet", f"{tmp_path}/b.parquet"]
    con.execute(f"copy (select '{files[1]}' as file_path, 2 as pos) to '{tmp_path}/d.parquet'")

    sql = files_sql([Column(1, "n", "long", False)], files, [(f"{tmp_path}/d.parquet", files[1])], positions=True)

    rows = con.execute(f"select file_number, n from {sql} order by all").fetchall()
    assert rows == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 3)]


def test_table_without_files_has_its_columns(con: Connection) -> None:
    sql = files_sql([Column(1, "n", "decimal(12, 2)", False), Column(2, "t", "timestamp", False)], [])

    assert [row[:2] for row in con.execute(f"describe select * from {sql}").fetchall()] == [
        ("n", "DECIMAL(12,2)"),
        ("t", "TIMESTAMP"),
    ]


def test_unknown_type_is_an_error_not_a_guess() -> None:
    with pytest.raises(KeyError):
        duck_type("geometry")


def test_quarantine_view_is_there_without_any_table(con: Connection) -> None:
    assert attach_pointers(con, {}) == []
    assert con.execute("select * from ops.quarantine").fetchall() == []


def test_cluster_profile_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ProfileUnavailable, match="CITYBRAIN_PROFILE"):
        branch_pointers(Settings(home=tmp_path, profile="cluster"))


def test_fault_point_kills_at_its_nth_passage_only(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, signal: killed.append(pid))
    monkeypatch.setattr(faults, "_passages", type(faults._passages)())
    monkeypatch.setenv("CITYBRAIN_FAULT", "after-commit:2")

    for name in ("in-publish", "after-commit"):
        fault_point(name)
    assert killed == []
    fault_point("after-commit")
    assert killed == [os.getpid()]
    fault_point("after-commit")
    assert len(killed) == 1


@pytest.mark.parametrize(
    ("skip", "test", "off"),
    [
        ("fencing", "1", True),
        ("fencing", "", False),
        ("fencing", "0", False),
        ("batch-id", "1", False),
        ("", "1", False),
    ],
)
def test_guard_goes_off_only_by_name_and_only_in_tests(
    monkeypatch: pytest.MonkeyPatch, skip: str, test: str, off: bool
) -> None:
    monkeypatch.setenv("CITYBRAIN_UNSAFE_SKIP_GUARD", skip)
    monkeypatch.setenv("CITYBRAIN_TEST", test)

    assert guard_off("fencing") is off
