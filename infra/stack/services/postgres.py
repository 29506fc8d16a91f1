"""PostgreSQL: Nessie's store, Airflow's metadata, the register of branches and the application's own state."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from infra.cli.output import UserError
from infra.host.accounts import Account, closed_to, own, unprivileged
from infra.host.files import write_private
from infra.host.ports import HOST
from infra.stack.places import StackPlaces
from infra.stack.service import CHECK_SECONDS, Launch, StackService, Unhealthy, plain_environment
from infra.stack.settings import StackSettings

ADMIN = "postgres"
CONFIGURATION = """\
# written by citybrain at every start; it is included last, so what it says holds
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 120
shared_buffers = '64MB'
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] %q%u@%d '
log_parameter_max_length_on_error = 0
"""


def databases(settings: StackSettings) -> dict[str, str]:
    """Return each database, which a role of the same name owns, with that role's password."""
    return {
        "nessie": settings.secrets.postgres_nessie,
        "airflow": settings.secrets.postgres_airflow,
        "citybrain": settings.secrets.postgres_citybrain,
    }


def database_uri(settings: StackSettings, name: str) -> str:
    """Return the address of a database with its role and password."""
    return f"postgresql://{name}:{databases(settings)[name]}@{HOST}:{settings.ports.postgres}/{name}"


class Postgres(StackService):
    """One server process and its workers."""

    name = "postgres"
    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": it ends its clients and shuts down cleanly

    @property
    def ports(self) -> Mapping[str, int]:
        return {"sql": self.settings.ports.postgres}

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def prepare(self) -> None:
        account = server_account(self.places)
        own(self.folder, account)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(account)
        self._check_version()
        configuration = self.data / "citybrain.conf"
        write_private(configuration, CONFIGURATION.format(host=HOST, port=self.settings.ports.postgres))
        if account:
            os.chown(configuration, account.uid, account.gid)

    def launch(self) -> Launch:
        program = self.parts.postgres_bin / "postgres"
        return Launch([str(program), "-D", str(self.data)], plain_environment(self.folder), server_account(self.places))

    def check(self) -> None:
        try:
            with self._connect() as connection:
                connection.execute("select 1")
        except psycopg.Error as fault:
            raise Unhealthy(f"`select 1` failed: {str(fault).strip()}") from None

    def furnish(self) -> None:
        """Make roles and databases, each closed to the others; a password that was changed in the settings is set again."""
        with self._connect() as connection:
            for name, password in databases(self.settings).items():
                self._make_database(connection, name, password)

    def _make_database(self, connection: psycopg.Connection, name: str, password: str) -> None:
        role = sql.Identifier(name)
        if not _exists(connection, "select 1 from pg_roles where rolname = %s", name):
            connection.execute(sql.SQL("create role {} login").format(role))
        # only the verifier travels, so that no statement in any log holds the password
        verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        connection.execute(sql.SQL("alter role {} password {}").format(role, sql.Literal(verifier)))
        if not _exists(connection, "select 1 from pg_database where datname = %s", name):
            connection.execute(sql.SQL("create database {} owner {}").format(role, role))
        connection.execute(sql.SQL("revoke connect, temporary on database {} from public").format(role))

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=HOST,
            port=self.settings.ports.postgres,
            user=ADMIN,
            password=self.settings.secrets.postgres_admin,
            dbname="postgres",
            connect_timeout=int(CHECK_SECONDS),
            autocommit=True,
        )

    def _initialise(self, account: Account | None) -> None:
        """Make the data folder in one step: it is there whole, or not at all."""
        fresh, password = self.folder / "data.new", self.folder / "password.new"
        shutil.rmtree(fresh, ignore_errors=True)
        write_private(password, self.settings.secrets.postgres_admin)
        if account:
            os.chown(password, account.uid, account.gid)
        command = [
            str(self.parts.postgres_bin / "initdb"), "--pgdata", str(fresh), "--username", ADMIN, "--pwfile", str(password),
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8",
        ]  # fmt: skip
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=plain_environment(self.folder),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            capture_output=True,
            text=True,
            check=False,
        )
        password.unlink()
        if done.returncode:
            raise UserError(
                f"initdb failed (exit {done.returncode}): {done.stderr.strip()}", hint="mend it and run it again"
            )
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\ninclude 'citybrain.conf'\n")
        fresh.replace(self.data)

    def _check_version(self) -> None:
        """Refuse data of another major version, which the server could not read anyhow, with what to do."""
        held = (self.data / "PG_VERSION").read_text(encoding="utf-8").strip()
        done = subprocess.run(
            [str(self.parts.postgres_bin / "postgres"), "--version"], capture_output=True, text=True, check=False
        )
        found = re.search(r"\) (\d+)", done.stdout)
        if found is None or found[1] != held:
            raise UserError(
                f"{self.data} was made by PostgreSQL {held}; what is installed says: {done.stdout.strip()}",
                hint=f"apt-get install postgresql-{held}, or move the data with pg_upgrade",
            )


def server_account(places: StackPlaces) -> Account | None:
    """Return the user that the server runs as: none but our own, unless we are root, which PostgreSQL refuses to be.

    Raises:
        UserError: that user cannot reach the home, or does not exist.
    """
    try:
        account = unprivileged("postgres", "nobody")
    except LookupError as fault:
        raise UserError(f"PostgreSQL does not run as root, and {fault}", hint="run it as another user") from None
    closed = closed_to(places.folder(Postgres.name), account) if account else None
    if account and closed:
        raise UserError(
            f"as root, PostgreSQL is run as the user {account.name}, who may not pass through {closed}",
            hint=f"chmod o+x {closed}, or choose another home: CITYBRAIN_HOME=DIR citybrain stack up",
        )
    return account


def _exists(connection: psycopg.Connection, query: str, name: str) -> bool:
    return connection.execute(query.encode(), (name,)).fetchone() is not None
