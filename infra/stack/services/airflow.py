"""Airflow: API server, DAG processor and scheduler, which runs the tasks; its metadata is in PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
from filelock import FileLock

from catalog.access.app_database import AppDatabaseUnavailable
from infra.airflow.client import UP, health
from infra.airflow.configuration import (
    LINEAGE_KEY,
    AirflowPlan,
    AirflowSecrets,
    Lineage,
    components,
    environment,
    write_configuration,
)
from infra.host.accounts import own
from infra.host.api_keys import admit_bureau_key, kept_key
from infra.host.http import local_http
from infra.host.ports import HOST
from infra.stack.places import StackPlaces
from infra.stack.service import Launch, StackService, Unhealthy, plain_environment
from infra.stack.services.postgres import database_uri
from infra.stack.settings import StackSettings
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

FOLDER = "airflow"
# What tasks need of the user's own: they are the product, not a server of somebody else's.
INHERITED = ("HOME", "XDG_CACHE_HOME", "JAVA_HOME", "CITYBRAIN_JAVA_HOME", "CITYBRAIN_MEMORY_LIMIT")


def airflow_plan(places: StackPlaces, settings: StackSettings) -> AirflowPlan:
    """Return the Airflow of a stack."""
    kept, folder = settings.secrets, places.folder(FOLDER)
    return AirflowPlan(
        folder=folder,
        logs=places.logs,
        port=settings.ports.airflow,
        database=database_uri(settings, "airflow").replace("postgresql:", "postgresql+psycopg:", 1),
        secrets=AirflowSecrets(jwt=kept.airflow_jwt, session=kept.airflow_session, admin=kept.airflow_admin),
        lineage=Lineage(settings.lineage_url(), folder / LINEAGE_KEY),
    )


class AirflowProcess(StackService):
    """One process of Airflow; all three share a folder, which is ``AIRFLOW_HOME``."""

    needs = ("postgres",)
    start_seconds = 240.0
    part: str
    _launched: datetime | None = None

    @property
    def folder(self) -> Path:
        return self.places.folder(FOLDER)

    @property
    def ports(self) -> Mapping[str, int]:
        return {}

    def prepare(self) -> None:
        own(self.folder, None)
        with FileLock(self.folder / "prepare.lock", mode=0o600):  # they are started at the same time
            kept_key(self.folder / LINEAGE_KEY)
            write_configuration(airflow_plan(self.places, self.settings))

    def launch(self) -> Launch:
        self._launched = datetime.now(UTC)
        own_words = {name: os.environ[name] for name in INHERITED if name in os.environ}
        told = environment(
            airflow_plan(self.places, self.settings),
            self.places.home,
            source=self.settings.source_folder(self.places),
            api_url=self.settings.source_api_url(),
        )
        profile = {"CITYBRAIN_PROFILE": "cluster"}
        return Launch(components()[self.name], {**plain_environment(self.folder), **own_words, **told, **profile})

    def check(self) -> None:
        """Ask the API server about this part; a beat of the process before this one does not count."""
        url = f"http://{HOST}:{self.settings.ports.airflow}"
        try:
            found = health(local_http(), url)[self.part]
        except (httpx.HTTPError, ValueError, KeyError) as fault:
            raise Unhealthy(f"the health that {url} tells: {fault or type(fault).__name__}") from None
        beat = found.get(f"latest_{self.part}_heartbeat")
        if found["status"] != UP:
            raise Unhealthy(f"Airflow says that {self.part} is {found['status'] or 'not there'}, last seen {beat}")
        if self._launched and beat and datetime.fromisoformat(beat) < self._launched:
            raise Unhealthy(f"{self.part} was last seen {beat}, before it was started")


class AirflowApiServer(AirflowProcess):
    """The pages, the REST API, and what tasks report to; it brings the metadata database to this version."""

    name = "airflow-api-server"
    title = "Airflow API server"
    part = "metadatabase"

    @property
    def ports(self) -> Mapping[str, int]:
        return {"http": self.settings.ports.airflow}

    def furnish(self) -> None:
        """Let Airflow's key open the catalogue, which runs are told to."""
        address = app_database(Settings(home=self.places.home, profile="cluster"))
        try:
            admit_bureau_key(address, self.folder / LINEAGE_KEY, "airflow")
        except AppDatabaseUnavailable as fault:
            raise Unhealthy(str(fault)) from None


class AirflowDagProcessor(AirflowProcess):
    """Reads the DAGs."""

    name = "airflow-dag-processor"
    title = "Airflow DAG processor"
    part = "dag_processor"
    uses = (AirflowApiServer.name,)


class AirflowScheduler(AirflowProcess):
    """Starts what is due, and is the parent of the tasks, which work with every other server."""

    name = "airflow-scheduler"
    title = "Airflow scheduler"
    part = "scheduler"
    uses = ("minio", "seaweedfs", "nessie", "trino", AirflowApiServer.name, AirflowDagProcessor.name)
