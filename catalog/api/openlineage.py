"""Run events of OpenLineage (spec 2-0-2) as they come from Airflow and dbt, and the edges that they tell.

Only what the catalogue uses is looked at; facets of any kind may come along. A dataset is known here by the last two
parts of its name, ``schema.table``: the parts before name an engine's catalog or file, which differ between profiles.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from catalog.api.errors import ApiError

LARGEST_EVENT = 1 << 20  # bytes
LONGEST_NAME = 500
MOST_DATASETS = 1000
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,127}\Z")


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class _InputField(_Part):
    name: str = Field(max_length=LONGEST_NAME)
    field: str = Field(max_length=LONGEST_NAME)


class _ColumnSources(_Part):
    inputs: list[_InputField] = Field(default_factory=list, alias="inputFields", max_length=MOST_DATASETS)


class _ColumnLineage(_Part):
    fields: dict[str, _ColumnSources] = Field(default_factory=dict, max_length=MOST_DATASETS)


class _Facets(_Part):
    column_lineage: _ColumnLineage | None = Field(default=None, alias="columnLineage")


class _Dataset(_Part):
    namespace: str = Field(min_length=1, max_length=LONGEST_NAME)
    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    facets: _Facets = Field(default_factory=_Facets)

    @property
    def table(self) -> str:
        """``schema.table``."""
        return table_name(self.name)


class _Run(_Part):
    run_id: UUID = Field(alias="runId")


class _Job(_Part):
    namespace: str = Field(min_length=1, max_length=LONGEST_NAME)
    name: str = Field(min_length=1, max_length=LONGEST_NAME)


class RunEvent(_Part):
    """One run event. Raises ``pydantic.ValidationError`` for what the specification requires and is not there."""

    at: AwareDatetime = Field(alias="eventTime")
    kind: Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"] = Field(default="OTHER", alias="eventType")
    producer: str = Field(min_length=1, max_length=LONGEST_NAME)
    schema_url: str = Field(alias="schemaURL", min_length=1, max_length=LONGEST_NAME)
    run: _Run
    job: _Job
    inputs: list[_Dataset] = Field(default_factory=list, max_length=MOST_DATASETS)
    outputs: list[_Dataset] = Field(default_factory=list, max_length=MOST_DATASETS)

    @property
    def event_id(self) -> str:
        """The same event sent twice has the same id: its run, job, kind and time make it."""
        parts = (str(self.run.run_id), self.job.namespace, self.job.name, self.kind, self.at.isoformat())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def job_name(self) -> str:
        """``namespace/name``."""
        return f"{self.job.namespace}/{self.job.name}"

    def edges(self) -> Iterator[Edge]:
        """Yield what a completed run tells: which table is made from which, and which column from which."""
        if self.kind != "COMPLETE":
            return
        sources = {dataset.table for dataset in self.inputs}
        for made in self.outputs:
            yield from (Edge(source, "", made.table, "") for source in sorted(sources - {made.table}))
            lineage = made.facets.column_lineage
            for column, told in sorted(lineage.fields.items()) if lineage else ():
                for source in told.inputs:
                    yield Edge(table_name(source.name), source.field, made.table, column)


class Edge(NamedTuple):
    """``downstream`` is made from ``upstream``; the columns are empty for the tables as a whole."""

    upstream: str
    upstream_column: str
    downstream: str
    downstream_column: str


def table_name(name: str) -> str:
    """Return the catalogue's name of a dataset, or the name as it came when it is no table of ours."""
    short = ".".join(name.replace('"', "").split("/")[-1].split(".")[-2:]).lower()
    return short if _NAME.match(short) else name


def read_event(body: bytes) -> tuple[RunEvent, dict[str, Any]]:
    """Return an event and its plain JSON.

    Raises:
        ApiError: 413 too large, 400 no JSON, 422 no run event; the message names the field.
    """
    if len(body) > LARGEST_EVENT:
        raise ApiError(413, "event_too_large", "血缘事件过大", f"不超过 {LARGEST_EVENT} 字节")
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        raise ApiError(400, "not_json", "请求体不是 JSON", f"规范见 {SPEC}") from None
    try:
        return RunEvent.model_validate(raw), raw
    except ValidationError as fault:
        where = "；".join(
            f"{'.'.join(map(str, error['loc'])) or '事件'}：{error['msg']}"
            for error in fault.errors(include_input=False)[:5]
        )
        raise ApiError(422, "not_a_run_event", f"不是 OpenLineage 运行事件：{where}", f"规范见 {SPEC}") from None


def moment(at: datetime) -> str:
    """Return a time as it is kept, in UTC, so that text sorts like time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
