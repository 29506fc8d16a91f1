"""Importing this imports what ``citybrain`` and the lakehouse need: once, in the process that tests fork theirs from."""

from __future__ import annotations

import gc

import pytest

import infra.cli.main
import lakehouse.backup
import lakehouse.pipeline.dbt_warm
import lakehouse.pipeline.run
import lakehouse.sample_city.api_server
from expectations.gx import load_great_expectations

WARMED = (
    pytest,
    infra.cli.main,
    lakehouse.backup,
    lakehouse.pipeline.dbt_warm,
    lakehouse.pipeline.run,
    lakehouse.sample_city.api_server,
)

load_great_expectations()
gc.collect()
gc.freeze()  # a collection in a forked process would touch, and so copy, every page that is shared with this one
