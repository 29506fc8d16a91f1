"""Tell the catalogue, in OpenLineage events, which tables a build read and wrote, and which column came from which.

Lineage is news about work that is done: whatever goes wrong with the telling is logged, and the build goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from lakehouse.branches import Branch
from lakehouse.connect.database import SCRATCH_PREFIX
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.dbt_process import read_manifest
from lakehouse.pipeline.lineage import ColumnEdge
from lakehouse.pipeline.transform import LineageFault, build_path, built_marts, lineage_rows

if TYPE_CHECKING:
    from openlineage.client.event_v2 import OutputDataset, RunEvent

NAMESPACE = "citybrain"
PRODUCER = "citybrain/lakehouse.pipeline"
TECHNICAL = frozenset({"staging", "intermediate"})
TIMEOUT_SECONDS = 3.0  # for one answer
SEND_SECONDS = 10.0  # for all of them

log = structlog.get_logger(__name__)


def tell_build(settings: Settings, branch: Branch, topic: str | None) -> int:
    """Tell the catalogue what the last build on a branch made (of one topic); return how many tables it was told of.

    Without ``CITYBRAIN_LINEAGE_URL`` nothing is told.
    """
    if not settings.lineage_url:
        return 0
    database = build_path(settings, branch)
    try:
        manifest, built = read_manifest(database), built_marts(database, topic)
        edges = [ColumnEdge(**row) for row in lineage_rows(settings, database)]
        return send_build(settings, manifest, built, edges)
    except (LineageFault, OSError, ValueError) as fault:
        log.warning("lineage not sent", branch=branch.name, error=str(fault)[:300])
        return 0


def send_build(
    settings: Settings, manifest: Mapping[str, Any], built: Sequence[str], edges: Iterable[ColumnEdge]
) -> int:
    """Send one COMPLETE event for each table of ``built`` (``schema.table``); return how many were taken.

    The first that is not taken, or the end of ``SEND_SECONDS``, ends it. Raises ``OSError`` when the key cannot be read.
    """
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider

    url, key_file = settings.lineage_url, settings.lineage_key_file
    key = key_file.read_text(encoding="utf-8").strip() if key_file else ""
    auth = ApiKeyTokenProvider({"apiKey": key}) if key else TokenProvider({})
    client = OpenLineageClient(
        transport=HttpTransport(HttpConfig(url=url, timeout=TIMEOUT_SECONDS, auth=auth, retry={"total": 0}))
    )
    events, began = build_events(manifest, built, edges, at=datetime.now(UTC)), time.monotonic()
    for sent, event in enumerate(events):
        fault = "the catalogue answers too slowly" if time.monotonic() - began > SEND_SECONDS else ""
        try:
            if not fault:
                client.emit(event)
        except Exception as error:  # the client raises what its HTTP library raises
            fault = str(error)
        if fault:
            log.warning("lineage not sent", url=url, job=event.job.name, sent=sent, of=len(events), error=fault[:300])
            return sent
    return len(events)


def build_events(
    manifest: Mapping[str, Any], built: Sequence[str], edges: Iterable[ColumnEdge], *, at: datetime
) -> list[RunEvent]:
    """Return the events of a build: the job of a table is named like the table, so that a newer build replaces it.

    Readers know tables that are published: what is between them, staging and intermediate models, is left out.
    """
    from openlineage.client.event_v2 import InputDataset, Job, Run, RunEvent, RunState
    from openlineage.client.uuid import generate_new_uuid

    sources = _sources(manifest)
    by_table: dict[str, list[ColumnEdge]] = {}
    for edge in _without_technical(edges):
        by_table.setdefault(edge.downstream, []).append(edge)
    return [
        RunEvent(
            eventTime=at.isoformat(),
            producer=PRODUCER,
            run=Run(runId=str(generate_new_uuid(at))),
            job=Job(namespace=NAMESPACE, name=table),
            eventType=RunState.COMPLETE,
            inputs=[InputDataset(NAMESPACE, name) for name in sorted(sources.get(table, ()))],
            outputs=[_output(table, by_table.get(table, []))],
        )
        for table in built
    ]


def _output(table: str, edges: Sequence[ColumnEdge]) -> OutputDataset:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import column_lineage_dataset as facet

    fields: dict[str, list[facet.InputField]] = {}
    for edge in edges:
        source = facet.InputField(NAMESPACE, edge.upstream, edge.upstream_column)
        fields.setdefault(edge.downstream_column, []).append(source)
    told = facet.ColumnLineageDatasetFacet({name: facet.Fields(sources) for name, sources in fields.items()})
    return OutputDataset(NAMESPACE, table, facets={"columnLineage": told} if fields else {})


def _sources(manifest: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return table -> the tables that it is made from, those between skipped."""
    nodes = {**manifest["nodes"], **manifest["sources"]}
    names = {key: f"{node['schema'].removeprefix(SCRATCH_PREFIX)}.{node['name']}" for key, node in nodes.items()}
    reads = {key: [k for k in node.get("depends_on", {}).get("nodes", []) if k in names] for key, node in nodes.items()}
    return {names[key]: {names[found] for found in _reached(reads[key], reads, names)} for key in manifest["nodes"]}


def _reached(keys: Iterable[str], reads: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> set[str]:
    found: set[str] = set()
    waiting, seen = list(keys), set(keys)
    while waiting:
        key = waiting.pop()
        if not _is_technical(names[key]):
            found.add(key)
            continue
        fresh = set(reads[key]) - seen
        seen |= fresh
        waiting += fresh
    return found


def _without_technical(edges: Iterable[ColumnEdge]) -> list[ColumnEdge]:
    """Join the columns that technical tables stand between."""
    before: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for edge in edges:
        before.setdefault((edge.downstream, edge.downstream_column), set()).add((edge.upstream, edge.upstream_column))
    joined = []
    for column in sorted(column for column in before if not _is_technical(column[0])):
        waiting, seen = list(before[column]), set(before[column])
        while waiting:
            origin = waiting.pop()
            if not _is_technical(origin[0]):
                joined.append(ColumnEdge(*origin, *column))
                continue
            fresh = before.get(origin, set()) - seen
            seen |= fresh
            waiting += fresh
    return sorted(joined)


def _is_technical(name: str) -> bool:
    return name.partition(".")[0] in TECHNICAL
