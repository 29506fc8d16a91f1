"""Airflow for one home: its configuration, private, and what the processes of it are started with.

The demo keeps the metadata in SQLite, the stack in PostgreSQL; all else is the same.
"""

from __future__ import annotations

import configparser
import io
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from infra.host.files import write_private
from infra.host.ports import HOST

PROJECT = Path(__file__).resolve().parents[2]
ADMIN = "admin"
CONFIGURATION, PASSWORDS, LINEAGE_KEY = "airflow.cfg", "passwords.json", "lineage-key"
MAX_PARALLELISM = 6

# Imported once, in the process that tasks are forked from; Python skips silently what cannot be imported there.
PRELOADED = (
    "airflow.executors.local_executor",
    "airflow.providers.openlineage.plugins.listener",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "dags.warm_start",
)


# Airflow starts that process for the first task only; started with the scheduler, it is ready by then.
LOCAL_SETTINGS = f'''"""Made by citybrain: start the process that tasks are forked from together with the scheduler."""

import multiprocessing.forkserver
import sys

if "scheduler" in sys.argv:
    multiprocessing.set_forkserver_preload({list(PRELOADED)!r})
    multiprocessing.forkserver.ensure_running()
'''


@dataclass(frozen=True)
class AirflowSecrets:
    """What the processes sign with, and the password of ``admin``; the same in all processes, and from start to start."""

    jwt: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    admin: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    @classmethod
    def kept_in(cls, folder: Path) -> Self:
        """Return the secrets that an earlier start wrote to ``AIRFLOW_HOME``, and new ones for those that it lacks."""
        known = configparser.ConfigParser(interpolation=None)
        known.read(folder / CONFIGURATION, encoding="utf-8")
        new = cls()
        has_password = (folder / PASSWORDS).exists()
        return cls(
            jwt=known.get("api_auth", "jwt_secret", fallback=new.jwt),
            session=known.get("api", "secret_key", fallback=new.session),
            admin=admin_password(folder) if has_password else new.admin,
        )


# Runs and tasks that say nothing of data are not told, and no runs of DAGs: the scheduler would keep a process for these.
TOLD = (
    {"scope": {}, "controls": {"emit": False}},
    {"scope": {"dag_id": "(ingest|topic)_.*"}, "match_mode": "regex", "controls": {"emit_task_events": True}},
)
LINEAGE_NAMESPACE = "citybrain.airflow"
LINEAGE_SECONDS = 3


@dataclass(frozen=True)
class Lineage:
    """The catalogue that is told of runs, and the file with the API key that it is told with."""

    url: str
    key_file: Path


@dataclass(frozen=True)
class AirflowPlan:
    """One Airflow: ``folder`` is its ``AIRFLOW_HOME``; ``database`` is an SQLAlchemy address with its password."""

    folder: Path
    logs: Path
    port: int
    database: str
    secrets: AirflowSecrets
    lineage: Lineage | None = None


def write_configuration(plan: AirflowPlan) -> None:
    """Write ``airflow.cfg``, the admin's password and the local settings, each private."""
    written = configparser.ConfigParser(interpolation=None)
    for section, values in _settings(plan).items():
        written[section] = {name: value.replace("%", "%%") for name, value in values.items()}
    buffer = io.StringIO()
    written.write(buffer)
    write_private(plan.folder / CONFIGURATION, buffer.getvalue())
    write_private(plan.folder / "config" / "airflow_local_settings.py", LOCAL_SETTINGS)
    write_private(passwords_path(plan.folder), json.dumps({ADMIN: plan.secrets.admin}) + "\n")


def passwords_path(folder: Path) -> Path:
    """Return the file with the generated password, readable by its owner only."""
    return folder / PASSWORDS


def admin_password(folder: Path) -> str:
    """Return the generated password of the Airflow user ``admin``."""
    return str(json.loads(passwords_path(folder).read_text(encoding="utf-8"))[ADMIN])


def environment(plan: AirflowPlan, home: Path, *, source: Path, api_url: str) -> dict[str, str]:
    """Return what Airflow's processes, and with them the tasks, are told: nothing of it is secret.

    ``source`` is the folder where departments deliver, ``api_url`` the address of those that offer an interface.
    """
    lineage = plan.lineage
    return {
        "AIRFLOW_HOME": str(plan.folder),
        "CITYBRAIN_HOME": str(home),
        "CITYBRAIN_SOURCE": str(source),
        "CITYBRAIN_API_URL": api_url,
        "CITYBRAIN_THREADS": os.environ.get("CITYBRAIN_THREADS", "1"),
        "CITYBRAIN_LINEAGE_URL": lineage.url if lineage else "",
        **({"CITYBRAIN_LINEAGE_KEY_FILE": str(lineage.key_file)} if lineage else {}),
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
    }


def components() -> dict[str, list[str]]:
    """Return the processes that make up Airflow here; without deferred tasks there is no need for a triggerer."""
    started = [sys.executable, "-m", "infra.airflow.start"]
    return {
        "airflow-api-server": [*started, "api-server"],
        "airflow-dag-processor": [*started, "dag-processor"],
        "airflow-scheduler": [*started, "scheduler", "--skip-serve-logs"],
    }


def _settings(plan: AirflowPlan) -> Mapping[str, Mapping[str, str]]:
    return {
        "core": {
            "dags_folder": str(PROJECT / "dags"),
            "executor": "LocalExecutor",
            "parallelism": str(_parallelism()),
            # The executor works off in turn what it was given; with as many slots, what is more urgent overtakes the rest.
            "default_pool_task_slot_count": str(_parallelism()),
            "load_examples": "False",
            "dags_are_paused_at_creation": "True",
            "execute_tasks_new_python_interpreter": "False",
            "execution_api_server_url": f"http://{HOST}:{plan.port}/execution/",
            "simple_auth_manager_users": f"{ADMIN}:admin",
            "simple_auth_manager_passwords_file": str(passwords_path(plan.folder)),
        },
        "database": _database(plan.database),
        "api": {
            "host": HOST,
            "port": str(plan.port),
            "workers": "1",
            "expose_config": "False",
            "secret_key": plan.secrets.session,
        },
        "api_auth": {"jwt_secret": plan.secrets.jwt},
        "scheduler": {
            "scheduler_idle_sleep_time": "0.2",
            "max_dagruns_per_loop_to_schedule": "60",
            # Tasks that were ended with their scheduler are found by the next one within two minutes: it takes the one
            # before it for dead after the first of these times, and looks for what that one left at every second.
            "scheduler_health_check_threshold": "60",
            "orphaned_tasks_check_interval": "60",
            "mp_start_method": "forkserver",
            "mp_forkserver_preload": ",".join(PRELOADED),
        },
        "dag_processor": {
            "parsing_processes": "1",
            "min_file_process_interval": "300",
            "stale_dag_threshold": "600",
        },
        "logging": {
            "base_log_folder": str(plan.logs / "airflow-tasks"),
            "dag_processor_child_process_log_directory": str(plan.logs / "airflow-dags"),
            "colored_console_log": "False",
            "namespace_levels": "pyiceberg=WARNING",
        },
        "workers": {"execution_api_timeout": "30"},
        "openlineage": _openlineage(plan.lineage),
    }


def _openlineage(lineage: Lineage | None) -> dict[str, str]:
    """Return what the listener is told: to send from a thread of the task, which costs milliseconds, and not to wait long.

    Left to itself it forks the task's process for each event, and waits up to ten seconds for it.
    """
    if lineage is None:
        return {"disabled": "True"}
    key = lineage.key_file.read_text(encoding="utf-8").strip()
    transport = {
        "type": "http",
        "url": lineage.url,
        "endpoint": "api/v1/lineage",
        "timeout": LINEAGE_SECONDS,
        "retry": {"total": 0},
        "auth": {"type": "api_key", "apiKey": key},
    }
    return {
        "namespace": LINEAGE_NAMESPACE,
        "transport": json.dumps(transport),
        "emission_policy": json.dumps(TOLD),
        "execute_in_thread": "True",
        "execution_timeout": str(LINEAGE_SECONDS + 1),
    }


def _database(address: str) -> dict[str, str]:
    """Return the addresses of the metadata; on PostgreSQL one driver does both kinds of connection."""
    asynchronous = {"sql_alchemy_conn_async": address} if address.startswith("postgresql+psycopg:") else {}
    return {"sql_alchemy_conn": address, **asynchronous}


def _cores() -> int:
    return os.cpu_count() or 1


def _parallelism() -> int:
    """Return how many tasks run at once: more than there are cores, since a task waits for the API server, or for another topic."""
    return min(_cores() + 3, MAX_PARALLELISM)
