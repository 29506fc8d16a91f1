"""The desk without its doors: what the command line and the daily upkeep do with the sharing matters of a home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from catalog.api.clock import now, today
from catalog.api.published import PublishedData
from catalog.api.readers import Readers
from catalog.api.reads import CatalogueReads
from catalog.cataloguing.archive import Archive
from catalog.cataloguing.shelf import Shelf
from catalog.contract.load import load_vocabulary
from catalog.sharing.acting import Acting
from catalog.sharing.calendar import load_calendar
from catalog.sharing.duties import standing
from catalog.sharing.posts import Matter
from catalog.sharing.practice import load_practice
from catalog.sharing.reminders import ReminderStore
from catalog.sharing.store import SharingStore
from catalog.sharing.tick import tick
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings


@dataclass(frozen=True)
class OpenDesk:
    """What stands behind the doors, and the reminders."""

    acting: Acting
    reminders: ReminderStore


@contextmanager
def open_desk(settings: Settings) -> Iterator[OpenDesk]:
    """Give the desk of a home for the length of a block."""
    address, vocabulary = app_database(settings), load_vocabulary()
    with ExitStack() as stack:
        store, reminders, readers = SharingStore(address), ReminderStore(address), Readers(settings)
        for opened in (store, reminders, readers):
            stack.callback(opened.close)
        reads = CatalogueReads(settings, readers, Shelf(vocabulary, Archive(settings.contracts)), vocabulary)
        published = PublishedData(readers, reads.contracts, reads.now)
        yield OpenDesk(Acting(store, load_calendar(), load_practice(), published), reminders)


def run_tick(settings: Settings, on: date | None = None) -> dict[str, Any]:
    """Do what is due on a day (None: today) and return what was done; see :func:`catalog.sharing.tick.tick`."""
    with open_desk(settings) as desk:
        return asdict(tick(desk.acting, desk.reminders, on or today(), now()))


def list_matters(settings: Settings, on: date | None = None) -> list[dict[str, Any]]:
    """Return how every matter stands on a day (None: today), the most urgent first."""
    with open_desk(settings) as desk:
        acting = desk.acting
        matters: list[Matter] = [*acting.store.applications(), *acting.store.verifications()]
        found = [standing(matter, acting.calendar, on or today(), acting.practice) for matter in matters]
    return [
        {
            "number": stands.number,
            "resource": stands.resource,
            "applicant": stands.applicant,
            "provider": stands.provider,
            "state": stands.state,
            "waits_for": [role.value for role in stands.waits_for],
            "light": stands.light,
            "due_on": stands.due.due_on if stands.due else None,
            "days_left": stands.due.days_left if stands.due else None,
            "no_table": stands.no_table or None,
        }
        for stands in sorted(found, key=lambda stands: stands.urgency)
    ]
