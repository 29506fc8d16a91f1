"""The export as a whole: from a published home, by OpenMetadata's workflow, to a file and to a server."""

from __future__ import annotations

import json
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from metadata.__version__ import get_client_version
from typer.testing import CliRunner

from catalog.contract.load import CATALOG_ROOT, load_contracts, load_vocabulary
from catalog.derive.catalogue import catalogue_entry
from catalog.exchange.errors import ExchangeError
from catalog.exchange.reading import read_entries, read_records
from catalog.exchange.workflow import FILE, export_to_file, export_to_server
from infra.cli.main import app
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.integration

TOKEN = "header.payload.signature"


@pytest.fixture(scope="module")
def told(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a published home tells, in a file."""
    folder = tmp_path_factory.mktemp("told")
    export_to_file(Settings(home=published_home), folder)
    return folder / FILE


def test_a_published_home_tells_everything(told: Path) -> None:
    found = Counter(type(record).__name__ for record in read_records(told))
    assert found["CreateTableRequest"] > 50
    assert found["OMetaFQNLineageRequest"] > 30
    assert found["OMetaTestCaseResultsSample"] > 300
    assert found["OMetaTableProfileSampleData"] > 50
    assert found["CreateTestCaseRequest"] >= found["OMetaTestCaseResultsSample"]


def test_lineage_reaches_from_a_source_column_to_a_mart_column(told: Path) -> None:
    lines = [
        (source.root, line.toColumn.root)
        for edge in read_records(told)
        if type(edge).__name__ == "OMetaFQNLineageRequest"
        for line in edge.lineage_details.columnsLineage or []
        for source in line.fromColumns
    ]
    assert ("citybrain.lake.gaj.resident.resident_id", "citybrain.lake.population.dim_person.resident_id") in lines


def test_no_value_of_a_row_is_told(told: Path) -> None:
    for record in read_records(told):
        if type(record).__name__ == "OMetaTableProfileSampleData":
            assert all(column.min is None and column.max is None for column in record.profile.columnProfile)


def test_telling_again_gives_the_same_bytes(told: Path, published_home: Path, tmp_path: Path) -> None:
    export_to_file(Settings(home=published_home), tmp_path)
    assert (tmp_path / FILE).read_bytes() == told.read_bytes()


def test_the_commands_write_and_read_back(
    published_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITYBRAIN_HOME", str(published_home))
    done = CliRunner().invoke(app, ["metadata", "export", "--out", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    back = CliRunner().invoke(app, ["metadata", "import", str(tmp_path / FILE), "--check"])
    assert back.exit_code == 0, back.output


def test_a_difference_is_told_by_check(told: Path, tmp_path: Path) -> None:
    documents = json.loads(told.read_text(encoding="utf-8"))
    table = next(document for document in documents if document.get("name") == "resident" and "columns" in document)
    table["displayName"] = "另一个名称"
    (tmp_path / FILE).write_text(json.dumps(documents), encoding="utf-8")
    done = CliRunner().invoke(app, ["metadata", "import", str(tmp_path / FILE), "--check", "--json"])
    assert done.exit_code == 1
    assert "gaj.resident: name differs" in done.output


def test_a_contract_with_unknown_words_stops_before_anything_is_written(tmp_path: Path) -> None:
    from shutil import copytree

    from catalog.contract.load import CATALOG_ROOT

    for part in ("contracts", "vocabulary"):
        copytree(CATALOG_ROOT / part, tmp_path / "catalog" / part)
    words = tmp_path / "catalog" / "vocabulary" / "code_lists.yaml"
    words.write_text(words.read_text(encoding="utf-8").replace("\nsex:", "\nsexes:"), encoding="utf-8")
    with pytest.raises(ExchangeError, match="names the code list 'sex'"):
        export_to_file(Settings(home=tmp_path / "home"), tmp_path / "out", root=tmp_path / "catalog")
    assert list((tmp_path / "out").iterdir()) == []


REFERRED = ("classification", "parent", "service", "testDefinition", "basicEntityReference")


def as_entity(path: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return a request as the entity that a server makes of it: with an identifier, and references instead of names."""
    name = request.get("name", "x")
    entity = {**request, "id": identifier(f"{path}/{name}"), "fullyQualifiedName": name}
    for field in REFERRED:
        if field in request:
            entity[field] = {"id": identifier(request[field]), "type": field, "name": request[field]}
    if "/testCases" in path:
        entity["testSuite"] = {"id": identifier("suite"), "type": "testSuite"}
    for field in ("domains", "owners"):
        entity.pop(field, None)
    return entity


def identifier(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


class Recorder(BaseHTTPRequestHandler):
    """A server that keeps what it is sent, and says yes as OpenMetadata does."""

    asked: ClassVar[list[tuple[str, str, Any]]] = []
    tokens: ClassVar[set[str]] = set()
    refuses: ClassVar[str] = ""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.tokens.add(self.headers.get("Authorization", ""))
        if path.endswith("/system/version"):
            self.answer(200, {"version": get_client_version(), "revision": "", "timestamp": 0})
            return
        name = path.rpartition("/")[2]
        made = {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, path)), "name": name, "fullyQualifiedName": name}
        if "/teams/name/" in path:
            self.answer(200, {**made, "teamType": "Department"})
        elif "/tables/name/" in path:
            self.answer(200, {**made, "columns": []})
        elif "/metadata/types/" in path:
            self.answer(200, {**made, "category": "field", "nameSpace": "basic"})
        else:
            self.answer(200, made)

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        path = urlsplit(self.path).path
        self.asked.append((self.command, path, body))
        if self.refuses and self.refuses in path:
            self.answer(400, {"code": 400, "message": "no"})
        elif path.endswith("/bulk"):
            done = [{"request": str(number), "status": 200} for number, _ in enumerate(body)]
            self.answer(200, {"status": "success", "numberOfRowsProcessed": len(body), "successRequest": done})
        else:
            self.answer(200, as_entity(path, body if isinstance(body, dict) else {}))

    do_POST = do_PATCH = do_PUT

    def answer(self, status: int, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[str]:
    Recorder.asked.clear()
    Recorder.tokens.clear()
    Recorder.refuses = ""
    running = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()
    thread.join()


def test_a_server_that_refuses_is_told_without_the_token(server: str, tmp_path: Path) -> None:
    Recorder.refuses = "/teams"
    with pytest.raises(ExchangeError, match="records were not taken") as refusal:
        export_to_server(Settings(home=tmp_path), server, TOKEN)
    assert TOKEN not in str(refusal.value)


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match=r"127\.0\.0\.1:9"):
        export_to_server(Settings(home=tmp_path), "http://127.0.0.1:9", TOKEN)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--server", "http://127.0.0.1:9"],
        ["--token-file", "t"],
        ["--server", "http://127.0.0.1:9", "--token-file", "none"],
    ],
)
def test_server_and_token_file_go_together(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["metadata", "export", *arguments])
    assert done.exit_code != 0
    assert "token" in f"{done.output}{done.exception}"


def test_a_file_of_nothing_gives_no_entries(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("[\n\n]", encoding="utf-8")
    assert read_entries(tmp_path / FILE) == {}


def test_entries_of_the_published_file_are_those_of_the_contracts(told: Path) -> None:
    words = load_vocabulary()
    assert read_entries(told) == {key: catalogue_entry(contract, words) for key, contract in load_contracts().items()}


def test_what_was_approved_in_the_catalogue_is_told_as_well(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, folder = Settings(), CATALOG_ROOT / "contracts" / "gaj"
    text = (folder / "vehicle.odcs.yaml").read_text(encoding="utf-8")
    new = text.replace("gaj.vehicle", "gaj.trailer").replace("name: vehicle\n", "name: trailer\n")
    place = settings.contracts / "gaj"
    place.mkdir(parents=True)
    (place / "trailer.odcs.yaml").write_text(new, encoding="utf-8")
    (place / "vehicle.odcs.yaml").write_text(text.replace("status: active", "status: retired"), encoding="utf-8")
    export_to_file(settings, tmp_path)
    told = read_entries(tmp_path / FILE)
    assert set(told) == {*load_contracts(), "gaj.trailer"} - {"gaj.vehicle"}
    check = ["metadata", "import", str(tmp_path / FILE), "--check"]
    assert CliRunner().invoke(app, check).exit_code == 0
    monkeypatch.setenv("CITYBRAIN_HOME", str(home / "another"))
    refused = CliRunner().invoke(app, check)
    assert refused.exit_code == 1
    assert all(key in refused.output for key in ("gaj.trailer", "gaj.vehicle"))


def test_a_server_is_sent_everything_stage_by_stage(server: str, tmp_path: Path) -> None:
    told = export_to_server(Settings(home=tmp_path), server, TOKEN)
    paths = [path for _, path, _ in Recorder.asked]
    assert told.records > 0
    assert Recorder.tokens == {f"Bearer {TOKEN}"}
    first = {
        name: next(n for n, path in enumerate(paths) if name in path) for name in ("/teams", "/tables", "/dataQuality")
    }
    assert first["/teams"] < first["/tables"] < first["/dataQuality"]
    tables = [table for _, path, body in Recorder.asked if path.endswith("/tables/bulk") for table in body]
    assert len(tables) >= len(load_contracts())
    assert any("metadata/types" in path for path in paths)
