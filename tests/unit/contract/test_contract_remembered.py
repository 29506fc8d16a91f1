"""What is remembered of contracts saves time and nothing else: lost, old or damaged, the contracts are the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.contract import remembered
from catalog.contract.load import CATALOG_ROOT, contract_paths, load_contract, load_contracts, parse_contract
from catalog.contract.model import Contract
from catalog.contract.remembered import load_remembered


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place with nothing in it, in a process that has loaded nothing."""
    monkeypatch.setattr(remembered, "_loaded", {})
    return tmp_path / "airflow" / "contracts"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were parsed as YAML."""
    names: list[str] = []

    def parse(content: bytes, name: str) -> Contract:
        names.append(name)
        return parse_contract(content, name)

    monkeypatch.setattr("catalog.contract.load.parse_contract", parse)
    return names


def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_loaded", {})


def test_the_second_process_parses_nothing_and_has_equal_contracts(
    place: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_contracts(remembered=place)
    assert len(parsed) == len(first) == len(contract_paths())
    _forget(monkeypatch)
    parsed.clear()
    again = load_contracts(remembered=place)
    assert parsed == []
    assert again == first == {c.key: c for c in map(load_contract, contract_paths())}
    assert [c.model_fields_set for c in again.values()] == [c.model_fields_set for c in first.values()]


def test_only_what_changed_is_parsed(
    place: Path, tmp_path: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "catalog"
    shutil.copytree(CATALOG_ROOT / "contracts", root / "contracts")
    load_contracts(root, remembered=place)
    changed = root / "contracts" / "gaj" / "household.odcs.yaml"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n# a note\n", encoding="utf-8")
    _forget(monkeypatch)
    parsed.clear()
    load_contracts(root, remembered=place)
    assert parsed == [str(changed)]


@pytest.mark.parametrize("damage", ["cut", "flipped", "version", "not text", "valid but not a contract"])
def test_a_damaged_file_is_not_believed(
    place: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    first = load_contracts(remembered=place)
    whole = place.read_bytes()
    version, *lines = whole.decode().splitlines()
    place.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "flipped": whole.replace(b"gaj", b"gai"),
            "version": whole.replace(version.encode(), b"0" * len(version)),
            "not text": b"\xff\xfe" + whole,
            "valid but not a contract": "\n".join(
                [version, *(f"{line[:32]}{remembered._digest(b'{}')}{{}}" for line in lines)]
            ).encode(),
        }[damage]
    )
    _forget(monkeypatch)
    parsed.clear()
    assert load_contracts(remembered=place) == first
    assert parsed


def test_a_place_that_cannot_be_written_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _forget(monkeypatch)
    (tmp_path / "file").write_text("")
    assert load_contracts(remembered=tmp_path / "file" / "contracts") == load_contracts()


@pytest.mark.parametrize("number", [10, 40])
def test_the_work_is_one_parse_a_contract_and_none_the_next_time(
    place: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    model = (CATALOG_ROOT / "contracts" / "gaj" / "household.odcs.yaml").read_bytes()
    files = [(model + f"\n# {n}\n".encode(), f"{n}.odcs.yaml") for n in range(number)]
    calls: list[str] = []

    def parse(content: bytes, name: str) -> Contract:
        calls.append(name)
        return parse_contract(content, name)

    load_remembered(files, place, parse)
    assert len(calls) == number
    _forget(monkeypatch)
    load_remembered(files, place, parse)
    assert len(calls) == number


def test_two_writers_leave_one_whole_file(place: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from catalog.contract.load import load_contracts\n"
        "print(len(load_contracts(remembered=Path(sys.argv[1]))))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert {int(process.communicate()[0]) for process in started} == {len(contract_paths())}
    assert [path.name for path in place.parent.iterdir()] == [place.name]
