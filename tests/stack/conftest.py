"""A stack for all tests of this session, and others for tests that break theirs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import running_stack

from infra.stack.control import stack_down
from infra.stack.places import StackPlaces


@pytest.fixture(scope="session")
def stack_home() -> Path:
    """The home of a stack that serves, with ``cluster.json``; started once a session."""
    return running_stack.stack_home()


@pytest.fixture(scope="module")
def own_places() -> Iterator[StackPlaces]:
    """A home for a stack of this module's own, which may be broken; whatever runs there is stopped in the end."""
    home = running_stack.new_home("citybrain-own-stack-")
    places = StackPlaces(home)
    yield places
    stack_down(places)
    shutil.rmtree(home)
