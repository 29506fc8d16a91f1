"""Law: the bounds in a manifest never exclude a value of the file; otherwise pruning would lose rows."""

from __future__ import annotations

import tempfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pyiceberg.table import Table

from lakehouse.branches import open_branch
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import ensure_table
from lakehouse.tables.files import data_files
from lakehouse.tables.pruning import bounds

KINDS: dict[str, tuple[str, pa.DataType, st.SearchStrategy[Any]]] = {
    "text": ("string", pa.string(), st.text(max_size=60).filter(lambda text: "\x00" not in text)),
    "number": ("long", pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "small": ("int", pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "money": ("decimal(12, 2)", pa.decimal128(12, 2), st.decimals(-(10**9), 10**9, places=2)),
    "day": ("date", pa.date32(), st.dates(date(1, 1, 1), date(9999, 12, 31))),
    "moment": ("timestamp", pa.timestamp("us"), st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))),
    "flag": ("boolean", pa.bool_(), st.booleans()),
    "measure": ("double", pa.float64(), st.floats(allow_nan=True, allow_infinity=True)),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    settings = Settings(home=tmp_path_factory.mktemp("bounds"))
    fields = [
        {"id": number, "name": name, "type": kind, "required": False}
        for number, (name, (kind, _, _)) in enumerate(KINDS.items(), 1)
    ]
    branch = open_branch(settings, "run")
    return ensure_table(open_catalog(settings, branch.catalog_name), "x.bounds", {"type": "struct", "fields": fields})


@given(data=st.data(), rows=st.integers(1, 6), groups=st.integers(1, 3))
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_bounds_cover_every_value(table: Table, data: st.DataObject, rows: int, groups: int) -> None:
    columns = {
        name: data.draw(st.lists(st.one_of(st.none(), values), min_size=rows, max_size=rows))
        for name, (_, _, values) in KINDS.items()
    }
    schema = pa.schema(
        [
            pa.field(name, arrow, metadata={"PARQUET:field_id": str(number)})
            for number, (name, (_, arrow, _)) in enumerate(KINDS.items(), 1)
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        pq.write_table(pa.table(columns, schema=schema), path, row_group_size=max(1, rows // groups))
        [file] = data_files(table, [path])

    assert file.record_count == rows
    for field in table.schema().fields:
        low, high = bounds(file, field.field_id, field.field_type)
        present = [value for value in columns[field.name] if value is not None]
        assert file.null_value_counts[field.field_id] == rows - len(present)
        assert all((low is None or low <= value) and (high is None or value <= high) for value in present)


def test_money_bounds_are_exact(table: Table, tmp_path: Path) -> None:
    """Negative control of the law above: bounds that are always missing would satisfy it."""
    schema = pa.schema(
        [
            pa.field(name, arrow, metadata={"PARQUET:field_id": str(number)})
            for number, (name, (_, arrow, _)) in enumerate(KINDS.items(), 1)
        ]
    )
    values = {name: [None, None] for name in KINDS} | {"money": [Decimal("-1.50"), Decimal("7.25")], "text": ["b", "a"]}
    pq.write_table(pa.table(values, schema=schema), tmp_path / "x.parquet")
    [file] = data_files(table, [tmp_path / "x.parquet"])

    found = {field.name: bounds(file, field.field_id, field.field_type) for field in table.schema().fields}
    assert found["money"] == (Decimal("-1.50"), Decimal("7.25"))
    assert found["text"] == ("a", "b")
    assert found["number"] == (None, None)
