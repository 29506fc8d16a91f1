"""What makes Data Docs work without a network, and what keeps the command line fast."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import pytest

from expectations.docs import EXTERNAL, STATIC, offline


def test_vendored_files_are_what_the_manifest_says() -> None:
    manifest = json.loads((STATIC / "vendor.json").read_text())
    assert {entry["file"] for entry in manifest} == {path.name for path in (STATIC / "vendor").iterdir()}
    for entry in manifest:
        content = (STATIC / "vendor" / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], entry["file"]
        assert entry["licence"] in {"MIT", "Apache-2.0"}


@pytest.mark.parametrize(
    ("tag", "kept"),
    [
        ('<script src="https://code.jquery.com/jquery-3.7.1.min.js"></script>', "vendor/jquery.min.js"),
        (
            '<link rel="stylesheet" href="https://x.org/bootstrap/4.3.1/css/bootstrap.min.css"/>',
            "vendor/bootstrap.min.css",
        ),
        ('<script src="https://cdn.jsdelivr.net/npm/vega@5"></script>', ""),
        ('<script src="https://elsewhere.example/tracker.js"></script>', ""),
        ('<img class="x" src="https://elsewhere.example/logo.png">', "Great Expectations"),
        ('<a href="https://elsewhere.example">words</a>', "words"),
        ("background: url('https://elsewhere.example/a.png') 0 0", "none"),
    ],
)
def test_what_is_external_becomes_local_or_goes(tag: str, kept: str) -> None:
    text = offline(f"<p>before</p>{tag}<p>after</p>", "../assets")
    assert not EXTERNAL.search(text)
    assert kept in text
    assert "before" in text
    assert "after" in text


def test_an_external_request_of_an_unknown_kind_is_noticed() -> None:
    text = offline('<iframe src="https://elsewhere.example"></iframe>', "assets")
    assert EXTERNAL.search(text)


def test_importing_the_package_does_not_import_great_expectations() -> None:
    modules = "expectations.run, expectations.docs, expectations.marts, expectations.delivery, infra.bench.quality"
    code = f"import sys, {modules}; sys.exit('great_expectations' in sys.modules or 'pandas' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
