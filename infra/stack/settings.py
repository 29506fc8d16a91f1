"""The one settings file of a stack: ports and secrets, chosen at the first start and kept."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.cli.output import UserError
from infra.host.files import write_private
from infra.host.ports import HOST, is_free
from infra.stack.places import StackPlaces

PORT_FIRST, PORT_COUNT, PORT_ATTEMPTS = 18_000, 12_000, 500
STORE_PORTS = 8
ObjectStore: TypeAlias = Literal["minio", "seaweedfs"]
Heap: TypeAlias = Annotated[str, Field(pattern=r"^[1-9][0-9]*[kmgtKMGT]?$")]  # as Java's -Xmx takes it


def _password() -> str:
    return secrets.token_urlsafe(24)


def _signing_key() -> str:
    """Return a key for Airflow's tokens, which are signed with HMAC-SHA512."""
    return secrets.token_urlsafe(64)


def _access_key() -> str:
    return f"citybrain{secrets.token_hex(4)}"


class Ports(BaseModel):
    """The ports of the loopback interface, one for each door."""

    model_config = ConfigDict(extra="forbid")

    postgres: int = 0
    object_store: int = 0
    object_store_internal: list[int] = Field(default_factory=list, description="ports that SeaweedFS's parts share")
    nessie: int = 0
    nessie_management: int = 0
    trino: int = 0
    trino_internal: int = 0
    airflow: int = 0
    catalogue: int = Field(default=0, description="where the demo serves the catalogue")
    departments: int = Field(default=0, description="where the demo serves the interfaces of its departments")

    def all(self) -> list[int]:
        """Return every port in use."""
        values = self.model_dump()
        return [*values.pop("object_store_internal"), *values.values()]

    def completed(self) -> Self:
        """Return the ports with a free one for each door that has none yet."""
        taken = set(self.all())
        chosen = {name: value or _free_port(taken) for name, value in self.model_dump().items()}
        chosen["object_store_internal"] = self.object_store_internal or [_free_port(taken) for _ in range(STORE_PORTS)]
        return type(self)(**chosen)


class Secrets(BaseModel):
    """Generated passwords and keys; the file that holds them is readable by its owner only."""

    model_config = ConfigDict(extra="forbid")

    postgres_admin: str = Field(default_factory=_password)
    postgres_nessie: str = Field(default_factory=_password)
    postgres_airflow: str = Field(default_factory=_password)
    postgres_citybrain: str = Field(default_factory=_password)
    object_store_root_user: str = Field(default_factory=_access_key)
    object_store_root_password: str = Field(default_factory=_password)
    s3_access_key: str = Field(default_factory=_access_key)
    s3_secret_key: str = Field(default_factory=_password)
    trino_password: str = Field(default_factory=_password)
    trino_internal: str = Field(default_factory=_password)
    airflow_admin: str = Field(default_factory=_password)
    airflow_session: str = Field(default_factory=_password)
    airflow_jwt: str = Field(default_factory=_signing_key)


class StackSettings(BaseModel):
    """What a stack is made of; edit the file while the stack is down."""

    model_config = ConfigDict(extra="forbid")

    object_store: ObjectStore = "minio"
    region: str = "us-east-1"
    bucket: str = "citybrain"
    warehouse: str = "lake"
    reader_catalog: str = "lake"
    trino_user: str = "citybrain"
    trino_heap: Heap = "1536m"
    trino_java_options: tuple[str, ...] = Field(default=(), description="more options for Trino's JVM, after ours")
    nessie_heap: Heap = "384m"
    nessie_java_options: tuple[str, ...] = Field(default=(), description="more options for Nessie's JVM, after ours")
    source: str = Field(default="", description="folder where departments deliver; empty: sample-city in the home")
    source_api: str = Field(default="", description="address of departments' interfaces; empty: the demo's")
    lineage: str = Field(default="", description="address of the catalogue that runs are told to; empty: the demo's")
    ports: Ports = Field(default_factory=Ports)
    secrets: Secrets = Field(default_factory=Secrets)

    @classmethod
    def load(cls, places: StackPlaces) -> Self | None:
        """Return the settings of a home, or None when it has none yet.

        Raises:
            UserError: the file is not as it should be; the message names the field, never its value.
        """
        try:
            text = places.settings.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            return cls.model_validate_json(text)
        except ValidationError as fault:
            wrong = "; ".join(
                f"{'.'.join(map(str, error['loc'])) or 'file'}: {error['msg']}" for error in fault.errors()
            )
            raise UserError(
                f"{places.settings} is not a stack's settings: {wrong}", hint="correct that field, or restore the file"
            ) from None

    @classmethod
    def of_home(cls, places: StackPlaces, object_store: ObjectStore = "minio") -> Self:
        """Return the settings of a home: new ones when it has none, with all ports when an earlier version made them."""
        known = cls.load(places)
        if known is None:
            return cls.make(object_store)
        return known.model_copy(update={"ports": known.ports.completed()})

    @classmethod
    def make(cls, object_store: ObjectStore) -> Self:
        """Return new settings with free ports and new secrets."""
        return cls(object_store=object_store, ports=Ports().completed())

    def source_folder(self, places: StackPlaces) -> Path:
        """Return the folder where departments deliver."""
        return Path(self.source) if self.source else places.home / "sample-city"

    def source_api_url(self) -> str:
        """Return the address of the departments that offer an interface."""
        return self.source_api or f"http://{HOST}:{self.ports.departments}"

    def lineage_url(self) -> str:
        """Return the address of the catalogue that is told of runs and builds."""
        return self.lineage or f"http://{HOST}:{self.ports.catalogue}"

    def save(self, places: StackPlaces) -> None:
        """Write the settings, private."""
        write_private(places.settings, self.model_dump_json(indent=2) + "\n")


def _free_port(taken: set[int]) -> int:
    """Return a free port that stays free until the server starts: below the range that outgoing connections use."""
    for _ in range(PORT_ATTEMPTS):
        port = PORT_FIRST + secrets.randbelow(PORT_COUNT)
        if port not in taken and is_free(port):
            taken.add(port)
            return port
    raise UserError(
        f"no free port between {PORT_FIRST} and {PORT_FIRST + PORT_COUNT} on the loopback interface",
        hint="end something that listens there, then run it again",
    )
