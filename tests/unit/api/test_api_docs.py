"""The documentation names every error code that the doors can answer, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from catalog.api.data import STATUS_OF

ROOT = Path(__file__).parents[3]
SOURCES = [*(ROOT / "catalog" / "api").glob("*.py"), *(ROOT / "catalog" / "web").glob("*.py")]
PERSON = ROOT / "catalog" / "access" / "person.py"
HTTP_CODES = {"http_404", "http_405"}


def test_docs_and_doors_name_the_same_error_codes() -> None:
    raised = {
        code for path in SOURCES for code in re.findall(r'ApiError\(\s*\d{3},\s*"(\w+)"', path.read_text("utf-8"))
    }
    person = (ROOT / "catalog" / "access" / "person.py").read_text("utf-8")
    raised |= set(re.findall(r'Decision\(\s*False,\s*"(\w+)"', person))
    assert len(raised) > 12
    decided = set(re.findall(r'Decision\(\s*False,\s*"(\w+)"', PERSON.read_text("utf-8")))
    assert decided == {"not_signed_in", "not_your_post", "not_your_department"}
    errors = (ROOT / "docs" / "api.md").read_text("utf-8").partition("## Errors")[2].partition("\n## ")[0]
    documented = set(re.findall(r"`(\w+)`", errors))
    assert documented == raised | decided | set(STATUS_OF) | HTTP_CODES
