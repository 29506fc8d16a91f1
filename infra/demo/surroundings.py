"""What the demo's processes are started with, and the Airflow that an embedded demo has of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping

from infra.airflow.configuration import LINEAGE_KEY, AirflowPlan, AirflowSecrets, Lineage, environment
from infra.demo.places import Places
from infra.host.api_keys import admit_bureau_key
from infra.host.ports import HOST
from infra.stack.services.airflow import airflow_plan as stack_plan
from infra.stack.settings import StackSettings
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings


def airflow_plan(settings: Settings, places: Places, ports: Mapping[str, int]) -> AirflowPlan:
    """Return the Airflow that runs the demo: the stack's; or one of its own, its metadata in SQLite, its secrets kept."""
    if places.profile == "cluster":
        return stack_plan(places.stack, StackSettings.of_home(places.stack))
    key_file = admit_bureau_key(app_database(settings), places.airflow / LINEAGE_KEY, "airflow")
    return AirflowPlan(
        folder=places.airflow,
        logs=places.logs,
        port=ports["airflow"],
        database=f"sqlite:///{places.airflow / 'airflow.db'}",
        secrets=AirflowSecrets.kept_in(places.airflow),
        lineage=Lineage(f"http://{HOST}:{ports['web']}", key_file),
    )


def demo_environment(plan: AirflowPlan, places: Places, ports: Mapping[str, int]) -> dict[str, str]:
    """Return the environment of the demo's processes; what an outer Airflow has set does not leak in."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    api_url = f"http://{HOST}:{ports['api']}"
    return {
        **inherited,
        **environment(plan, places.home, source=places.city, api_url=api_url),
        "CITYBRAIN_PROFILE": places.profile,
        "CITYBRAIN_AIRFLOW_URL": f"http://{HOST}:{ports['airflow']}",
        "NO_PROXY": _with_loopback(inherited),
        "no_proxy": _with_loopback(inherited),
    }


def _with_loopback(inherited: Mapping[str, str]) -> str:
    """Return the hosts that are reached without a proxy: those configured, and this machine."""
    configured = inherited.get("no_proxy") or inherited.get("NO_PROXY") or ""
    return ",".join(filter(None, [configured, HOST, "localhost"]))
