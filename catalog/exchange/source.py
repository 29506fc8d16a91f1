"""A custom source of OpenMetadata's ingestion: the workflow names this class in ``sourcePythonClass`` and asks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from metadata.generated.schema.api.data.createCustomProperty import CreateCustomPropertyRequest
from metadata.generated.schema.entity.data.table import Table
from metadata.generated.schema.entity.teams.team import Team
from metadata.generated.schema.metadataIngestion.workflow import Source as WorkflowSource
from metadata.ingestion.api.models import Either
from metadata.ingestion.api.steps import Source
from metadata.ingestion.models.barrier import Barrier
from metadata.ingestion.models.custom_properties import CustomPropertyDataTypes, OMetaCustomProperties

from catalog.exchange.errors import ExchangeError
from catalog.exchange.facts import ExchangeFacts, gather
from catalog.exchange.names import Place, stable_id
from catalog.exchange.openmetadata import record_stages
from catalog.exchange.records_tables import ENTRY_PROPERTIES
from lakehouse.connect.settings import Settings

HOME, PROFILE, CATALOG_ROOT, DATABASE, TO_SERVER = "home", "profile", "catalogRoot", "database", "toServer"
_ENTITIES = {"team": Team, "table": Table}


class CatalogueSource(Source):  # type: ignore[misc]  # OpenMetadata's classes are not followed by mypy here
    """Tells the catalogue of one home. Options: ``home``, ``profile``, ``catalogRoot``, ``database``, ``toServer``."""

    def __init__(self, config: Any, metadata: Any) -> None:
        super().__init__()
        self.metadata = metadata
        options = config.serviceConnection.root.config.connectionOptions
        self._options: dict[str, str] = dict(options.root) if options else {}
        missing = [name for name in (HOME, PROFILE, CATALOG_ROOT) if name not in self._options]
        if missing:
            raise ExchangeError(f"connectionOptions of the source lack {', '.join(missing)}")
        self._place = Place(config.serviceName, self._options.get(DATABASE, Place.database))
        self._facts: ExchangeFacts | None = None

    @classmethod
    def create(cls, config_dict: dict[str, Any], metadata: Any, pipeline_name: str | None = None) -> CatalogueSource:
        """Make the source of a workflow."""
        return cls(WorkflowSource.model_validate(config_dict), metadata)

    def prepare(self) -> None:
        """Read everything that is told, so that a fault shows before anything is sent."""
        settings = Settings.model_validate({"home": self._options[HOME], "profile": self._options[PROFILE]})
        self._facts = gather(settings, Path(self._options[CATALOG_ROOT]))

    def test_connection(self) -> None:
        """There is nothing to connect to."""

    def close(self) -> None:
        """There is nothing to close."""

    def _iter(self, *_: Any, **__: Any) -> Iterator[Any]:
        """Yield every record. A server commits each stage before the next one, which refers to it."""
        if self._facts is None:
            raise ExchangeError("the source was not prepared")
        to_server = TO_SERVER in self._options
        if to_server:
            yield from (Either(right=record) for record in self._custom_properties())
        identify = self._identifier if to_server else stable_id
        for number, stage in enumerate(record_stages(self._facts, self._place, identify)):
            yield from (Either(right=record) for record in stage)
            if to_server:
                yield Either(right=Barrier(reason=f"stage {number}"))

    def _custom_properties(self) -> Iterator[Any]:
        """Yield the definitions of the fields that a table of ours has beyond OpenMetadata's own."""
        text = self.metadata.get_property_type_ref(CustomPropertyDataTypes.STRING)
        for name, title in ENTRY_PROPERTIES.items():
            request = CreateCustomPropertyRequest(name=name, displayName=title, description=title, propertyType=text)
            yield OMetaCustomProperties(entity_type=Table, createCustomPropertyRequest=request)

    def _identifier(self, kind: str, fqn: str) -> UUID | None:
        """Return the identifier that the server gave to an entity of an earlier stage."""
        found = self.metadata.get_by_name(entity=_ENTITIES[kind], fqn=fqn)
        return None if found is None else found.id.root
