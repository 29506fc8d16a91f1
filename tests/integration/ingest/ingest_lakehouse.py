"""A branch and a source root to deliver into, with helpers that deliver rows of a contract."""

from __future__ import annotations

import csv
import io
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.contract.load import load_contracts, load_vocabulary
from catalog.contract.model import Contract
from lakehouse.branches import Branch
from lakehouse.connect.duck import attach_branch, open_duckdb
from lakehouse.connect.settings import Settings
from lakehouse.ingest import BatchOutcome, ingest_resource
from lakehouse.sources import SourceSystem

CONTRACTS = load_contracts()
VOCABULARY = load_vocabulary()
Row = dict[str, Any]


@dataclass
class Lakehouse:
    """One branch, and the departments that deliver to it."""

    settings: Settings
    branch: Branch
    root: Path
    api_url: str | None = None

    def contract(self, key: str) -> Contract:
        return CONTRACTS[key]

    def ingest(self, key: str, **options: Any) -> list[BatchOutcome]:
        source = SourceSystem(self.root, self.api_url, "token")
        outcomes = ingest_resource(self.settings, self.branch, CONTRACTS[key], VOCABULARY, source, **options)
        for outcome in outcomes:
            assert outcome.received == outcome.accepted + outcome.quarantined + outcome.deduplicated
            assert outcome.received_checksum == outcome.accounted_checksum
        return outcomes

    def ingest_one(self, key: str) -> BatchOutcome:
        (outcome,) = self.ingest(key)
        return outcome

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        con = open_duckdb(settings=self.settings)
        try:
            attach_branch(con, self.settings, self.branch.name)
            return con.execute(sql).fetchall()
        finally:
            con.close()

    def quarantine(self) -> list[tuple[Any, ...]]:
        """Key and rules of every row in quarantine, in order."""
        return self.query("select key, rules from ops.quarantine order by batch_id, row_number")

    def file(self, key: str, data_date: str, delivered_at: str, data: bytes, suffix: str | None = None) -> Path:
        contract = CONTRACTS[key]
        kind = {"csv": ".csv", "excel": ".xlsx", "ndjson": ".ndjson"}[contract.gov.source.kind]
        folder = self.root / contract.dept / contract.resource
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{contract.resource}_{data_date}_{delivered_at}{suffix or kind}"
        path.write_bytes(data)
        return path

    def csv(
        self,
        key: str,
        rows: list[Row],
        data_date: str = "20260624",
        delivered_at: str = "20260625020000",
    ) -> Path:
        return self.file(key, data_date, delivered_at, csv_bytes(CONTRACTS[key], rows))

    def table(self, key: str, rows: list[Row], *, replace: bool = True) -> Path:
        """Put rows into the department's SQLite database, by column names of the contract."""
        contract = CONTRACTS[key]
        path = self.root / contract.gov.source.path
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = ", ".join(f'"{prop.physical_name}"' for prop in contract.properties)
        with sqlite3.connect(path) as db:
            if replace:
                db.execute(f'drop table if exists "{contract.gov.source.table}"')
            db.execute(f'create table if not exists "{contract.gov.source.table}" ({columns})')
            places = ", ".join("?" * len(contract.properties))
            values = [[row.get(prop.name) for prop in contract.properties] for row in rows]
            db.executemany(f'insert into "{contract.gov.source.table}" values ({places})', values)
        db.close()
        return path


def csv_bytes(contract: Contract, rows: list[Row], encoding: str | None = None) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([prop.physical_name for prop in contract.properties])
    writer.writerows([["" if row.get(p.name) is None else row[p.name] for p in contract.properties] for row in rows])
    return out.getvalue().encode(encoding or contract.gov.source.encoding or "utf-8")


def payment(number: int, **changes: Any) -> Row:
    """Return a good row of swj.tax_payment (append, CSV in GB18030)."""
    row = {
        "voucher_no": f"SP{number:08}",
        "taxpayer_no": "91330113MA0000007W",
        "tax_kind_code": "01",
        "period": "2026-05",
        "amount": f"{100 + number}.50",
        "paid_on": "2026-06-20",
    }
    return row | changes


def permit(number: int, **changes: Any) -> Row:
    """Return a good row of gaj.residence_permit (upsert by watermark registered_on, CSV in GB18030)."""
    row = {
        "permit_no": f"JZ{number:08}",
        "resident_id": "11010519491231002X",
        "person_name": "张三",
        "origin_division_code": "110105000000",
        "division_code": "330102001001",
        "registered_on": "2026-06-20",
        "valid_until": "2030-06-20",
    }
    return row | changes
