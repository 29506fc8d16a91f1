"""``citybrain serve`` and ``citybrain key``: the doors, and the keys to them."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.table import Table

from infra.cli.output import UserError, err, out, print_json

if TYPE_CHECKING:
    from catalog.access.store import AccessStore
    from lakehouse.connect.settings import Settings

DEFAULT_PORT = 8642
SHUTDOWN_SECONDS = 10
COLLECT_AFTER = 700  # new objects, as Python has it: what the command line sets is for commands that soon end
MINOR_WALKS_A_FULL_ONE = 1000  # a full walk of the cycle collector over a whole catalogue costs a page half a second
key_app = typer.Typer(help="API keys of the data service", no_args_is_help=True)
JsonFlag = Annotated[bool, typer.Option("--json", help="JSON on stdout")]


def app_commands(app: typer.Typer) -> None:
    """Add ``serve`` and ``key`` to the command line."""
    app.command()(serve)
    app.add_typer(key_app, name="key")


def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="port; 0 takes a free one")] = DEFAULT_PORT,
    json: Annotated[bool, typer.Option("--json", help="addresses as one JSON line on stdout, logs as JSON")] = False,
) -> None:
    """Serve catalogue pages, data API and generated documentation on one port, until interrupted."""
    import uvicorn

    from catalog.web.app import create_app
    from lakehouse.branches import current_snapshot, publish_history
    from lakehouse.connect.settings import Settings

    configure_logs(as_json=json)
    gc.set_threshold(COLLECT_AFTER, gc.get_threshold()[1], MINOR_WALKS_A_FULL_ONE)
    settings = Settings()
    with _listen(host, port) as listener:
        url = _url(host, listener.getsockname()[1])
        published = publish_history(settings, limit=1)
        snapshot = current_snapshot(settings) if published else None
        application = create_app(settings)
        _announce(url, snapshot, has_accounts=_has_accounts(settings), as_json=json)
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        # The server ends its requests first, then raises the signal again: by then ending is no fault.
        signal.signal(signal.SIGTERM, _end)
        signal.signal(signal.SIGINT, _end)
        uvicorn.Server(config).run(sockets=[listener])


@key_app.command("new")
def new_key(
    dept: Annotated[str, typer.Option(help="department that holds the key")],
    name: Annotated[str, typer.Option(help="what it is for")],
    resource: Annotated[list[str] | None, typer.Option(help="granted resource, DEPT.RESOURCE; repeatable")] = None,
    unmasked: Annotated[bool, typer.Option(help="show masked fields of granted resources as they are")] = False,
    expires: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="last day, YYYY-MM-DD")] = None,
    json: JsonFlag = False,
) -> None:
    """Make a key; it is shown once and cannot be read again."""
    granted = sorted({item.replace("/", ".") for item in resource or []})
    last_day = expires.date() if expires else None
    _check_grant(dept, name, granted, last_day)
    with _store() as store:
        key = store.create_key(dept, name.strip(), granted, is_unmasked=unmasked, expires_on=last_day)
    if json:
        facts = {"key": key, "key_id": key.split("_")[1], "dept": dept, "name": name.strip(), "resources": granted}
        print_json({**facts, "is_unmasked": unmasked, "expires_on": last_day})
        return
    out.print(key)
    err.print("[dim]只显示这一次 shown this once; keep it safe[/]")


@key_app.command("list")
def list_keys(json: JsonFlag = False) -> None:
    """List keys, without their secrets."""
    with _store() as store:
        keys = store.keys()
    if json:
        print_json(keys)
        return
    if not keys:
        err.print("no keys yet; make one: citybrain key new --dept DEPT --name TEXT")
        return
    table = Table("id", "dept", "name", "resources", "unmasked", "expires", "revoked")
    for row in keys:
        granted, unmasked = ", ".join(row["resources"]), "yes" if row["is_unmasked"] else ""
        times = (_text(row["expires_on"]), _text(row["revoked_at"]))
        table.add_row(row["key_id"], row["dept"], row["name"], granted, unmasked, *times)
    out.print(table)


@key_app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="the id shown by citybrain key list")], json: JsonFlag = False
) -> None:
    """Revoke a key at once."""
    with _store() as store:
        is_revoked = store.revoke(key_id)
    if not is_revoked:
        raise UserError(f"no key {key_id!r} in force", hint="citybrain key list shows them")
    if json:
        print_json({"key_id": key_id, "revoked": True})
    else:
        out.print(f"revoked {key_id}")


def configure_logs(*, as_json: bool) -> None:
    """Write structured logs to stderr, a line a request unless ``CITYBRAIN_LOG=warning``.

    Tracebacks never show local variables: they hold personal data and keys.
    """
    import structlog

    level = logging.getLevelNamesMapping().get(os.environ.get("CITYBRAIN_LOG", "info").upper(), logging.INFO)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if as_json:
        last: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        last = [
            structlog.dev.ConsoleRenderer(colors=err.is_terminal, exception_formatter=structlog.dev.plain_traceback)
        ]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def _end(_signal: int, _frame: Any) -> NoReturn:
    raise SystemExit(0)


def _announce(url: str, snapshot: str | None, *, has_accounts: bool, as_json: bool) -> None:
    places = {"url": url, "catalogue": f"{url}/catalogue", "api_docs": f"{url}/api/docs", "health": f"{url}/healthz"}
    if as_json:
        import json

        out.file.write(
            json.dumps({**places, "snapshot": snapshot, "has_accounts": has_accounts, "pid": os.getpid()}) + "\n"
        )
        out.file.flush()
        return
    err.print(f"数据目录 catalogue  {places['catalogue']}\n接口文档 API docs   {places['api_docs']}")
    if snapshot is None:
        err.print("[yellow]尚未发布任何数据 nothing is published yet[/]; pages show contracts only")
        err.print("[dim]→ make a city and publish it: citybrain sample-city --out DIR; citybrain run --source DIR[/]")
    else:
        err.print(f"数据版本 snapshot   {snapshot}")
    if not has_accounts:
        err.print("[yellow]还没有账号 no account yet[/]; nobody can sign in")
        err.print("[dim]→ make the three administrators (system, security, audit): citybrain account init[/]")
    err.print("[dim]Ctrl+C ends[/]")


def _has_accounts(settings: Settings) -> bool:
    """Tell whether anybody can sign in: no account comes with the product."""
    from catalog.access.accounts import AccountStore
    from lakehouse.connect.app_database import app_database

    store = AccountStore(app_database(settings))
    try:
        return bool(store.all())
    finally:
        store.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        where, why = f"{host}:{port}", error.strerror or str(error)
        hint = "another program has it; choose another with --port, or --port 0 for a free one"
        raise UserError(f"cannot listen on {where}: {why}", hint=hint) from error


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _check_grant(dept: str, name: str, granted: list[str], last_day: date | None) -> None:
    from catalog.api.clock import today
    from catalog.contract.load import load_contracts, load_vocabulary
    from lakehouse.connect.settings import Settings

    contracts = load_contracts(approved=Settings().contracts)
    unknown = sorted(set(granted) - contracts.keys())
    if unknown:
        raise UserError(
            f"no such resource: {', '.join(unknown)}", hint="names are DEPT.RESOURCE; see catalog/contracts"
        )
    denied = [key for key in granted if contracts[key].gov.share_type == 3]
    if denied:
        raise UserError(
            f"{', '.join(denied)}: 不予共享, no key can be granted it", hint="see govNoShareBasis in its contract"
        )
    if dept not in load_vocabulary().departments:
        raise UserError(f"no department {dept!r}", hint="see catalog/vocabulary/departments.yaml")
    if not name.strip() or len(name) > 200:
        raise UserError("--name must say what the key is for, in at most 200 characters")
    if last_day is not None and last_day < today():
        raise UserError(f"--expires {last_day} is in the past", hint="give a day from today on")


def _store() -> AbstractContextManager[AccessStore]:
    from catalog.access.store import open_store
    from lakehouse.connect.app_database import app_database
    from lakehouse.connect.settings import Settings

    return open_store(app_database(Settings()))


def _text(value: date | str | None) -> str:
    return "" if value is None else str(value)
