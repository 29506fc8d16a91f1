"""No deployment file holds a secret."""

from __future__ import annotations

import re
from pathlib import Path

INFRA = Path(__file__).resolve().parents[3] / "infra"
FOLDERS = ("terraform", "kubernetes")
SUFFIXES = {".tf", ".hcl", ".tfvars", ".yaml", ".tpl", ""}
SECRET = re.compile(
    r"(?i)\b[a-z0-9_.-]*(secret[_-]?key|password|token|access[_-]?key|shared-secret)\s*[=:]\s*(?P<value>\S+)"
)
PLACES = re.compile(r"^[\"']?(?:false|true|\$\{|\{\{|var\.|self\.|local\.|module\.|each\.|#|[\"']?$)")


def secrets_in(text: str) -> list[str]:
    return [line for line in text.splitlines() if (found := SECRET.search(line)) and not PLACES.match(found["value"])]


def test_no_deployment_file_holds_a_secret() -> None:
    files = [p for folder in FOLDERS for p in (INFRA / folder).rglob("*") if p.is_file() and p.suffix in SUFFIXES]
    assert len(files) > 20
    assert {str(file): held for file in files if (held := secrets_in(file.read_text(encoding="utf-8")))} == {}


def test_a_secret_in_a_file_would_be_noticed() -> None:
    assert secrets_in('secret_key = "abc"')
    assert secrets_in("    s3.aws-secret-key=abc")
    assert secrets_in("  password: hunter2")
    assert not secrets_in("    s3.aws-secret-key=${ENV:S3_SECRET_KEY}")
