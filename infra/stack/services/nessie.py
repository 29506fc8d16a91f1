"""Nessie: the catalogue of tables with branches, and the Iceberg REST door."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from infra.host.accounts import own
from infra.host.files import write_private
from infra.host.http import local_http
from infra.host.ports import HOST
from infra.stack.java import class_archive, client_jvm, properties
from infra.stack.service import CHECK_SECONDS, Launch, StackService, Unhealthy, plain_environment

FIRST_NAMESPACE = "ops"
NAMESPACE_EXISTS = 409


class Nessie(StackService):
    """One Java process; its store is PostgreSQL, so it holds nothing itself."""

    name = "nessie"
    title = "Nessie"
    needs = ("postgres",)
    start_seconds = 120.0

    @property
    def ports(self) -> Mapping[str, int]:
        return {"api": self.settings.ports.nessie, "management": self.settings.ports.nessie_management}

    @property
    def uri(self) -> str:
        return f"http://{HOST}:{self.settings.ports.nessie}"

    def prepare(self) -> None:
        own(self.folder, None)
        write_private(self.folder / "application.properties", properties(self._configuration()))

    def launch(self) -> Launch:
        ours, chosen = client_jvm(self.settings.nessie_heap), self.settings.nessie_java_options
        command = [
            str(self.parts.java),
            *ours,
            *class_archive(self.parts.nessie.parent, [*ours, *chosen]),
            *chosen,
            f"-Dquarkus.config.locations={self.folder / 'application.properties'}",
            "-jar",
            str(self.parts.nessie),
        ]
        return Launch(command, plain_environment(self.folder))

    def check(self) -> None:
        self._get("/api/v2/config", "defaultBranch")
        self._get(f"/iceberg/v1/config?warehouse={self.settings.warehouse}", "defaults")

    def furnish(self) -> None:
        """Give ``main`` its first commit: before that no branch can be made from it."""
        answer = local_http().post(
            f"{self.uri}/iceberg/v1/main%7C{self.settings.warehouse}/namespaces",
            json={"namespace": [FIRST_NAMESPACE]},
            timeout=30.0,
        )
        if answer.status_code not in {httpx.codes.OK, NAMESPACE_EXISTS}:
            raise Unhealthy(f"the first namespace cannot be made on main: {answer.status_code} {answer.text[:300]}")

    def _get(self, path: str, expected: str) -> None:
        try:
            answer = local_http().get(f"{self.uri}{path}", timeout=CHECK_SECONDS)
            fits = answer.status_code == httpx.codes.OK and expected in answer.json()
        except (httpx.HTTPError, ValueError) as fault:
            raise Unhealthy(f"{path}: {fault or type(fault).__name__}") from None
        if not fits:
            raise Unhealthy(f"{path} answered {answer.status_code}: {answer.text[:200]}")

    def _configuration(self) -> dict[str, str]:
        settings, secrets = self.settings, self.settings.secrets
        s3 = "nessie.catalog.service.s3.default-options"
        return {
            "quarkus.http.host": HOST,
            "quarkus.http.port": str(settings.ports.nessie),
            "quarkus.management.host": HOST,
            "quarkus.management.port": str(settings.ports.nessie_management),
            "quarkus.banner.enabled": "false",
            "nessie.server.default-branch": "main",
            "nessie.version.store.type": "JDBC2",
            "nessie.version.store.persist.jdbc.datasource": "postgresql",
            "quarkus.datasource.postgresql.jdbc.url": f"jdbc:postgresql://{HOST}:{settings.ports.postgres}/nessie",
            "quarkus.datasource.postgresql.username": "nessie",
            "quarkus.datasource.postgresql.password": secrets.postgres_nessie,
            "quarkus.datasource.postgresql.jdbc.max-size": "20",
            "nessie.catalog.default-warehouse": settings.warehouse,
            f"nessie.catalog.warehouses.{settings.warehouse}.location": f"s3://{settings.bucket}/warehouse",
            f"{s3}.endpoint": f"http://{HOST}:{settings.ports.object_store}",
            f"{s3}.region": settings.region,
            f"{s3}.path-style-access": "true",
            f"{s3}.auth-type": "STATIC",
            f"{s3}.request-signing-enabled": "false",  # Spark cannot use it
            f"{s3}.access-key": "urn:nessie-secret:quarkus:citybrain.secrets.s3",
            "citybrain.secrets.s3.name": secrets.s3_access_key,
            "citybrain.secrets.s3.secret": secrets.s3_secret_key,
        }
