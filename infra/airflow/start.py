"""Start one process of Airflow when the metadata database is as this version needs it.

The API server brings it there, in its own process, which has imported by then all that this takes; the others wait.
"""

from __future__ import annotations

import sys

MIGRATING = "api-server"
WAIT_SECONDS = 240


def main() -> None:
    """Run the component that the command line names, with its arguments."""
    from airflow.__main__ import main as airflow
    from airflow.utils import db

    if sys.argv[1] == MIGRATING:
        db.upgradedb()
    else:
        db.check_migrations(WAIT_SECONDS)
    airflow()


if __name__ == "__main__":
    main()
