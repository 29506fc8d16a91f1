"""A home, a branch and a source root to deliver into."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingest_lakehouse import Lakehouse

from lakehouse.branches import open_branch
from lakehouse.connect.settings import Settings


@pytest.fixture
def lakehouse(tmp_path: Path) -> Lakehouse:
    settings = Settings(home=tmp_path / "home", memory_limit="600MB")
    return Lakehouse(settings, open_branch(settings, "test"), tmp_path / "source")
