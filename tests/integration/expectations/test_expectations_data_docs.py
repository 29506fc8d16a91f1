"""Data Docs: the failures are on the pages, nothing personal is, and no page asks another host for anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from expectations.docs import EXTERNAL, write_data_docs
from expectations.run import SuiteResult, validate

pytestmark = pytest.mark.integration

SECRET = "110101199003070012"  # a wrong check digit


@pytest.fixture
def results(con: Any) -> list[SuiteResult]:
    con.execute("create schema gaj")
    con.execute("create table gaj.person (id varchar, kind varchar)")
    con.execute(f"insert into gaj.person values ('{SECRET}', 'unheard-of'), ('11010119900307002X', 'known')")
    suite = {
        "name": "gaj.person",
        "expectations": [
            {
                "type": "expect_column_values_to_be_valid_resident_id",
                "kwargs": {"column": "id"},
                "severity": "critical",
                "meta": {"mask": "keep_6_4"},
            },
            {
                "type": "expect_column_values_to_be_in_set",
                "kwargs": {"column": "kind", "value_set": ["known"]},
                "severity": "warning",
                "description": "种类取自代码集",
                "meta": {},
            },
        ],
        "meta": {"title": "人员"},
    }
    con.execute("create table gaj.empty as from gaj.person limit 0")
    return validate(con, [suite, suite | {"name": "gaj.empty"}])


def pages(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.html")}


def test_every_suite_has_a_page_that_shows_its_failures(results: list[SuiteResult], tmp_path: Path) -> None:
    index = write_data_docs(results, tmp_path / "quality")
    assert index == tmp_path / "quality" / "index.html"
    site = pages(tmp_path / "quality")
    [page] = [text for name, text in site.items() if name.endswith("gaj.person.html")]
    assert "unheard-of" in page
    assert "种类取自代码集" in page
    assert "是有效的公民身份号码" in page
    assert any(name.endswith("gaj.empty.html") for name in site)
    assert "gaj.person" in site["index.html"]
    assert "gaj.empty" in site["index.html"]


def test_identifiers_of_persons_are_masked_everywhere(results: list[SuiteResult], tmp_path: Path) -> None:
    write_data_docs(results, tmp_path / "quality")
    for path in (tmp_path / "quality").rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    assert any("110101********0012" in page for page in pages(tmp_path / "quality").values())
    assert results[0].validation.results[0].result["partial_unexpected_list"] == [SECRET], "the results stay whole"


def test_no_page_asks_another_host_and_every_asset_is_there(results: list[SuiteResult], tmp_path: Path) -> None:
    folder = tmp_path / "quality"
    write_data_docs(results, folder)
    for name, text in pages(folder).items():
        assert not EXTERNAL.search(text), name
        for asset in re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)"', text):
            if "favicon" not in asset:
                assert ((folder / name).parent / asset).resolve().is_file(), (name, asset)


def test_building_again_replaces_the_site_and_leaves_nothing_behind(results: list[SuiteResult], tmp_path: Path) -> None:
    folder = tmp_path / "quality"
    write_data_docs(results, folder)
    (folder / "left-over.html").write_text("old")
    write_data_docs(results[:1], folder)
    assert not (folder / "left-over.html").exists()
    assert not [name for name in pages(folder) if name.endswith("gaj.empty.html")]
    assert {path.name for path in tmp_path.iterdir()} <= {"quality", ".quality.lock"}


def test_results_of_other_suites_stay_when_asked_and_each_suite_is_there_once(
    results: list[SuiteResult], tmp_path: Path
) -> None:
    folder = tmp_path / "quality"
    write_data_docs(results, folder, run_name="first")
    write_data_docs(results[:1], folder, run_name="second", keep=True)
    names = sorted(name for name in pages(folder) if name != "index.html")
    assert [("empty" in name, "first" in name) for name in names] == [(True, True), (False, False)]


def test_pages_of_other_suites_are_carried_over_and_not_made_again(results: list[SuiteResult], tmp_path: Path) -> None:
    folder = tmp_path / "quality"
    write_data_docs(results, folder)
    [other] = [folder / name for name in pages(folder) if name.endswith("gaj.empty.html")]
    before = (other.stat().st_ino, other.read_bytes())
    write_data_docs(results[:1], folder, run_name="second", keep=True)
    assert (other.stat().st_ino, other.read_bytes()) == before
    write_data_docs(results, folder, run_name="third", keep=True)
    assert not other.exists(), "a suite that was checked again has a new page"


def test_nothing_new_leaves_the_site_as_it_is(results: list[SuiteResult], tmp_path: Path) -> None:
    folder = tmp_path / "quality"
    write_data_docs(results, folder)
    before = pages(folder)
    assert write_data_docs([], folder, keep=True) == folder / "index.html"
    assert pages(folder) == before
