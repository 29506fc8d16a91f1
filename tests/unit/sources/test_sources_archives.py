"""Archives are unpacked within limits, whatever they state about themselves."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from lakehouse.sources import Limits, SourceError
from lakehouse.sources.archives import check_workbook, unpacked

SMALL = Limits(max_delivery_bytes=64 << 20, max_unpack_ratio=100, max_excel_bytes=1 << 20)


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_zip_and_gzip_give_their_one_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"x\n1\n"))
    zipped(tmp_path / "b.csv.zip", {"anything.csv": b"x\n2\n"})
    assert unpacked(tmp_path / "a.csv.gz", tmp_path, SMALL).read_bytes() == b"x\n1\n"
    assert unpacked(tmp_path / "b.csv.zip", tmp_path, SMALL).read_bytes() == b"x\n2\n"


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_a_bomb_is_refused_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    bomb = tmp_path / f"bomb.csv.{kind}"
    zeros = b"0" * (40 << 20)
    if kind == "gz":
        bomb.write_bytes(gzip.compress(zeros))
    else:
        zipped(bomb, {"bomb.csv": zeros})
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(SourceError) as refused:
        unpacked(bomb, out, SMALL)
    assert refused.value.rule == "delivery.too_large"
    assert list(out.iterdir()) == []


def test_the_same_file_within_the_limits_is_read(tmp_path: Path) -> None:
    generous = SMALL.model_copy(update={"max_unpack_ratio": 100_000})
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"0" * (40 << 20)))
    assert unpacked(tmp_path / "bomb.csv.gz", tmp_path, generous).stat().st_size == 40 << 20


def test_a_plain_file_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"12345")
    with pytest.raises(SourceError, match=r"delivery\.too_large"):
        unpacked(tmp_path / "a.csv", tmp_path, SMALL.model_copy(update={"max_delivery_bytes": 4}))


@pytest.mark.parametrize("name", ["cut.csv.gz", "cut.csv.zip"])
def test_a_cut_archive_is_incomplete(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"abc" * 1000)[:20])
    (tmp_path / "out").mkdir()
    with pytest.raises(SourceError, match=r"delivery\.incomplete"):
        unpacked(path, tmp_path / "out", SMALL)


def test_a_member_name_is_never_a_path(tmp_path: Path) -> None:
    zipped(tmp_path / "evil.zip", {"../../escaped.csv": b"x\n"})
    out = tmp_path / "a" / "b"
    out.mkdir(parents=True)
    assert unpacked(tmp_path / "evil.zip", out, SMALL).parent == out
    assert not (tmp_path / "escaped.csv").exists()


def test_two_members_are_ambiguous(tmp_path: Path) -> None:
    zipped(tmp_path / "two.csv.zip", {"a.csv": b"1", "b.csv": b"2"})
    with pytest.raises(SourceError, match=r"delivery\.incomplete"):
        unpacked(tmp_path / "two.csv.zip", tmp_path, SMALL)


def test_workbooks_are_judged_before_they_are_read(tmp_path: Path) -> None:
    check_workbook(zipped(tmp_path / "good.xlsx", {"xl/sheet.xml": b"<a/>"}), SMALL)
    with pytest.raises(SourceError, match=r"delivery\.too_large"):
        check_workbook(zipped(tmp_path / "bomb.xlsx", {"xl/sheet.xml": b" " * (2 << 20)}), SMALL)
    (tmp_path / "cut.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(SourceError, match=r"delivery\.incomplete"):
        check_workbook(tmp_path / "cut.xlsx", SMALL)
