"""Settings from the environment: the day the figures speak of, and a wrong value that is named."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from lakehouse.connect.settings import Settings

CITYBRAIN = Path(sys.executable).with_name("citybrain")


def test_the_day_is_the_projects_own_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().as_of_date is None
    monkeypatch.setenv("CITYBRAIN_AS_OF", "2027-02-28")
    assert Settings().as_of_date == date(2027, 2, 28)


def test_today_is_today_in_beijing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_AS_OF", "today")
    before, found = datetime.now(UTC), Settings().as_of_date
    assert found in {(moment + timedelta(hours=8)).date() for moment in (before, datetime.now(UTC))}


@pytest.mark.parametrize(("name", "value"), [("CITYBRAIN_AS_OF", "yesterday"), ("CITYBRAIN_PROFILE", "cloud")])
def test_a_wrong_setting_is_named_and_there_is_no_traceback(tmp_path: Path, name: str, value: str) -> None:
    environment = {**os.environ, "CITYBRAIN_HOME": str(tmp_path), name: value}
    done = subprocess.run([CITYBRAIN, "tables"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr
