"""Approved contracts as files: committed where there is git, with their patch where there is none, each once."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cataloguing_cases import published
from typer.testing import CliRunner

from catalog.cataloguing.archive import Archive, Publication, patch
from catalog.cataloguing.shelf import Shelf
from catalog.contract.load import load_contracts
from infra.cli.main import app

KEY = "gaj.resident"


def publication(number: str = "ML2026-000001", after: str = "") -> Publication:
    before = published().texts[KEY]
    text = after or before.replace("户籍人口基本信息", "户籍人口登记信息")
    author = "王<编目>\n"
    return Publication(number, KEY, before, text, author, "gaj", datetime(2026, 3, 2, 4, tzinfo=UTC))


def test_a_publication_is_one_commit_and_is_made_once(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "contracts")
    assert archive.publish([publication()]) == ["ML2026-000001"]
    assert archive.publish([publication()]) == []
    log = subprocess.run(
        ["git", "log", "--format=%an|%ae|%s|%aI"], cwd=archive.folder, capture_output=True, text=True, check=True
    )
    assert log.stdout.strip() == "王编目（gaj）|gaj@citybrain|ML2026-000001|2026-03-02T04:00:00+00:00"
    assert load_contracts(approved=archive.folder)[KEY].name == "户籍人口登记信息"


def test_without_git_the_file_and_its_patch_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.cataloguing.archive.shutil.which", lambda _: None)
    archive = Archive(tmp_path / "contracts")
    archive.publish([publication()])
    assert not (archive.folder / ".git").exists()
    assert (archive.folder / "patches" / "ML2026-000001.patch").read_text("utf-8").startswith("diff --git a/catalog/")
    assert load_contracts(approved=archive.folder)[KEY].name == "户籍人口登记信息"


def test_what_is_published_is_seen_at_once_and_read_once(tmp_path: Path) -> None:
    shelf = Shelf(published().vocabulary, Archive(tmp_path / "contracts"))
    before = shelf.now()
    assert shelf.now() is before
    shelf.archive.publish([publication()])
    assert shelf.now().contracts[KEY].name == "户籍人口登记信息"


def test_a_new_file_and_no_change_are_patches_too() -> None:
    text = published().texts[KEY]
    assert "new file mode 100644" in patch(KEY, "", text)
    assert patch(KEY, text, text) == ""


@pytest.mark.parametrize("name", ["c.ttl", "c.jsonld", "c.xlsx"])
def test_the_catalogue_is_written_to_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    form = "xlsx" if name.endswith("xlsx") else "dcat"
    target = tmp_path / name
    done = CliRunner().invoke(
        app, ["catalogue", "export", "--format", form, "--out", str(target), "--dept", "gaj", "--json"]
    )
    assert done.exit_code == 0, done.output
    assert target.stat().st_size > 1000
    refused = CliRunner().invoke(app, ["catalogue", "export", "--format", "dcat", "--out", str(tmp_path / "c.txt")])
    assert refused.exit_code != 0
