"""One delivery, from open parts to commits: accept, judge, account, refuse duplicates, quarantine first, then the table."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table

from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.iceberg import iceberg_schema
from catalog.derive.rules import DIVISION_REFERENCE
from catalog.derive.sql_predicates import quote
from lakehouse.branches import Branch
from lakehouse.connect.duck import QUARANTINE_COLUMNS, Connection, open_duckdb, version_sql
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.connect.versions import table_version
from lakehouse.ingest.accepting import MASK, Accepted, accept_parts, parquet
from lakehouse.ingest.columns import check_columns, check_json_keys
from lakehouse.ingest.completed import completed
from lakehouse.ingest.duplicates import Unique, remove_duplicates, sorted_key_hashes, with_key_hashes
from lakehouse.ingest.errors import AccountingError
from lakehouse.ingest.fast import DIVISIONS
from lakehouse.ingest.held import DATA_DATE, DELIVERED_AT, GOOD_ROWS, OUTCOME, WATERMARK, Held
from lakehouse.ingest.judging import (
    QUARANTINED,
    Judged,
    check_complete,
    check_encoding,
    check_types,
    judge_rest,
    one_row,
    quarantine_select,
)
from lakehouse.ingest.outcome import BatchOutcome
from lakehouse.ingest.plan import Plan
from lakehouse.ingest.punctuality import LATE, late_reason
from lakehouse.sources import Limits, Received, SourceSystem
from lakehouse.tables import (
    append_files,
    copy_options,
    ensure_table,
    merge_rows,
    move_files,
    replace_files,
    write_files,
)


@dataclass(frozen=True)
class Delivery:
    """What identifies a batch.

    ``window`` makes, from the watermark reached, what an incremental read leaves for the next one; ``overlaps``: the read
    may bring rows that an earlier one brought.
    """

    name: str
    batch_id: str
    data_date: date | None = None
    delivered_at: datetime | None = None
    window: Callable[[str], dict[str, str]] | None = None
    overlaps: bool = False


@dataclass
class Ingestion:
    """Everything that the batches of one resource share: where they come from, where they go, and the connection."""

    settings: Settings
    branch: Branch
    contract: Contract
    vocabulary: Vocabulary
    source: SourceSystem
    limits: Limits

    @cached_property
    def catalog(self) -> Catalog:
        """The Iceberg catalog of the branch."""
        return open_catalog(self.settings, self.branch.catalog_name)

    @cached_property
    def table(self) -> Table:
        """The resource's table, created or evolved to the contract."""
        return ensure_table(self.catalog, self.contract.key, iceberg_schema(self.contract), {})

    @property
    def quarantine(self) -> str:
        """The identifier of the quarantine table."""
        return f"quarantine.{self.contract.dept}_{self.contract.resource}"

    def held(self) -> Held:
        """Return what the branch holds of the resource now."""
        return Held.load(self.catalog, self.table, self.quarantine)

    @cached_property
    def con(self) -> Connection:
        """The connection, with the reference divisions of the branch."""
        con = open_duckdb(settings=self.settings)
        if self.has_divisions:
            relation = version_sql(table_version(self.catalog.load_table(DIVISION_REFERENCE).metadata_location))
            con.execute(f"create table {DIVISIONS} as select division_code, valid_until from {relation}")
        return con

    @cached_property
    def has_divisions(self) -> bool:
        """Tell whether the branch has the reference that division codes are checked against."""
        if self.contract.key == DIVISION_REFERENCE or not self.catalog.table_exists(DIVISION_REFERENCE):
            return False
        return self.catalog.load_table(DIVISION_REFERENCE).current_snapshot() is not None

    def untouched(self) -> frozenset[str]:
        """Return the optional columns without a value in any row that is held: a contract got them after the rows came in.

        Departments go on delivering as before until they have them. A table without rows shows no such thing.
        """
        watermark = self.contract.gov.source.watermark
        names = [prop.name for prop in self.contract.properties if not prop.required and prop.name != watermark]
        if not names or self.table.current_snapshot() is None:
            return frozenset()
        counts = ", ".join(f"count({quote(name)})" for name in names)
        relation = version_sql(table_version(self.table.metadata_location))
        rows, *held = one_row(self.con, f"select count(*), {counts} from {relation}")
        return frozenset(name for name, count in zip(names, held, strict=True) if rows and not count)

    @property
    def workers(self) -> int:
        """How many parts are worked on at the same time."""
        return int(one_row(self.con, "select current_setting('threads')")[0])

    def close(self) -> None:
        """Close the connection, if it was opened."""
        if "con" in self.__dict__:
            self.con.close()


def ingest_batch(ingestion: Ingestion, delivery: Delivery, received: Received, folder: Path) -> BatchOutcome:
    """Take in one delivery whose columns and parts are open; nothing is committed unless every row is accounted for.

    Raises:
        SourceError: the delivery is refused as a whole.
        AccountingError: a fault of ours; nothing was committed.
    """
    con, contract = ingestion.con, ingestion.contract
    plan = Plan(contract, ingestion.vocabulary, delivery.batch_id, ingestion.has_divisions, received.json_lines)
    received = completed(received, check_columns(contract, received, ingestion.untouched))
    options = copy_options(ingestion.table)
    files = folder / "rows"
    files.mkdir(parents=True)
    accepted = accept_parts(con, received.parts, plan, files, options, ingestion.workers)
    outcome = BatchOutcome(contract.key, delivery.name, delivery.batch_id, "empty", reason="送达 0 行")
    if not accepted.received:
        return outcome
    if received.json_lines:
        check_json_keys(con, contract, accepted.parts)
    excel = contract.gov.source.kind == "excel"
    with ThreadPoolExecutor(1) as beside:
        sorting = beside.submit(sorted_key_hashes, accepted.key_hashes)
        judged = judge_rest(con, plan, accepted.faults, files, options, excel=excel)
        hashes = with_key_hashes(con, plan, sorting.result(), judged.files)
    check_types(con, plan, accepted.files + judged.files)
    check_encoding(con, accepted.received, contract.gov.source.encoding)
    check_complete(con, accepted.received, open_end=received.open_end)
    _account(plan, accepted, judged)
    written = accepted.files + judged.files
    unique = remove_duplicates(con, plan, written, accepted.parts, options, hashes=hashes)
    again = _forget_quarantined_before(ingestion, delivery) if delivery.overlaps else 0
    checksum = f"{accepted.received_sum:016x}"
    outcome = replace(
        outcome,
        status="accepted",
        received=accepted.received,
        quarantined=judged.quarantined + unique.refused - again,
        deduplicated=unique.identical + again,
        rule=None,
        reason=None,
        received_checksum=checksum,
        accounted_checksum=f"{(accepted.accepted_sum + judged.hash_sum) & MASK:016x}",
    )
    late = late_reason(contract, delivery.data_date, delivery.delivered_at)
    outcome = replace(outcome, rule=LATE, reason=late) if late else outcome
    return _commit(ingestion, plan, delivery, outcome, unique)


def _account(plan: Plan, accepted: Accepted, judged: Judged) -> None:
    """Every received row is either accepted or refused, once: by number, and by the sum of their hashes."""
    rows = accepted.rows + judged.accepted + judged.quarantined
    hashes = (accepted.accepted_sum + judged.hash_sum) & MASK
    if rows != accepted.received or hashes != accepted.received_sum:
        raise AccountingError(f"{plan.batch_id}: received {accepted.received} rows, accounted for {rows}")


def _forget_quarantined_before(ingestion: Ingestion, delivery: Delivery) -> int:
    """Reads that overlap bring the same bad rows again: drop those that the quarantine holds from an earlier batch."""
    quarantine = ingestion.held().quarantine
    if quarantine is None:
        return 0
    relation = version_sql(table_version(quarantine.metadata_location))
    known = f"select raw from {relation} where batch_id <> ?"
    before = one_row(ingestion.con, f"select count(*) from {QUARANTINED}")[0]
    ingestion.con.execute(f"delete from {QUARANTINED} where _raw in ({known})", [delivery.batch_id])
    return int(before - one_row(ingestion.con, f"select count(*) from {QUARANTINED}")[0])


def _commit(
    ingestion: Ingestion, plan: Plan, delivery: Delivery, outcome: BatchOutcome, unique: Unique
) -> BatchOutcome:
    con, table = ingestion.con, ingestion.table
    good = outcome.received - outcome.quarantined - outcome.deduplicated
    merged = table.current_snapshot() is not None and ingestion.contract.gov.source.mode != "replace"
    stored = outcome if merged else replace(outcome, accepted=good)
    summary = {OUTCOME: json.dumps(stored.to_json(), ensure_ascii=False), GOOD_ROWS: str(good)}
    if outcome.quarantined:
        _commit_quarantine(ingestion, plan, delivery, summary)
    if not good:
        return outcome
    if ingestion.contract.gov.source.mode == "replace" and ingestion.held().is_newer(
        delivery.data_date, delivery.delivered_at
    ):
        return replace(outcome, deduplicated=outcome.deduplicated + good)
    summary |= _progress(con, ingestion, delivery, unique)
    if not merged:
        commit = replace_files if ingestion.contract.gov.source.mode == "replace" else append_files
        commit(table, move_files(table, unique.files), batch_id=delivery.batch_id, summary=summary)
        return stored
    staged = _one_glob(unique.files)
    mode: Any = ingestion.contract.gov.source.mode
    version = ingestion.contract.gov.source.watermark
    key = ingestion.contract.primary_key
    result = merge_rows(
        con, table, staged, key=key, version=version, batch_id=delivery.batch_id, summary=summary, mode=mode
    )
    same = result.identical + result.superseded
    return replace(outcome, accepted=good - same, deduplicated=outcome.deduplicated + same)


def _commit_quarantine(ingestion: Ingestion, plan: Plan, delivery: Delivery, summary: dict[str, str]) -> None:
    """Commit the refused rows first: a crash after this leaves them visible, and the batch is taken in again."""
    quarantine = ensure_table(ingestion.catalog, ingestion.quarantine, _quarantine_schema(), {})
    files = write_files(ingestion.con, quarantine, quarantine_select(ingestion.con, plan, delivery.name))
    append_files(quarantine, files, batch_id=delivery.batch_id, summary=summary)


def _quarantine_schema() -> dict[str, Any]:
    types = {"varchar": "string", "bigint": "long"}
    fields = [
        {"id": position, "name": name, "required": False, "type": types[kind]}
        for position, (name, kind) in enumerate(QUARANTINE_COLUMNS.items(), start=1)
    ]
    return {"type": "struct", "schema-id": 0, "fields": fields}


def _progress(con: Connection, ingestion: Ingestion, delivery: Delivery, unique: Unique) -> dict[str, str]:
    """Return what the commit says about how far the source was read."""
    progress: dict[str, str] = {}
    watermark = ingestion.contract.gov.source.watermark
    if watermark is not None:
        reached = one_row(con, f"select cast(max({quote(watermark)}) as varchar) from {parquet(unique.files)}")[0]
        progress[WATERMARK] = max(filter(None, (reached, ingestion.held().last(WATERMARK))))
        progress |= delivery.window(progress[WATERMARK]) if delivery.window else {}
    if delivery.data_date is not None and delivery.delivered_at is not None:
        progress |= {DATA_DATE: delivery.data_date.isoformat(), DELIVERED_AT: delivery.delivered_at.isoformat()}
    return progress


def _one_glob(files: list[Path]) -> Path:
    """Put the files into one folder and return the pattern that names them all."""
    folder = files[0].parent.parent / "staged"
    folder.mkdir()
    for number, file in enumerate(files):
        file.rename(folder / f"part_{number}.parquet")
    return folder / "*.parquet"
