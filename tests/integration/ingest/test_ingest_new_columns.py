"""A column that was approved later: departments deliver as before until they have it, and never without it again."""

from __future__ import annotations

import csv
import io
import sqlite3
from typing import Any

import pytest
from ingest_lakehouse import CONTRACTS, VOCABULARY, Lakehouse, Row, payment

from catalog.contract.model import Contract, Property
from lakehouse.ingest import BatchOutcome, ingest_resource
from lakehouse.sources import SourceSystem

pytestmark = pytest.mark.integration
PAYMENT = "swj.tax_payment"


def with_columns(contract: Contract, *added: Property, **source: Any) -> Contract:
    """Return a contract with more columns, the first of them in front of its own, and another source."""
    table = contract.tables[0]
    properties = [*added[:1], *table.properties, *added[1:]]
    changed = contract.model_copy(update={"tables": [table.model_copy(update={"properties": properties})]})
    gov = contract.gov.model_copy(update={"source": contract.gov.source.model_copy(update=source)})
    return changed.model_copy(update={"gov": gov})


def column(name: str, header: str, like: str, *, required: bool = False) -> Property:
    """Return a column like one of the payments'."""
    base = CONTRACTS[PAYMENT].property_named(like)
    changes = {"name": name, "physical_name": header, "required": required, "primary_key": False}
    return base.model_copy(update={**changes, "primary_key_position": None})


REFUNDED, BACK = column("refunded_on", "退库日期", "paid_on"), column("refund", "退税金额", "amount")
LATER = with_columns(CONTRACTS[PAYMENT], REFUNDED, BACK)


def deliver(lakehouse: Lakehouse, contract: Contract, day: int, rows: list[Row]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([prop.physical_name for prop in contract.properties])
    writer.writerows([[row.get(prop.name, "") for prop in contract.properties] for row in rows])
    lakehouse.file(PAYMENT, f"202606{day}", f"202606{day}020000", out.getvalue().encode("gb18030"))


def take(lakehouse: Lakehouse, contract: Contract) -> BatchOutcome:
    """Ingest, and return the outcome of the newest delivery."""
    source = SourceSystem(lakehouse.root)
    newest = ingest_resource(lakehouse.settings, lakehouse.branch, contract, VOCABULARY, source)[-1]
    assert newest.received == newest.accepted + newest.quarantined + newest.deduplicated
    assert newest.received_checksum == newest.accounted_checksum
    return newest


def test_a_delivery_without_the_new_columns_is_taken_in_until_they_have_values(lakehouse: Lakehouse) -> None:
    deliver(lakehouse, CONTRACTS[PAYMENT], 21, [payment(1)])
    assert take(lakehouse, CONTRACTS[PAYMENT]).accepted == 1
    deliver(
        lakehouse,
        CONTRACTS[PAYMENT],
        22,
        [payment(1), payment(2), payment(3, amount="x"), payment(4, period=" 2026-05")],
    )
    before = take(lakehouse, LATER)
    assert (before.accepted, before.quarantined, before.deduplicated) == (2, 1, 1)
    assert lakehouse.quarantine() == [("SP00000003", "amount.type")]
    deliver(lakehouse, LATER, 23, [payment(5, refunded_on="2026-06-22", refund="8.00")])
    assert take(lakehouse, LATER).accepted == 1
    deliver(lakehouse, CONTRACTS[PAYMENT], 24, [payment(6)])
    after = take(lakehouse, LATER)
    assert (after.status, after.rule) == ("failed", "schema.missing_column")
    assert after.reason is not None
    assert all(header in after.reason for header in ("退库日期", "退税金额"))
    found = lakehouse.query(f"select voucher_no, cast(refunded_on as varchar), refund from {PAYMENT} order by 1")
    assert [(number, day) for number, day, _ in found] == [
        ("SP00000001", None),
        ("SP00000002", None),
        ("SP00000004", None),
        ("SP00000005", "2026-06-22"),
    ]


def test_the_first_delivery_ever_has_every_column(lakehouse: Lakehouse) -> None:
    deliver(lakehouse, CONTRACTS[PAYMENT], 21, [payment(1)])
    assert take(lakehouse, LATER).rule == "schema.missing_column"


def test_a_column_that_has_values_may_not_be_lacked(lakehouse: Lakehouse) -> None:
    deliver(lakehouse, LATER, 21, [payment(1, refunded_on="2026-06-20")])
    assert take(lakehouse, LATER).accepted == 1
    only_back = with_columns(CONTRACTS[PAYMENT], BACK)
    deliver(lakehouse, only_back, 22, [payment(2)])
    refused = take(lakehouse, LATER)
    assert (refused.rule, refused.reason) == ("schema.missing_column", "缺少约定的列：退库日期")


def test_a_database_without_the_new_columns_is_read_in_full(lakehouse: Lakehouse) -> None:
    source = {"kind": "database", "mode": "upsert", "path": "swj/swj.db", "table": "T_SK", "encoding": None}
    old = with_columns(CONTRACTS[PAYMENT], **source)
    later = with_columns(CONTRACTS[PAYMENT], REFUNDED, BACK, **source)
    path = lakehouse.root / "swj" / "swj.db"
    path.parent.mkdir(parents=True)
    headers = [prop.physical_name for prop in old.properties]
    with sqlite3.connect(path) as db:
        db.execute(f"create table T_SK ({', '.join(headers)})")
        places = ", ".join("?" * len(headers))
        for number in (1, 2):
            row = payment(number)
            db.execute(f"insert into T_SK values ({places})", [row[prop.name] for prop in old.properties])
            db.commit()
            outcome = take(lakehouse, old if number == 1 else later)
            assert outcome.accepted == 1, outcome
    db.close()
    assert lakehouse.query(f"select count(*), count(refund) from {PAYMENT}") == [(2, 0)]
