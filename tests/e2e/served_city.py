"""``citybrain serve`` as a process over the small published city."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from lakehouse.connect.settings import Settings

CITY = Path(__file__).parents[1] / "integration" / "web" / "web_city.py"
PROGRAM = "import sys; from infra.cli.main import run; sys.argv[0] = 'citybrain'; run()"


def published_city(home: Path) -> tuple[Settings, ModuleType]:
    """Publish the small city into a home; return its settings, and the module that makes its tables."""
    settings, city = Settings(home=home, threads=1), _load(CITY)
    city.publish_tables(settings, "city", city.city_tables())
    return settings, city


@contextmanager
def served(home: Path) -> Iterator[str]:
    """Serve a home for the length of a block; give its address."""
    line = [sys.executable, "-c", PROGRAM, "serve", "--port", "0", "--json"]
    environment = os.environ | {"CITYBRAIN_HOME": str(home)}
    with (
        (home / "serve.log").open("w") as log,
        subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
        process.terminate()
        assert process.wait(30) == 0


def citybrain(home: Path, *words: str) -> Any:
    """Run a command on a home and return its JSON."""
    line = [sys.executable, "-c", PROGRAM, *words, "--json"]
    environment = os.environ | {"CITYBRAIN_HOME": str(home)}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("web_city", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module  # type: ignore[no-any-return]
