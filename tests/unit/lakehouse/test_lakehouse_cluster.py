"""The cluster profile's settings and errors, without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakehouse.connect import nessie as nessie_module
from lakehouse.connect import objects
from lakehouse.connect.cluster import ClusterSettings, ProfileUnavailable, cluster_settings
from lakehouse.connect.nessie import COMMIT_ID, CommitConflict, Nessie, ReferenceGone
from lakehouse.connect.servers import ServerUnavailable
from lakehouse.connect.settings import Settings

SECRET = "s3-secret-of-the-test"
FILE = {
    "nessie_uri": "http://127.0.0.1:1",
    "bucket": "lake-of-the-unit-test",
    "s3_endpoint": "http://127.0.0.1:2",
    "s3_access_key": "key",
    "s3_secret_key": SECRET,
    "database_uri": "postgresql://citybrain:pg-secret@127.0.0.1:3/app",
}


def make_settings(home: Path, **changes: Any) -> Settings:
    (home / "cluster.json").write_text(json.dumps({**FILE, **changes}), encoding="utf-8")
    return Settings(home=home, profile="cluster")


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    cluster = cluster_settings(make_settings(tmp_path))

    shown = f"{cluster!r} {cluster.database_address} {objects.store_of('s3://lake-of-the-unit-test/x')!r}"

    assert SECRET not in shown
    assert "pg-secret" not in shown
    assert cluster.database_address == "postgresql://127.0.0.1:3/app"


def test_incomplete_file_names_the_fields_and_no_values(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    (tmp_path / "cluster.json").write_text(json.dumps({"bucket": SECRET}), encoding="utf-8")

    with pytest.raises(ProfileUnavailable, match=r"database_uri, nessie_uri.*citybrain stack up") as refused:
        cluster_settings(settings)
    assert SECRET not in str(refused.value)


def test_another_file_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_settings(tmp_path, bucket="elsewhere")
    monkeypatch.setenv("CITYBRAIN_CLUSTER_FILE", str(tmp_path / "cluster.json"))

    assert cluster_settings(Settings(home=tmp_path / "home", profile="cluster")).bucket == "elsewhere"


@pytest.mark.parametrize(
    ("prefix", "branch", "reference"),
    [("", "run_2026", "run_2026-t3"), ("", "a.b", "a_b-t3"), ("dev-", "inbound", "dev-inbound-t3")],
)
def test_reference_carries_prefix_and_token(prefix: str, branch: str, reference: str) -> None:
    assert ClusterSettings.model_validate({**FILE, "reference_prefix": prefix}).reference(branch, 3) == reference


def test_objects_of_an_unknown_bucket_are_refused() -> None:
    with pytest.raises(PermissionError, match="nobodys-bucket"):
        objects.read_bytes("s3://nobodys-bucket/x")


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("AWS Error SIGNATURE_DOES_NOT_MATCH during GetObject", "user and password"),
        ("FATAL: password authentication failed for user", "user and password"),
        ("HTTP 403 Forbidden", "user and password"),
        ("AWS Error REQUEST_TIME_TOO_SKEWED", "clocks"),
        ("RequestTimeTooSkewed: the difference is too large", "clocks"),
        ("XMinioStorageFull: Storage backend has reached its minimum free drive threshold", "space"),
        ("could not extend file: No space left on device", "space"),
        ("connection refused", "citybrain stack status"),
    ],
)
def test_what_to_do_follows_from_what_the_server_said(said: str, remedy: str) -> None:
    assert remedy in str(ServerUnavailable("object store", "http://127.0.0.1:2", said))


class FakeNessie:
    """Answers requests in order; an exception is raised instead of answering."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: httpx.Response | Exception) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = list(answers)
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        monkeypatch.setattr(nessie_module, "_client", lambda _process: client)
        monkeypatch.setattr(nessie_module.time, "sleep", lambda _seconds: None)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def methods(self) -> list[str]:
        return [request.method for request in self.requests]


def log_with(commit_id: str) -> httpx.Response:
    meta = {"hash": "h2", "allProperties": {COMMIT_ID: [commit_id]}}
    return httpx.Response(200, json={"logEntries": [{"commitMeta": meta}], "hasMore": False})


def test_reads_are_tried_again_and_commits_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    server = FakeNessie(monkeypatch, httpx.ReadError("cut"), httpx.Response(200, json={"reference": {"hash": "h1"}}))
    assert Nessie("http://n").head("main") == "h1"
    assert server.methods() == ["GET", "GET"]

    server = FakeNessie(monkeypatch, httpx.ReadError("cut"), log_with("another"))
    with pytest.raises(ServerUnavailable) as lost:
        Nessie("http://n").commit("main", "h1", [], "message", commit_id="mine")
    assert lost.value.is_unknown
    assert server.methods() == ["POST", "GET"]


@pytest.mark.parametrize("lost", [httpx.ReadTimeout("slow"), httpx.Response(502, text="gateway")])
def test_lost_acknowledgement_is_found_in_the_log(
    monkeypatch: pytest.MonkeyPatch, lost: httpx.Response | Exception
) -> None:
    server = FakeNessie(monkeypatch, lost, log_with("mine"))

    assert Nessie("http://n").commit("main", "h1", [], "message", commit_id="mine") == "h2"
    assert server.methods() == ["POST", "GET"]


def test_commit_that_was_never_received_is_known_not_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNessie(monkeypatch, httpx.ConnectError("refused"))

    with pytest.raises(ServerUnavailable) as refused:
        Nessie("http://n").commit("main", "h1", [], "message")
    assert not refused.value.is_unknown


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(404, "REFERENCE_NOT_FOUND", ReferenceGone), (409, "REFERENCE_CONFLICT", CommitConflict)],
)
def test_refusals_are_told_from_failures(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str, error: type[Exception]
) -> None:
    FakeNessie(monkeypatch, httpx.Response(status, json={"errorCode": code, "message": "no"}))

    with pytest.raises(error, match="no"):
        Nessie("http://n").commit("main", "h1", [], "message")


def test_long_lists_are_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [
        {"references": [{"type": "BRANCH", "name": "a", "hash": "1"}], "hasMore": True, "token": "next"},
        {"references": [{"type": "BRANCH", "name": "b", "hash": "2"}, {"type": "TAG", "name": "t", "hash": "3"}]},
    ]
    server = FakeNessie(monkeypatch, *(httpx.Response(200, json=page) for page in pages))

    assert Nessie("http://n").references() == {"a": "1", "b": "2"}
    assert server.requests[1].url.params["page-token"] == "next"
