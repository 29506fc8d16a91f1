"""What the doors stand on, opened once for an application and closed with it."""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from catalog.access.accounts import AccountStore
from catalog.access.oidc import OidcClient, Provider
from catalog.access.one_time_codes import CodeStore
from catalog.access.sessions import SessionStore
from catalog.access.store import AccessStore
from catalog.api.cataloguing import CataloguingViews
from catalog.api.clock import now
from catalog.api.contract_history import ContractHistory
from catalog.api.data import DataService
from catalog.api.data_file import DataFiles
from catalog.api.desk import Desk
from catalog.api.lineage_store import LineageStore
from catalog.api.paging import Tokens
from catalog.api.published import PublishedData
from catalog.api.quality_trend import QualityTrend
from catalog.api.readers import Readers
from catalog.api.reads import CatalogueReads
from catalog.api.records import Records
from catalog.cataloguing.archive import Archive
from catalog.cataloguing.desk import CataloguingDesk
from catalog.cataloguing.shelf import Shelf
from catalog.cataloguing.store import CataloguingStore
from catalog.compliance.changes import Changes
from catalog.compliance.gather import Gatherer
from catalog.contract.load import load_vocabulary
from catalog.contract.vocabulary import Vocabulary
from catalog.sharing.acting import Acting
from catalog.sharing.calendar import load_calendar
from catalog.sharing.grants import GrantBook
from catalog.sharing.practice import load_practice
from catalog.sharing.reminders import ReminderStore
from catalog.sharing.store import SharingStore
from catalog.web.account_admin import Office
from catalog.web.cataloguing import Cataloguing
from catalog.web.signin import People
from catalog.web.slips import Slips
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

SECRET_BYTES = 32


@dataclass(frozen=True)
class Rooms:
    """Stores and services of one home; ``closing`` closes what has connections."""

    vocabulary: Vocabulary
    people: People
    oidc: OidcClient | None
    office: Office
    access: AccessStore
    lineage: LineageStore
    reads: CatalogueReads
    data: DataService
    files: DataFiles
    cataloguing: Cataloguing
    desk: Desk
    records: Records
    gatherer: Gatherer
    closing: ExitStack


def open_rooms(settings: Settings) -> Rooms:
    """Open what the doors stand on.

    Raises:
        AppDatabaseUnavailable: the app database does not answer.
        ProfileUnavailable: the profile's servers are not named.
    """
    vocabulary, calendar, database = load_vocabulary(), load_calendar(), app_database(settings)
    readers = Readers(settings)
    codes = CodeStore(database, page_secret(settings.app_db.with_name("one-time-codes.key")))
    people = People(AccountStore(database), SessionStore(database), codes, settings.totp)
    oidc = _provider(settings)
    access, lineage = AccessStore(database), LineageStore(database)
    sharing, reminders = SharingStore(database), ReminderStore(database)
    grants = GrantBook(sharing)
    proposals = CataloguingDesk(CataloguingStore(database, calendar), Shelf(vocabulary, Archive(settings.contracts)))
    with suppress(OSError):  # what cannot be written now is told when somebody publishes
        proposals.settle()
    reads = CatalogueReads(settings, readers, proposals.shelf, vocabulary)
    published = PublishedData(readers, reads.contracts, reads.now)
    secret = page_secret(settings.app_db.with_name("page-token.key"))
    trend, changes = QualityTrend(database), ContractHistory(database)
    closing = ExitStack()
    for room in (people, access, lineage, sharing, reminders, proposals.store, trend, changes, readers):
        closing.callback(room.close)
    if oidc is not None:
        closing.callback(oidc.close)
    return Rooms(
        vocabulary=vocabulary,
        people=people,
        oidc=oidc,
        office=Office(people, access, vocabulary, Slips(secret)),
        access=access,
        lineage=lineage,
        reads=reads,
        data=DataService(readers, access, Tokens(secret), reads.entries, grants),
        files=DataFiles(readers, access, grants, settings.root / "tmp"),
        cataloguing=Cataloguing(proposals, CataloguingViews(proposals, calendar), reads, readers),
        desk=Desk(Acting(sharing, calendar, load_practice(), published), reminders, access, reads, published, now),
        gatherer=Gatherer(
            settings, sharing, access, lambda: reads.contracts, vocabulary, Changes(proposals.store, calendar)
        ),
        records=Records(trend, changes, access),
        closing=closing,
    )


def _provider(settings: Settings) -> OidcClient | None:
    if not settings.oidc_issuer:
        return None
    file = settings.oidc_client_secret_file
    secret = file.read_text(encoding="utf-8").strip() if file else ""
    return OidcClient(Provider(settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_claim))


def page_secret(path: Path) -> bytes:
    """Return the key that seals page tokens; made once per home, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))
    try:
        os.link(fresh, path)  # whole or not at all, and the first one stays
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_bytes()
