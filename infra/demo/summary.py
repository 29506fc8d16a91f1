"""What a demo brought about, and where to look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.demo.places import Places
from infra.host.api_keys import admit_bureau_key
from infra.host.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakehouse.connect.settings import Settings

COUNTED = ("received", "accepted", "quarantined", "deduplicated")
_OUTCOMES = """
    select resource, delivery, batch_id, status, received, accepted, quarantined, deduplicated, rule, reason
    from ops.ingest_outcome
    order by resource, delivery
"""


def what_happened(settings: Settings) -> dict[str, Any]:
    """Return batches, their totals, and the rows of every published table, read from ``main``."""
    from lakehouse.query import open_reader

    with open_reader(settings) as reader:
        names = reader.tables()
        batches = reader.arrow(_OUTCOMES).to_pylist() if "ops.ingest_outcome" in names else []
        rows = {name: reader.arrow(f"select count(*) as n from {name}")["n"][0].as_py() for name in names}
    return {
        "batches": batches,
        **{name: sum(batch[name] for batch in batches) for name in COUNTED},
        "published": rows,
    }


def rows_by_topic(published: Mapping[str, int], topics: Mapping[str, str]) -> list[tuple[str, int, int]]:
    """Return (topic, marts, rows) for each topic that has marts, in the order of ``topics``."""
    found = []
    for topic in topics:
        marts = [rows for name, rows in published.items() if name.split(".")[0] == topic]
        if marts:
            found.append((topic, len(marts), sum(marts)))
    return found


def where_to_look(ports: Mapping[str, int]) -> dict[str, str]:
    """Return the address of every door."""
    web, airflow = f"http://{HOST}:{ports['web']}", f"http://{HOST}:{ports['airflow']}"
    return {
        "catalogue": f"{web}/catalogue",
        "sign_in": f"{web}/login",
        "api_docs": f"{web}/api/docs",
        "airflow": airflow,
        "data_docs": f"{web}/docs/quality/",
        "dbt_docs": f"{web}/docs/dbt/",
    }


def make_api_key(settings: Settings, places: Places) -> None:
    """Make an API key for trying the data service, once per home; what is shared unconditionally is open to it."""
    from lakehouse.connect.app_database import app_database

    admit_bureau_key(app_database(settings), places.api_key, "demo")


def api_example(places: Places, ports: Mapping[str, int], resource: str) -> str:
    """Return a command that reads a resource through the data service with the demo's key."""
    url = f"http://{HOST}:{ports['web']}/api/v1/data/{resource.replace('.', '/')}?limit=3"
    return f'curl -H "Authorization: Bearer $(cat {places.api_key})" "{url}"'
