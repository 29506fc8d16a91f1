"""Generate a sample city: what its departments deliver, and the ground truth of what is wrong with it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from catalog.contract.load import load_contracts, load_vocabulary
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from lakehouse.sample_city.batch import SUFFIX, Batch, batches
from lakehouse.sample_city.clock import TODAY
from lakehouse.sample_city.dice import Dice
from lakehouse.sample_city.resources import BUILDERS
from lakehouse.sample_city.trouble.planting import Planter
from lakehouse.sample_city.trouble.truth import Truth, mart_truth
from lakehouse.sample_city.world import World, build_world
from lakehouse.sample_city.writers.database import write_table
from lakehouse.sample_city.writers.delimited import write_csv
from lakehouse.sample_city.writers.lines import write_ndjson
from lakehouse.sample_city.writers.workbook import write_workbook

VERSION = "1"
MIN_PEOPLE, MAX_PEOPLE = 100, 3_000_000  # beyond it, the order codes 900-999 of one birth day may run out
MARKER = "city.json"
NOTICE = """合成数据 · Synthetic data

本目录由 citybrain sample-city 按种子生成。除行政区划代码与名称外，所有人员、单位、事件、地址、坐标与金额均为虚构。
This folder was made from a seed by `citybrain sample-city`. The division codes and names are real; all persons are
synthetic, and so are firms, events, addresses, coordinates and amounts. Resident IDs carry valid check digits and
order codes 900-999; credit codes carry the organisation code MA + six digits. Any likeness to a real person or firm
is chance. Do not use this data to decide anything about anyone.

truth/ lists every planted defect: {"kind", "dept", "resource", "key", "rule"}, one a line.
"""

Progress = Callable[[str, int, int], None]  # what is being made, how many are done, of how many


class SampleCityError(Exception):
    """The city cannot be made as asked: says what is wrong and what to do."""


@dataclass
class CityReport:
    """What was made: rows delivered by resource (defects included), files, and planted defects by kind."""

    out: str
    seed: int
    people: int
    resources: dict[str, int] = field(default_factory=dict)
    files: int = 0
    defects: dict[str, int] = field(default_factory=dict)
    notice: str = "all persons are synthetic"

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values for JSON."""
        return {**asdict(self), "rows": sum(self.resources.values())}


def generate_city(out: Path, *, seed: int, people: int, progress: Progress | None = None) -> CityReport:
    """Write the city of ``people`` residents made from ``seed`` to the folder ``out``.

    The same seed and people give byte-identical files. Raises :class:`SampleCityError` when the numbers are out of
    bounds or ``out`` holds something that is not a sample city.
    """
    out = out.resolve()
    _check(out, seed, people)
    contracts, vocabulary = load_contracts(), load_vocabulary()
    missing = sorted(set(contracts) ^ set(BUILDERS))
    if missing:
        raise SampleCityError(f"contracts and sample resources differ: {', '.join(missing)}")
    work = _workplace(out)
    world = build_world(seed, people, vocabulary)
    report, truth = CityReport(str(out), seed, people), Truth()
    planter = Planter(world, contracts, truth)
    for number, (key, build) in enumerate(BUILDERS.items()):
        if progress is not None:
            progress(key, number, len(BUILDERS))
        rows, contract = build(world), contracts[key]
        made = batches(rows, contract, Dice(seed, f"batches {key}"))
        planter.plant(rows, made)
        report.files += _deliver(work, made, contract, vocabulary, truth)
        report.resources[key] = sum(len(b.frame) + len(b.extras) for b in made)
        mart_truth(world, rows, truth)
    report.defects = truth.write(work / "truth")
    _finish(work, world)
    _replace(work, out)
    if progress is not None:
        progress("done", len(BUILDERS), len(BUILDERS))
    return report


def _check(out: Path, seed: int, people: int) -> None:
    if seed < 0:
        raise SampleCityError(f"seed {seed} is negative; give 0 or more")
    if not MIN_PEOPLE <= people <= MAX_PEOPLE:
        raise SampleCityError(f"{people} people: give {MIN_PEOPLE} to {MAX_PEOPLE}")
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MARKER).is_file())):
        raise SampleCityError(f"{out} is not empty and not a sample city; give an empty or new folder")


def _workplace(out: Path) -> Path:
    """Return an empty folder beside ``out``: nobody ever sees a city that is half made."""
    work = out.with_name(f".{out.name}.unfinished")
    if work.exists():
        shutil.rmtree(work)
    work.mkdir(parents=True)
    return work


def _replace(work: Path, out: Path) -> None:
    """Put the finished city in the place of an earlier one; :func:`_check` made sure that it is one, or empty."""
    if out.exists():
        shutil.rmtree(out)
    work.rename(out)


def _deliver(out: Path, made: list[Batch], contract: Contract, vocabulary: Vocabulary, truth: Truth) -> int:
    kind = contract.gov.source.kind
    if kind == "database":
        path = out / contract.gov.source.path
        path.parent.mkdir(parents=True, exist_ok=True)
        write_table(made[0], contract, path)
        return 1
    if kind == "http_api":
        path = out / "api" / contract.dept / f"{contract.resource}.ndjson"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_ndjson(made[0], contract, path)
        return 1
    folder = out / contract.dept / contract.resource
    folder.mkdir(parents=True)
    for batch in made:
        _deliver_file(folder, batch, contract, vocabulary, truth)
    return len(list(folder.iterdir()))


def _deliver_file(folder: Path, batch: Batch, contract: Contract, vocabulary: Vocabulary, truth: Truth) -> None:
    kind = contract.gov.source.kind
    suffix = SUFFIX[kind]
    path = folder / batch.file_name(suffix)
    match kind:
        case "csv":
            write_csv(batch, contract, path)
        case "excel":
            write_workbook(batch, contract, vocabulary, path)
        case _:
            write_ndjson(batch, contract, path)
    if batch.late:
        truth.add("late_batch", contract.key, path.name, "batch.late")
    if batch.unknown_column is not None:
        truth.add("schema_drift", contract.key, path.name, "schema.unknown_column")
    if batch.resent_at is not None:
        again = folder / batch.file_name(suffix, batch.resent_at)
        shutil.copyfile(path, again)
        truth.add("resent_batch", contract.key, again.name, "batch.resent")


def _finish(out: Path, world: World) -> None:
    token = hashlib.sha256(f"sample city api {world.seed} {world.people}".encode()).hexdigest()[:40]
    credentials = out / "credentials.json"
    credentials.write_text(json.dumps({"http_api": {"token": token}}) + "\n", encoding="utf-8")
    credentials.chmod(0o600)
    (out / "README").write_text(NOTICE, encoding="utf-8")
    city = {
        "seed": world.seed,
        "people": world.people,
        "version": VERSION,
        "today": TODAY.isoformat(),
        "notice": "all persons are synthetic 所有人员均为合成数据",
    }
    (out / MARKER).write_text(json.dumps(city, ensure_ascii=False) + "\n", encoding="utf-8")
