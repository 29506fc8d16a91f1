"""What the demo's processes are started with, and the Airflow that an embedded demo has of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping

from infra.airflow.configuration import AirflowPlan, AirflowSecrets, environment
from infra.demo.places import Places
from infra.host.ports import HOST


def embedded_plan(places: Places, port: int) -> AirflowPlan:
    """Return the Airflow of an embedded demo: metadata in SQLite, secrets as an earlier start made them."""
    return AirflowPlan(
        folder=places.airflow,
        logs=places.logs,
        port=port,
        database=f"sqlite:///{places.airflow / 'airflow.db'}",
        secrets=AirflowSecrets.kept_in(places.airflow),
    )


def demo_environment(places: Places, ports: Mapping[str, int]) -> dict[str, str]:
    """Return the environment of the demo's processes; what an outer Airflow has set does not leak in."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    api_url = f"http://{HOST}:{ports['api']}"
    return {
        **inherited,
        **environment(places.airflow, places.home, source=places.city, api_url=api_url),
        "CITYBRAIN_PROFILE": places.profile,
        "CITYBRAIN_AIRFLOW_URL": f"http://{HOST}:{ports['airflow']}",
        "NO_PROXY": _with_loopback(inherited),
        "no_proxy": _with_loopback(inherited),
    }


def _with_loopback(inherited: Mapping[str, str]) -> str:
    """Return the hosts that are reached without a proxy: those configured, and this machine."""
    configured = inherited.get("no_proxy") or inherited.get("NO_PROXY") or ""
    return ",".join(filter(None, [configured, HOST, "localhost"]))
