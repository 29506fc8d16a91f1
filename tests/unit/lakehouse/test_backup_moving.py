"""Moving a warehouse changes locations below the old folder, and nothing that only looks like one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyiceberg.typedef import Record

from lakehouse.backup.moving import _Move
from lakehouse.connect.versions import DELETE_PATH_ID

MOVE = _Move(Path("/stage"), "/srv/old", "/srv/somewhere/new")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/srv/old", "/srv/somewhere/new"),
        ("/srv/old/gaj/person/a.parquet", "/srv/somewhere/new/gaj/person/a.parquet"),
        ("/srv/older/gaj/a.parquet", "/srv/older/gaj/a.parquet"),
        ("x/srv/old/a", "x/srv/old/a"),
        ("", ""),
    ],
)
def test_only_what_lies_below_the_old_folder_moves(before: str, after: str) -> None:
    assert MOVE.location(before) == after


def test_locations_move_wherever_they_stand() -> None:
    value: dict[Any, Any] = {
        "location": "/srv/old/t",
        "log": [{"metadata-file": "/srv/old/t/1.json"}, 7, None],
        DELETE_PATH_ID: b"/srv/old/t/a.parquet",
        5: b"/srv/old/t/a.parquet",
    }
    moved = MOVE.value(Record(1, value, "/srv/old/t"))
    assert moved[0] == 1
    assert moved[1] == {
        "location": "/srv/somewhere/new/t",
        "log": [{"metadata-file": "/srv/somewhere/new/t/1.json"}, 7, None],
        DELETE_PATH_ID: b"/srv/somewhere/new/t/a.parquet",
        5: b"/srv/old/t/a.parquet",  # the bounds of a column of data are data
    }
    assert moved[2] == "/srv/somewhere/new/t"
