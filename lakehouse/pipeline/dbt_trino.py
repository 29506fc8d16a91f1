"""How dbt's profile learns of the Trino that it is to build in: by environment, never by file."""

from __future__ import annotations

from collections.abc import Iterable

from lakehouse.connect.cluster import ClusterSettings
from lakehouse.connect.trino_address import trino_address

SERVER_PREFIX = "CITYBRAIN_TRINO_"  # of the variables that say where Trino is
CATALOG = f"{SERVER_PREFIX}CATALOG"


def trino_environment(cluster: ClusterSettings, catalog: str, without_table: Iterable[str] = ()) -> dict[str, str]:
    """Return the environment for a build in a catalog; ``without_table`` are the sources that it has no table of."""
    address = trino_address(cluster)
    password = cluster.trino_password.get_secret_value()
    # What the environment says of certificates wins over the profile, so both say the same.
    trusted = {"REQUESTS_CA_BUNDLE": cluster.trino_ca} if cluster.trino_ca else {}
    return trusted | {
        "CITYBRAIN_TRINO_METHOD": "ldap" if password else "none",
        "CITYBRAIN_TRINO_HOST": address.host,
        "CITYBRAIN_TRINO_PORT": str(address.port),
        "CITYBRAIN_TRINO_SCHEME": address.scheme,
        "CITYBRAIN_TRINO_CA": cluster.trino_ca,
        "CITYBRAIN_TRINO_USER": address.user,
        CATALOG: catalog,
        "CITYBRAIN_WITHOUT_TABLE": ",".join(sorted(without_table)),
        # dbt keeps variables of this prefix out of its logs and artefacts.
        "DBT_ENV_SECRET_TRINO_PASSWORD": password,
    }
