"""Airflow for one home: its configuration with generated secrets, and the commands that run it.

SQLite metadata and the simple auth manager are for the embedded demo only; see ``docs/operations.md`` for more.
"""

from __future__ import annotations

import configparser
import io
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.demo.places import PROJECT, Places
from infra.host.files import write_private
from infra.host.ports import HOST

ADMIN = "admin"
PASSWORDS = "passwords.json"
MAX_PARALLELISM = 5

# Imported once, in the process that tasks are forked from; Python skips silently what cannot be imported there.
PRELOADED = (
    "airflow.executors.local_executor",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "dags.warm_start",
)


# Airflow starts that process for the first task only; started with the scheduler, it is ready by then.
LOCAL_SETTINGS = f'''"""Made by citybrain demo: start the process that tasks are forked from together with the scheduler."""

import multiprocessing.forkserver
import sys

if "scheduler" in sys.argv:
    multiprocessing.set_forkserver_preload({list(PRELOADED)!r})
    multiprocessing.forkserver.ensure_running()
'''


def write_configuration(places: Places, port: int) -> None:
    """Write ``airflow.cfg`` and the admin password; secrets that exist already are kept, so that tokens stay valid."""
    path = places.airflow / "airflow.cfg"
    known = configparser.ConfigParser(interpolation=None)
    known.read(path, encoding="utf-8")
    kept = {
        ("api_auth", "jwt_secret"): known.get("api_auth", "jwt_secret", fallback=secrets.token_urlsafe(48)),
        ("api", "secret_key"): known.get("api", "secret_key", fallback=secrets.token_urlsafe(32)),
    }
    written = configparser.ConfigParser(interpolation=None)
    for section, values in _settings(places, port).items():
        written[section] = {name: value.replace("%", "%%") for name, value in values.items()}
    for (section, name), value in kept.items():
        written.set(section, name, value)
    buffer = io.StringIO()
    written.write(buffer)
    write_private(path, buffer.getvalue())
    write_private(places.airflow / "config" / "airflow_local_settings.py", LOCAL_SETTINGS)
    if not passwords_path(places).exists():
        write_private(passwords_path(places), json.dumps({ADMIN: secrets.token_urlsafe(12)}) + "\n")


def passwords_path(places: Places) -> Path:
    """Return the file with the generated password, readable by its owner only."""
    return places.airflow / PASSWORDS


def admin_password(places: Places) -> str:
    """Return the generated password of the Airflow user ``admin``."""
    return str(json.loads(passwords_path(places).read_text(encoding="utf-8"))[ADMIN])


def environment(places: Places, *, api_url: str, airflow_url: str) -> dict[str, str]:
    """Return the environment of the demo's processes; what an outer Airflow has set does not leak in."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {
        **inherited,
        "AIRFLOW_HOME": str(places.airflow),
        "CITYBRAIN_HOME": str(places.home),
        "CITYBRAIN_SOURCE": str(places.city),
        "CITYBRAIN_API_URL": api_url,
        "CITYBRAIN_AIRFLOW_URL": airflow_url,
        "CITYBRAIN_THREADS": os.environ.get("CITYBRAIN_THREADS", "1"),
        "NO_PROXY": _with_loopback(inherited),
        "no_proxy": _with_loopback(inherited),
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
    }


def airflow_command(*arguments: str) -> list[str]:
    """Return the command line of an ``airflow`` sub-command in this environment."""
    return [sys.executable, "-m", "airflow", *arguments]


def components() -> dict[str, list[str]]:
    """Return the processes that make up Airflow here; without deferred tasks there is no need for a triggerer."""
    return {
        "airflow-api-server": airflow_command("api-server"),
        "airflow-scheduler": airflow_command("scheduler", "--skip-serve-logs"),
        "airflow-dag-processor": airflow_command("dag-processor"),
    }


def _settings(places: Places, port: int) -> Mapping[str, Mapping[str, str]]:
    return {
        "core": {
            "dags_folder": str(PROJECT / "dags"),
            "executor": "LocalExecutor",
            "parallelism": str(_parallelism()),
            "load_examples": "False",
            "dags_are_paused_at_creation": "True",
            "execute_tasks_new_python_interpreter": "False",
            "execution_api_server_url": f"http://{HOST}:{port}/execution/",
            "simple_auth_manager_users": f"{ADMIN}:admin",
            "simple_auth_manager_passwords_file": str(passwords_path(places)),
        },
        "database": {"sql_alchemy_conn": f"sqlite:///{places.airflow / 'airflow.db'}"},
        "api": {"host": HOST, "port": str(port), "workers": "1", "expose_config": "False"},
        "api_auth": {},
        "scheduler": {
            "scheduler_idle_sleep_time": "0.3",
            "max_dagruns_per_loop_to_schedule": "60",
            "mp_start_method": "forkserver",
            "mp_forkserver_preload": ",".join(PRELOADED),
        },
        "dag_processor": {
            "parsing_processes": "1",
            "min_file_process_interval": "300",
            "stale_dag_threshold": "600",
        },
        "logging": {
            "base_log_folder": str(places.logs / "airflow-tasks"),
            "dag_processor_child_process_log_directory": str(places.logs / "airflow-dags"),
            "colored_console_log": "False",
            "namespace_levels": "pyiceberg=WARNING",
        },
        # A task whose process takes a moment to end is only seen to have ended at the next heartbeat.
        "workers": {"execution_api_timeout": "30", "min_heartbeat_interval": "1"},
    }


def _cores() -> int:
    return os.cpu_count() or 1


def _parallelism() -> int:
    """Return how many tasks run at once: one more than there are cores, since a task waits for the API server now and then."""
    return min(_cores() + 1, MAX_PARALLELISM)


def _with_loopback(inherited: Mapping[str, str]) -> str:
    """Return the hosts that are reached without a proxy: those configured, and this machine."""
    configured = inherited.get("no_proxy") or inherited.get("NO_PROXY") or ""
    return ",".join(filter(None, [configured, HOST, "localhost"]))
