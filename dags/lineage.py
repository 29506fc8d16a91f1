"""Tasks that say in OpenLineage's words what they read and write: the resources, by the names of their tables.

Marts are no output of a task here: the build itself says which is made from which, and a task that named all of them
beside all resources would say that each is made from each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator

NAMESPACE, SOURCES = "citybrain", "citybrain.departments"


class StepOperator(PythonOperator):  # type: ignore[misc]  # Airflow is not followed by mypy here
    """Call a step; ``reads`` and ``writes`` are resources, ``source`` is one as its department delivers it."""

    def __init__(
        self, *, reads: Sequence[str] = (), writes: Sequence[str] = (), source: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.reads, self.writes, self.source = tuple(reads), tuple(writes), source

    def get_openlineage_facets_on_start(self) -> Any:
        """Return what the listener asks for."""
        from airflow.providers.openlineage.extractors import OperatorLineage
        from openlineage.client.event_v2 import Dataset

        delivered = [Dataset(SOURCES, self.source.replace(".", "/"))] if self.source else []
        return OperatorLineage(
            inputs=[*delivered, *(Dataset(NAMESPACE, name) for name in self.reads)],
            outputs=[Dataset(NAMESPACE, name) for name in self.writes],
        )

    def get_openlineage_facets_on_complete(self, _task_instance: Any) -> Any:
        """Return the same at the end: it is known from the contract."""
        return self.get_openlineage_facets_on_start()


class IngestOperator(StepOperator):
    """A step whose arguments are known when the DAG is made: nothing of it is a template, nor kept for the UI to show."""

    template_fields = ()
