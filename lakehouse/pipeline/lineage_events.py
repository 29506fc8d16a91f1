"""Tell the catalogue, in OpenLineage events, which tables a build read and wrote, and which column came from which."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from lakehouse.pipeline.lineage import ColumnEdge

if TYPE_CHECKING:
    from openlineage.client.event_v2 import OutputDataset, RunEvent

URL_VARIABLE, KEY_VARIABLE = "CITYBRAIN_LINEAGE_URL", "CITYBRAIN_LINEAGE_KEY"
NAMESPACE = "citybrain"
PRODUCER = "citybrain/lakehouse.pipeline"
TIMEOUT_SECONDS = 5.0

log = structlog.get_logger(__name__)


def send_build(manifest: Mapping[str, Any], built: Sequence[str], edges: Iterable[ColumnEdge]) -> int:
    """Send one COMPLETE event for each table of ``built`` (``schema.table``); return how many were taken.

    Without ``CITYBRAIN_LINEAGE_URL`` nothing is sent. Lineage is news about work that is done: a door that does not
    answer is logged, and the rest is not sent.
    """
    url = os.environ.get(URL_VARIABLE)
    if not url:
        return 0
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport

    key = ApiKeyTokenProvider({"apiKey": os.environ.get(KEY_VARIABLE, "")})
    config = HttpConfig(url=url, timeout=TIMEOUT_SECONDS, auth=key, retry={"total": 1})
    client = OpenLineageClient(transport=HttpTransport(config))
    sent = 0
    for event in build_events(manifest, built, edges, at=datetime.now(UTC)):
        try:
            client.emit(event)
        except Exception as error:  # the client raises what its HTTP library raises
            log.warning("lineage not sent", url=url, job=event.job.name, error=str(error)[:300])
            break
        sent += 1
    return sent


def build_events(
    manifest: Mapping[str, Any], built: Sequence[str], edges: Iterable[ColumnEdge], *, at: datetime
) -> list[RunEvent]:
    """Return the events of a build: the job of a table is named like the table, so that a newer build replaces it."""
    from openlineage.client.event_v2 import InputDataset, Job, Run, RunEvent, RunState
    from openlineage.client.uuid import generate_new_uuid

    names = {
        key: f"{node['schema']}.{node['name']}"
        for key, node in (*manifest["nodes"].items(), *manifest["sources"].items())
    }
    reads = {names[key]: node.get("depends_on", {}).get("nodes", []) for key, node in manifest["nodes"].items()}
    by_table: dict[str, list[ColumnEdge]] = {}
    for edge in edges:
        by_table.setdefault(edge.downstream, []).append(edge)
    return [
        RunEvent(
            eventTime=at.isoformat(),
            producer=PRODUCER,
            run=Run(runId=str(generate_new_uuid(at))),
            job=Job(namespace=NAMESPACE, name=table),
            eventType=RunState.COMPLETE,
            inputs=[InputDataset(NAMESPACE, names[key]) for key in sorted(reads.get(table, [])) if key in names],
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
