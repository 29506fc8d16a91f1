"""Whatever is wrong with a delivery becomes a clear outcome: nothing of it is loaded, nothing is raised, others go on."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest
from ingest_lakehouse import CONTRACTS, Lakehouse, csv_bytes, payment, permit

pytestmark = pytest.mark.integration
PAYMENT = "swj.tax_payment"
PERMIT = "gaj.residence_permit"
WHEN = ("20260624", "20260625020000")


def payments(count: int, **changes: object) -> bytes:
    return csv_bytes(CONTRACTS[PAYMENT], [payment(i, **changes) for i in range(count)])


def refused(lakehouse: Lakehouse, key: str, rule: str) -> str:
    """Ingest one delivery that must be refused; return the reason."""
    outcome = lakehouse.ingest_one(key)
    assert (outcome.status, outcome.rule) == ("failed", rule)
    assert (outcome.received, outcome.accepted, outcome.quarantined) == (0, 0, 0)
    assert lakehouse.query(f"select count(*) from {key}") == [(0,)]
    assert outcome.reason
    return outcome.reason


def test_a_missing_delivery_fails_and_leaves_an_empty_table(lakehouse: Lakehouse) -> None:
    assert "swj/tax_payment" in refused(lakehouse, PAYMENT, "delivery.missing")


def test_a_missing_database_is_unreachable(lakehouse: Lakehouse) -> None:
    refused(lakehouse, "gaj.resident", "source.unreachable")


def test_a_damaged_database_is_incomplete(lakehouse: Lakehouse) -> None:
    path = lakehouse.root / "gaj" / "gaj.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all" * 100)
    refused(lakehouse, "gaj.resident", "delivery.incomplete")


def test_an_empty_file_is_incomplete(lakehouse: Lakehouse) -> None:
    lakehouse.file(PAYMENT, *WHEN, b"")
    refused(lakehouse, PAYMENT, "delivery.incomplete")


@pytest.mark.parametrize("cut", [12, 20, 30])
def test_a_half_uploaded_file_is_incomplete(lakehouse: Lakehouse, cut: int) -> None:
    lakehouse.file(PAYMENT, *WHEN, payments(50)[:-cut])
    refused(lakehouse, PAYMENT, "delivery.incomplete")


def test_a_file_that_only_lacks_the_last_line_end_is_complete(lakehouse: Lakehouse) -> None:
    lakehouse.file(PAYMENT, *WHEN, payments(50).removesuffix(b"\r\n"))
    assert lakehouse.ingest_one(PAYMENT).accepted == 50


def test_a_delivery_of_no_rows_is_empty(lakehouse: Lakehouse) -> None:
    lakehouse.file(PAYMENT, *WHEN, payments(0))
    outcome = lakehouse.ingest_one(PAYMENT)
    assert (outcome.status, outcome.received, outcome.rule) == ("empty", 0, None)


def test_a_zip_bomb_is_refused_unread(lakehouse: Lakehouse) -> None:
    path = lakehouse.file(PAYMENT, *WHEN, b"", ".csv.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tax_payment.csv", payments(0) + b"," * (64 << 20))
    refused(lakehouse, PAYMENT, "delivery.too_large")


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zip"])
def test_an_honest_archive_is_read(lakehouse: Lakehouse, suffix: str) -> None:
    path = lakehouse.file(PAYMENT, *WHEN, gzip.compress(payments(20)), suffix)
    if suffix == ".csv.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.csv", payments(20))
    assert lakehouse.ingest_one(PAYMENT).accepted == 20


def test_an_unknown_column_refuses_the_delivery(lakehouse: Lakehouse) -> None:
    header, _, rest = payments(5).partition(b"\r\n")
    rows = [line + b",x" for line in rest.split(b"\r\n") if line]
    lakehouse.file(PAYMENT, *WHEN, b"\r\n".join([header + ",征收所".encode("gb18030"), *rows]) + b"\r\n")
    assert "征收所" in refused(lakehouse, PAYMENT, "schema.unknown_column")


def test_a_missing_column_refuses_the_delivery(lakehouse: Lakehouse) -> None:
    lines = [line.rpartition(b",")[0] for line in payments(5).split(b"\r\n") if line]
    lakehouse.file(PAYMENT, *WHEN, b"\r\n".join(lines) + b"\r\n")
    assert "入库日期" in refused(lakehouse, PAYMENT, "schema.missing_column")


def test_a_changed_type_refuses_the_delivery(lakehouse: Lakehouse) -> None:
    rows = [payment(i, amount="一百元") for i in range(18)] + [payment(18), payment(19)]
    lakehouse.csv(PAYMENT, rows)
    assert "实缴金额" in refused(lakehouse, PAYMENT, "schema.changed_type")


def test_below_nine_tenths_the_bad_values_go_to_quarantine(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PAYMENT, [payment(i, amount="一百元") for i in range(16)] + [payment(i) for i in range(16, 20)])
    outcome = lakehouse.ingest_one(PAYMENT)
    assert (outcome.status, outcome.quarantined, outcome.accepted) == ("accepted", 16, 4)


def test_a_file_wholly_in_another_encoding_is_unreadable(lakehouse: Lakehouse) -> None:
    lakehouse.file(PAYMENT, *WHEN, csv_bytes(CONTRACTS[PAYMENT], [payment(1)], "utf-8"))
    assert "UTF-8" in refused(lakehouse, PAYMENT, "encoding.unreadable")


def test_rows_nearly_all_in_another_encoding_are_unreadable(lakehouse: Lakehouse) -> None:
    header = csv_bytes(CONTRACTS[PERMIT], [])
    rows = csv_bytes(CONTRACTS[PERMIT], [permit(i) for i in range(20)], "utf-8").partition(b"\r\n")[2]
    lakehouse.file(PERMIT, *WHEN, header + rows)
    refused(lakehouse, PERMIT, "encoding.unreadable")


def test_single_lines_in_utf8_go_to_quarantine_readable(lakehouse: Lakehouse) -> None:
    good = csv_bytes(CONTRACTS[PERMIT], [permit(1), permit(2)])
    foreign = csv_bytes(CONTRACTS[PERMIT], [permit(3, person_name="欧阳娜娜")], "utf-8").partition(b"\r\n")[2]
    last = csv_bytes(CONTRACTS[PERMIT], [permit(4)]).partition(b"\r\n")[2]
    lakehouse.file(PERMIT, *WHEN, good + foreign + last)
    outcome = lakehouse.ingest_one(PERMIT)
    assert (outcome.accepted, outcome.quarantined) == (3, 1)
    ((key, rule, number, raw),) = lakehouse.query("select key, rule, row_number, raw from ops.quarantine")
    assert (key, rule, number) == ("JZ00000003", "row.encoding", 3)
    assert json.loads(raw)["姓名"] == "欧阳娜娜"


BAD_VALUES = [
    ("amount", "NaN", "amount.type"),
    ("amount", "inf", "amount.type"),
    ("amount", "99999999999999999999.00", "amount.type"),
    ("amount", "12.345", "amount.type"),
    ("amount", "1,234.50", "amount.type"),
    ("amount", "１２.50", "amount.type"),
    ("amount", "1e5", "amount.type"),
    ("amount", "2000000000.00", "amount.range"),
    ("paid_on", "0001-01-01", "paid_on.range"),
    ("paid_on", "9999-12-31", "paid_on.range"),
    ("paid_on", "2026-02-30", "paid_on.type"),
    ("paid_on", "26/6/2026", "paid_on.type"),
    ("taxpayer_no", "91330113MA0000008W", "taxpayer_no.checksum"),
    ("taxpayer_no", "91330113ma0000007w", "taxpayer_no.checksum"),
    ("tax_kind_code", "99", "tax_kind_code.code_list"),
    ("period", "2026-13", "period.pattern"),
    ("voucher_no", "", "voucher_no.required"),
    ("voucher_no", " 　 ", "voucher_no.required"),
    ("voucher_no", "X" * 21, "voucher_no.length"),
]


def test_each_bad_value_is_quarantined_with_its_rule_and_the_good_rows_pass(lakehouse: Lakehouse) -> None:
    rows = [payment(i, **{column: value}) for i, (column, value, _) in enumerate(BAD_VALUES)]
    lakehouse.csv(PAYMENT, rows + [payment(i) for i in range(100, 160)])
    outcome = lakehouse.ingest_one(PAYMENT)
    assert (outcome.accepted, outcome.quarantined) == (60, len(BAD_VALUES))
    found = lakehouse.query("select row_number, rule, column_name, reason from ops.quarantine order by 1")
    assert [rule for _, rule, _, _ in found] == [rule for _, _, rule in BAD_VALUES]
    assert [row for row, _, _, _ in found] == list(range(1, len(BAD_VALUES) + 1))
    assert all(column == rule.split(".")[0] and reason for _, rule, column, reason in found)


BAD_IDS = [
    "110105491231002",
    "11010519491231002x",
    "１１０１０５１９４９１２３１００２X",
    "110105194912310021",
    "11010518490229002X",
]


def test_resident_ids_of_every_wrong_kind_are_quarantined(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PERMIT, [permit(i, resident_id=bad) for i, bad in enumerate(BAD_IDS)] + [permit(9)])
    assert lakehouse.ingest_one(PERMIT).accepted == 1
    assert {rules for _, rules in lakehouse.quarantine()} == {"resident_id.checksum"}


def test_a_row_with_several_faults_names_all_of_them(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PAYMENT, [payment(1, amount="x", period="?", tax_kind_code="99"), payment(2)])
    lakehouse.ingest_one(PAYMENT)
    assert lakehouse.query("select rule, rules from ops.quarantine") == [
        ("tax_kind_code.code_list", "tax_kind_code.code_list,period.pattern,amount.type")
    ]


def test_rows_with_too_few_or_too_many_fields_are_put_aside(lakehouse: Lakehouse) -> None:
    lines = payments(6).split(b"\r\n")
    lines[2] = lines[2] + b",extra"
    lines[4] = lines[4].rpartition(b",")[0]
    lakehouse.file(PAYMENT, *WHEN, b"\r\n".join(lines))
    outcome = lakehouse.ingest_one(PAYMENT)
    assert (outcome.received, outcome.accepted, outcome.quarantined) == (6, 4, 2)
    assert lakehouse.query("select row_number, key, rules from ops.quarantine order by 1") == [
        (2, "SP00000001", "row.columns"),
        (4, "SP00000003", "row.columns"),
    ]
    assert lakehouse.query(f"select voucher_no, _row from {PAYMENT} order by 1") == [
        ("SP00000000", 1),
        ("SP00000002", 3),
        ("SP00000004", 5),
        ("SP00000005", 6),
    ]


def test_json_lines_that_are_no_objects_are_put_aside(lakehouse: Lakehouse) -> None:
    good = {"deviceId": "D1", "metricCode": "PM25", "measuredAt": "2026-06-24T01:00:00", "value": 35.1}
    later = good | {"measuredAt": "2026-06-24T02:00:00", "value": float("nan")}
    lines = [json.dumps(good), "not json", "[1, 2]", json.dumps(later), json.dumps(good | {"value": "十"})]
    lakehouse.file("sthj.device_reading", *WHEN, ("\n".join(lines) + "\n").encode())
    outcome = lakehouse.ingest_one("sthj.device_reading")
    assert (outcome.received, outcome.accepted, outcome.quarantined) == (5, 1, 4)
    assert lakehouse.query("select row_number, rules, raw from ops.quarantine order by 1")[:2] == [
        (2, "row.columns", "not json"),
        (3, "row.columns", "[1, 2]"),
    ]
    assert [rules for _, rules in lakehouse.quarantine()][2:] == ["value.type", "value.type"]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (
            '{"deviceId": "D1", "metricCode": "PM25", "measuredAt": "2026-06-24T01:00:00", "value": 1, "x": 1}\n',
            "schema.unknown_column",
        ),
        ('{"deviceId": "D1", "metricCode": "PM25", "measuredAt": "2026-06-24T01:00:00"}\n', "schema.missing_column"),
        ('{"deviceId": "D1", "metricCode": "PM25", "measu', "delivery.incomplete"),
    ],
)
def test_json_deliveries_of_another_shape_are_refused(lakehouse: Lakehouse, line: str, rule: str) -> None:
    lakehouse.file("sthj.device_reading", *WHEN, line.encode())
    refused(lakehouse, "sthj.device_reading", rule)


def test_a_bad_delivery_does_not_keep_the_next_one_out(lakehouse: Lakehouse) -> None:
    lakehouse.file(PAYMENT, "20260624", "20260625020000", b"garbage")
    lakehouse.csv(PAYMENT, [payment(1)], "20260625", "20260626020000")
    assert [outcome.status for outcome in lakehouse.ingest(PAYMENT)] == ["failed", "accepted"]


def test_a_refused_delivery_stays_in_landing(lakehouse: Lakehouse) -> None:
    data = payments(50)[:-20]
    lakehouse.file(PAYMENT, *WHEN, data)
    refused(lakehouse, PAYMENT, "delivery.incomplete")
    kept = [path for path in (lakehouse.settings.landing / "swj" / "tax_payment").iterdir() if path.is_file()]
    assert [Path(path).read_bytes() for path in kept] == [data]


def test_faults_of_ours_are_raised(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    lakehouse.csv(PAYMENT, [payment(1)])
    monkeypatch.setattr("lakehouse.ingest.batch.judge_rest", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        lakehouse.ingest(PAYMENT)
