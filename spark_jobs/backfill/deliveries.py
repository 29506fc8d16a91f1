"""The files of a backfill as deliveries, each with the batch id that it would have anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate, groupby
from pathlib import Path, PurePosixPath

from blake3 import blake3

from catalog.contract.model import Contract
from lakehouse.connect import objects
from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.settings import Settings
from lakehouse.ingest.landing import DIGEST_LENGTH, batch_identity
from lakehouse.sources.files import ARCHIVE_SUFFIXES, named_times
from spark_jobs.errors import WrongInput

FORMATS = {".csv": "csv", ".txt": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".parquet": "parquet"}


@dataclass(frozen=True)
class SourceFile:
    """One file: where it is, and the times that its name tells, as ``<resource>_<data date>_<delivered at>`` does."""

    location: str
    data_date: date | None
    delivered_at: datetime | None

    @property
    def name(self) -> str:
        """The name without its folder."""
        return PurePosixPath(self.location).name

    @property
    def format(self) -> str:
        """What it is written in; empty when the name does not tell."""
        return FORMATS.get(_plain_suffix(self.name), "")


@dataclass(frozen=True)
class Inspected:
    """What a worker found out about a file: its digest, its number of records, or why it cannot be read."""

    location: str
    digest: str
    rows: int
    rule: str | None
    reason: str | None


@dataclass(frozen=True)
class Delivery:
    """One batch: a file that says when it was delivered, or all files of the folder that do not.

    ``number`` is its place in the order of delivery; ``first_rows`` how many records lie before each file.
    """

    number: int
    name: str
    batch_id: str
    data_date: date | None
    delivered_at: datetime | None
    files: tuple[str, ...]
    first_rows: tuple[int, ...]
    rule: str | None = None
    reason: str | None = None


def source_files(place: str, settings: Settings) -> list[SourceFile]:
    """Return the files of a file name, a folder or an ``s3://`` prefix, in the order of delivery.

    Raises:
        WrongInput: there is none, or they are not all of one format that can be read.
    """
    files = sorted(map(_source_file, _locations(place, settings)), key=_order)
    if not files:
        raise WrongInput(f"there is no file in {place}", hint=f"expected are files named *{', *'.join(FORMATS)}")
    unknown = [file.name for file in files if not file.format]
    if unknown:
        raise WrongInput(
            f"{place} holds files that are not known: {', '.join(unknown[:5])}",
            hint=f"expected are files named *{', *'.join(FORMATS)}, packed with gzip or zip or not",
        )
    formats = sorted({file.format for file in files})
    if len(formats) > 1:
        raise WrongInput(f"{place} mixes {' and '.join(formats)}", hint="backfill one format after the other")
    return files


def deliveries(
    contract: Contract, place: str, files: Sequence[SourceFile], found: Iterable[Inspected]
) -> list[Delivery]:
    """Group files into deliveries, in the order of delivery, and give each its batch id."""
    by_location = {one.location: one for one in found}
    made = []
    for number, (_, group) in enumerate(groupby(files, key=_delivery_key)):
        made.append(_delivery(contract, place, number, list(group), by_location))
    return made


def _delivery(
    contract: Contract, place: str, number: int, files: list[SourceFile], found: dict[str, Inspected]
) -> Delivery:
    parts = [found[file.location] for file in files]
    fault = next((part for part in parts if part.rule), None)
    first = files[0]
    digest = parts[0].digest if len(parts) == 1 else _digest("".join(part.digest for part in parts))
    return Delivery(
        number=number,
        name=first.name if len(files) == 1 else PurePosixPath(place.rstrip("/")).name,
        batch_id=f"{contract.key}:{batch_identity(contract, digest, first.data_date)}"
        if all(p.digest for p in parts)
        else "",
        data_date=first.data_date,
        delivered_at=first.delivered_at,
        files=tuple(file.location for file in files),
        first_rows=tuple(accumulate((part.rows for part in parts[:-1]), initial=0)),
        rule=fault.rule if fault else None,
        reason=fault.reason if fault else None,
    )


def _digest(text: str) -> str:
    return blake3(text.encode()).hexdigest()[:DIGEST_LENGTH]


def _delivery_key(file: SourceFile) -> str:
    """Files without times in their names are one delivery; they come first."""
    return file.location if file.delivered_at else ""


def _order(file: SourceFile) -> tuple[str, str]:
    return (file.delivered_at.isoformat() if file.delivered_at else "", file.name)


def _locations(place: str, settings: Settings) -> list[str]:
    if objects.is_remote(place):
        cluster_settings(settings)
        return [stored.location for stored in objects.listing(place) if _is_visible(stored.location)]
    path = Path(place).expanduser().resolve()
    if path.is_file():
        return [str(path)]
    return [str(file) for file in path.rglob("*") if file.is_file() and _is_visible(str(file.relative_to(path)))]


def _is_visible(location: str) -> bool:
    """Leave out what writers leave beside their files, such as ``_SUCCESS``."""
    return not any(part.startswith((".", "_")) for part in location.removeprefix(objects.REMOTE).split("/"))


def _source_file(location: str) -> SourceFile:
    return SourceFile(location, *named_times(PurePosixPath(location).name))


def _plain_suffix(name: str) -> str:
    path = PurePosixPath(name.lower())
    return PurePosixPath(path.stem).suffix if path.suffix in ARCHIVE_SUFFIXES else path.suffix
