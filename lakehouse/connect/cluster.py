"""Where the servers of the cluster profile are: one file of the home folder, written by ``citybrain stack up``."""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from lakehouse.connect import objects
from lakehouse.connect.settings import Settings

CLUSTER_FILE = "CITYBRAIN_CLUSTER_FILE"


class ProfileUnavailable(RuntimeError):
    """The settings ask for a profile whose parts are not on this machine."""


class ClusterSettings(BaseModel):
    """Addresses and credentials of the servers.

    ``reference_prefix`` keeps several installations on one Nessie apart: it stands before every reference name, ``main``
    included, and names a folder of the warehouse.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    nessie_uri: str
    warehouse: str = "lake"
    bucket: str
    s3_endpoint: str
    s3_region: str = "us-east-1"
    s3_access_key: SecretStr
    s3_secret_key: SecretStr
    trino_uri: str = ""
    trino_user: str = ""
    trino_password: SecretStr = SecretStr("")
    trino_ca: str = ""  # file of the certificate that Trino's is signed with; empty for one that the machine trusts
    reader_catalog: str = "lake"
    database_uri: SecretStr
    airflow_database_uri: SecretStr = SecretStr("")
    nessie_database_uri: SecretStr = SecretStr("")  # for backups, where `citybrain stack` does not know it by itself
    reference_prefix: str = ""

    @property
    def main_reference(self) -> str:
        """The Nessie reference that readers see."""
        return f"{self.reference_prefix}main"

    @property
    def warehouse_location(self) -> str:
        """Where this installation puts its tables."""
        return f"s3://{self.bucket}/{self.reference_prefix}warehouse"

    def reference(self, branch: str, token: int) -> str:
        """Return the name of the reference that a token of a branch writes to."""
        return f"{self.reference_prefix}{re.sub('[^A-Za-z0-9_-]', '_', branch)}-t{token}"

    @property
    def database_address(self) -> str:
        """The database without its password."""
        return re.sub(r"//[^@/]*@", "//", self.database_uri.get_secret_value()).split("?")[0]


def cluster_file(settings: Settings) -> Path:
    """Return the file that names the servers of a home."""
    named = os.environ.get(CLUSTER_FILE)
    return Path(named) if named else settings.root / "cluster.json"


def cluster_settings(settings: Settings) -> ClusterSettings:
    """Return the servers of a home, and let its objects be read and written in this process.

    Raises:
        ProfileUnavailable: the file is missing or wrong; the message says what to do.
    """
    path = cluster_file(settings)
    try:
        cluster = _load(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise ProfileUnavailable(
            f"profile 'cluster' needs {path.name} in {path.parent}: start the servers with `citybrain stack up`,"
            f" name another file in {CLUSTER_FILE}, or set CITYBRAIN_PROFILE=embedded"
        ) from None
    objects.know(
        cluster.bucket,
        objects.ObjectStore(
            cluster.s3_endpoint,
            cluster.s3_region,
            cluster.s3_access_key.get_secret_value(),
            cluster.s3_secret_key.get_secret_value(),
        ),
    )
    return cluster


@lru_cache(maxsize=16)
def _load(path: Path, _modified_ns: int) -> ClusterSettings:
    try:
        return ClusterSettings.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as fault:
        fields = ", ".join(sorted({".".join(map(str, error["loc"])) for error in fault.errors()}))
        raise ProfileUnavailable(
            f"{path.name} is not complete: {fields}; run `citybrain stack up`, which writes it again"
        ) from None
    except ValueError:
        raise ProfileUnavailable(f"{path.name} is no JSON; run `citybrain stack up`, which writes it again") from None
