"""Ingest one resource: every delivery of it that is not held yet, each with its outcome; the others go on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from lakehouse.branches import Branch
from lakehouse.connect.settings import Settings
from lakehouse.ingest.batch import Delivery, Ingestion, ingest_batch
from lakehouse.ingest.landing import batch_identity, land_file
from lakehouse.ingest.outcome import BatchOutcome
from lakehouse.ingest.streams import read_stream
from lakehouse.sources import FileDelivery, Limits, Received, SourceError, SourceSystem, file_deliveries
from lakehouse.sources.archives import check_workbook, unpacked
from lakehouse.sources.csv_text import read_csv
from lakehouse.sources.excel import read_excel
from lakehouse.sources.json_text import read_ndjson
from lakehouse.tables import SchemaConflict

RESENT = "batch.resent"

log = structlog.get_logger(__name__)


def ingest_resource(
    settings: Settings,
    branch: Branch,
    contract: Contract,
    vocabulary: Vocabulary,
    source: SourceSystem,
    *,
    known_outcomes: Iterable[Mapping[str, Any]] = (),
) -> list[BatchOutcome]:
    """Take in what is new of one resource, on a branch; return one outcome a batch, in the order of delivery.

    Whatever is wrong with a delivery becomes its outcome. What is raised is not about the data: a lost branch, a full
    disk, a fault of ours. ``known_outcomes`` are rows of ``ops.ingest_outcome``: batches that were taken in without a new
    row leave no trace in the table, and are not read again when they are named there.
    """
    known = {str(row["batch_id"]) for row in known_outcomes if row["status"] in ("accepted", "skipped")}
    ingestion = Ingestion(settings, branch, contract, vocabulary, source, Limits())
    try:
        _ = ingestion.table
        outcomes = list(_outcomes(ingestion, known))
    except SchemaConflict as error:
        log.warning("contract does not fit the table", resource=contract.key, error=str(error))
        outcomes = [
            _failed(contract, contract.gov.source.path, "", SourceError("schema.changed_type", "契约与已有的表不相容"))
        ]
    finally:
        ingestion.close()
    for outcome in outcomes:
        log.info("batch ingested", **{k: v for k, v in outcome.to_json().items() if k not in ("outcome_id", "reason")})
    return outcomes


def _outcomes(ingestion: Ingestion, known: set[str]) -> Iterator[BatchOutcome]:
    contract = ingestion.contract
    if contract.gov.source.kind in ("database", "http_api"):
        yield _ingest_stream(ingestion)
        return
    try:
        files = file_deliveries(contract, ingestion.source)
    except SourceError as error:
        yield _failed(contract, contract.gov.source.path, "", error)
        return
    for file in files:
        yield _ingest_file(ingestion, file, known)


def _ingest_file(ingestion: Ingestion, file: FileDelivery, known: set[str]) -> BatchOutcome:
    contract, batch_id = ingestion.contract, ""
    try:
        with ThreadPoolExecutor(1) as beside:
            opening = beside.submit(lambda: ingestion.con)
            landed, digest = land_file(ingestion.settings, contract, file.path)
            opening.result()
        batch_id = f"{contract.key}:{batch_identity(contract, digest, file.data_date)}"
        if batch_id in known or ingestion.held().batch(batch_id):
            return _held(ingestion, file.name, batch_id)
        delivery = Delivery(file.name, batch_id, file.data_date, file.delivered_at)
        with _work_folder(ingestion, digest) as folder:
            received = _open_file(ingestion, landed, folder)
            return ingest_batch(ingestion, delivery, received, folder)
    except SourceError as error:
        return _failed(contract, file.name, batch_id, error)


def _open_file(ingestion: Ingestion, landed: Path, folder: Path) -> Received:
    contract, source = ingestion.contract, ingestion.contract.gov.source
    expected = [prop.physical_name for prop in contract.properties]
    key = [contract.property_named(name).physical_name for name in contract.primary_key]
    plain = unpacked(landed, folder, ingestion.limits)
    openers: dict[str, Callable[[], Received]] = {
        "csv": lambda: read_csv(plain, source.encoding or "utf-8", expected, key, folder, ingestion.workers),
        "excel": lambda: _open_workbook(plain, source.sheet, expected, folder, ingestion.limits),
        "ndjson": lambda: read_ndjson(plain, expected, folder, ingestion.workers),
    }
    return openers[source.kind]()


def _open_workbook(path: Path, sheet: str | None, expected: list[str], folder: Path, limits: Limits) -> Received:
    check_workbook(path, limits)
    return read_excel(path, sheet, expected, folder)


def _ingest_stream(ingestion: Ingestion) -> BatchOutcome:
    contract = ingestion.contract
    name, batch_id = contract.gov.source.table or contract.gov.source.path, ""
    try:
        with _work_folder(ingestion, contract.key) as folder:
            read = read_stream(ingestion, folder)
            batch_id = read.unchanged_since or read.delivery.batch_id
            if read.unchanged_since or ingestion.held().batch(batch_id):
                return _held(ingestion, name, batch_id)
            return ingest_batch(ingestion, read.delivery, read.received, folder)
    except SourceError as error:
        return _failed(contract, name, batch_id, error)


def _held(ingestion: Ingestion, name: str, batch_id: str) -> BatchOutcome:
    """The outcome that this delivery had, or that its content came with another one."""
    outcome = ingestion.held().outcome(ingestion.con, batch_id)
    if outcome is not None and outcome.delivery == name:
        return outcome
    return BatchOutcome(
        ingestion.contract.key, name, batch_id, "skipped", skipped=True, rule=RESENT, reason="内容与已接收的批次相同"
    )


def _failed(contract: Contract, name: str, batch_id: str, error: SourceError) -> BatchOutcome:
    return BatchOutcome(contract.key, name, batch_id, "failed", rule=error.rule, reason=error.reason)


@contextmanager
def _work_folder(ingestion: Ingestion, name: str) -> Iterator[Path]:
    """Lend an empty folder on the file system of the warehouse; what a killed process left in it is removed first."""
    folder = ingestion.settings.root / "tmp" / "ingest" / f"{ingestion.branch.catalog_name}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
