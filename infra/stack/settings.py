"""The one settings file of a stack: ports and secrets, chosen at the first start and kept."""

from __future__ import annotations

import secrets
from typing import Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.cli.output import UserError
from infra.host.files import write_private
from infra.host.ports import is_free
from infra.stack.places import StackPlaces

PORT_FIRST, PORT_COUNT, PORT_ATTEMPTS = 18_000, 12_000, 500
ObjectStore: TypeAlias = Literal["minio", "seaweedfs"]


def _password() -> str:
    return secrets.token_urlsafe(24)


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

    def all(self) -> list[int]:
        """Return every port in use."""
        values = self.model_dump()
        return [*values.pop("object_store_internal"), *values.values()]


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


class StackSettings(BaseModel):
    """What a stack is made of; edit the file while the stack is down."""

    model_config = ConfigDict(extra="forbid")

    object_store: ObjectStore = "minio"
    region: str = "us-east-1"
    bucket: str = "citybrain"
    warehouse: str = "lake"
    reader_catalog: str = "lake"
    trino_user: str = "citybrain"
    trino_heap: str = "1536m"
    nessie_heap: str = "384m"
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
    def make(cls, object_store: ObjectStore) -> Self:
        """Return new settings with free ports and new secrets."""
        taken: set[int] = set()
        ports = Ports(
            postgres=_free_port(taken),
            object_store=_free_port(taken),
            object_store_internal=[_free_port(taken) for _ in range(8)],
            nessie=_free_port(taken),
            nessie_management=_free_port(taken),
            trino=_free_port(taken),
            trino_internal=_free_port(taken),
        )
        return cls(object_store=object_store, ports=ports)

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
