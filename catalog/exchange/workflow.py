"""Run OpenMetadata's own ingestion workflow: to its file sink, or to a server."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.contract.load import CATALOG_ROOT
from catalog.exchange.errors import ExchangeError
from catalog.exchange.names import Place
from lakehouse.connect.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of model fields that shadow others, inside OpenMetadata's own connectors
    from metadata.config.common import WorkflowExecutionError
    from metadata.ingestion.api.step import Summary
    from metadata.ingestion.sink.file import FileSink
    from metadata.workflow.metadata import MetadataWorkflow

    from catalog.exchange import source as options
    from catalog.exchange.standin import standin

SHOWN_FAILURES = 5
FILE = "openmetadata.json"
NO_TOKEN = "none"  # noqa: S105  # the stand-in asks for no token, the client wants one


class FileWorkflow(MetadataWorkflow):  # type: ignore[misc]  # OpenMetadata's classes are not followed by mypy here
    """The metadata workflow with the file sink.

    The workflow of 2.0.3 gives every sink the setting ``override_metadata``, which its own file sink refuses.
    """

    def _get_sink(self) -> FileSink:
        return FileSink.create(self.config.sink.model_dump()["config"], self.metadata)


@dataclass(frozen=True)
class Told:
    """What a run did: records given on, and where to."""

    records: int
    where: str


def export_to_file(settings: Settings, folder: Path, *, root: Path = CATALOG_ROOT, place: Place | None = None) -> Told:
    """Write the catalogue to ``folder/openmetadata.json`` by OpenMetadata's file sink; whole, or not at all.

    Raises:
        ExchangeError: something could not be told; the message names it.
    """
    source = source_config(settings, root, place or Place())
    return run_to_file(source, folder / FILE)


def run_to_file(source: dict[str, Any], target: Path, *, service_type: str = "CustomDatabase") -> Told:
    """Run a source to the file sink, without a server; the file is whole, or not there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    sink = {"type": "file", "config": {"filename": str(fresh)}}
    try:
        with standin(service_type) as url:
            records = _run(FileWorkflow, source, sink, url, NO_TOKEN)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return Told(records, str(target))


def export_to_server(
    settings: Settings, url: str, token: str, *, root: Path = CATALOG_ROOT, place: Place | None = None
) -> Told:
    """Send the catalogue to an OpenMetadata server; ``url`` is its address with or without ``/api``.

    What a person changed there in a field that a contract states is set back: the contract is the truth.

    Raises:
        ExchangeError: the server does not answer, refuses the token, or did not take something.
    """
    address = url.rstrip("/")
    address = address if address.endswith("/api") else f"{address}/api"
    source = source_config(settings, root, place or Place(), to_server=True)
    return Told(_run(MetadataWorkflow, source, {"type": "metadata-rest", "config": {}}, address, token), address)


def source_config(settings: Settings, root: Path, place: Place, *, to_server: bool = False) -> dict[str, Any]:
    """Return the workflow's source: our class, by the extension point for custom connectors."""
    given = {
        options.HOME: str(settings.root),
        options.PROFILE: settings.profile,
        options.CATALOG_ROOT: str(root),
        options.DATABASE: place.database,
        **({options.TO_SERVER: "true"} if to_server else {}),
    }
    connection = {
        "type": "CustomDatabase",
        "sourcePythonClass": f"{options.__name__}.{options.CatalogueSource.__name__}",
        "connectionOptions": given,
    }
    return {
        "type": "CustomDatabase",
        "serviceName": place.service,
        "serviceConnection": {"config": connection},
        "sourceConfig": {"config": {"type": "DatabaseMetadata", "overrideMetadata": to_server}},
    }


def _run(kind: type[Any], source: dict[str, Any], sink: dict[str, Any], url: str, token: str) -> int:
    server = {"hostPort": url, "authProvider": "openmetadata", "securityConfig": {"jwtToken": token}}
    quiet = {"loggerLevel": "ERROR", "openMetadataServerConfig": server}
    try:
        workflow = kind.create({"source": source, "sink": sink, "workflowConfig": quiet})
    except Exception as fault:  # the source's own connector raises what its client raises
        raise ExchangeError(_without(token, _first_line(fault))) from None
    try:
        workflow.execute()
    except WorkflowExecutionError as fault:
        raise ExchangeError(_without(token, str(fault))) from None
    failures = [failure for step in workflow.workflow_steps() for failure in step.get_status().failures]
    if failures:
        shown = "; ".join(f"{failure.name}: {failure.error}" for failure in failures[:SHOWN_FAILURES])
        more = f"; and {len(failures) - SHOWN_FAILURES} more" if len(failures) > SHOWN_FAILURES else ""
        raise ExchangeError(_without(token, f"{len(failures)} records were not taken: {shown}{more}"))
    return int(Summary.from_step(workflow.steps[0]).records or 0)


def _first_line(fault: Exception) -> str:
    lines = str(fault).strip().splitlines()
    return lines[0] if lines else type(fault).__name__


def _without(token: str, text: str) -> str:
    return text.replace(token, "***") if token != NO_TOKEN else text
