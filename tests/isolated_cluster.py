"""A home on a running stack that shares nothing with another: its own database schema, references and warehouse folder."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import psycopg
from running_stack import stack_home

from lakehouse.connect import objects
from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.nessie import Nessie
from lakehouse.connect.settings import Settings


def make_cluster_home(home: Path) -> None:
    """Let ``home`` be an installation of its own on the tests' stack; skip the test, aloud, when there can be none."""
    cluster = json.loads((stack_home() / "cluster.json").read_text(encoding="utf-8"))
    name = f"test{secrets.token_hex(4)}"
    with psycopg.connect(cluster["database_uri"], autocommit=True) as db:
        db.execute(f'create schema "{name}"'.encode())
    joint = "&" if "?" in cluster["database_uri"] else "?"
    cluster |= {
        "reference_prefix": f"{name}-",
        "database_uri": f"{cluster['database_uri']}{joint}options=-csearch_path%3D{name}",
    }
    home.mkdir(parents=True, exist_ok=True)
    (home / "cluster.json").write_text(json.dumps(cluster), encoding="utf-8")
    (home / "cluster.json").chmod(0o600)


def remove_cluster_home(settings: Settings) -> None:
    """Remove what an installation left on the stack."""
    cluster = cluster_settings(settings)
    nessie = Nessie(cluster.nessie_uri)
    for name in nessie.references():
        if name.startswith(cluster.reference_prefix):
            nessie.delete(name)
    for file in list(objects.listing(cluster.warehouse_location)):
        objects.remove(file.location)
    with psycopg.connect(cluster.database_uri.get_secret_value(), autocommit=True) as db:
        db.execute(f'drop schema "{cluster.reference_prefix[:-1]}" cascade'.encode())
