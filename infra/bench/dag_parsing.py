"""``citybrain bench dag-parsing``: the DAG file of 100 departments x 20 resources, read as Airflow reads it.

Ours is what our DAG file does in a new process, as the DAG processor runs it: read every contract and make every DAG, once
with what Airflow's folder remembers of an earlier parse, once without. A tenth of the departments shows how it grows. The
floor is Airflow's own work for as many DAGs of one task, with nothing to read. Airflow is imported before, for all arms;
what it does with the DAGs afterwards (collecting and serialising them) is in the notes, and is the same for any file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from catalog.contract.load import CATALOG_ROOT, load_contracts
from infra.bench.harness import FLOOR, OURS, ArmFailed, ArmResult, run_arms

FIRST = "ours:nothing_remembered"
TENTH = "ours:a_tenth_of_the_departments"
DEPARTMENTS, RESOURCES = 100, 20
MODEL = CATALOG_ROOT / "contracts" / "gaj" / "household.odcs.yaml"
VERSIONS = ("citybrain", "apache-airflow", "pydantic", "pyyaml")

_OURS = """
from pathlib import Path
from catalog.contract.load import load_contracts, load_vocabulary
from dags.factory import all_dags
from lakehouse.pipeline.inputs import Inputs
root, place = Path({root!r}), Path({place!r})
globals().update(all_dags(Inputs(load_contracts(root, remembered=place), load_vocabulary(root))))
"""
_FLOOR = """
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG
for number in range({number}):
    with DAG(f"dag_{{number}}", schedule=None) as dag:
        PythonOperator(task_id="task", python_callable=print)
    globals()[dag.dag_id] = dag
"""
# Imported before the clock starts: in the DAG processor's children all this is there from its parent.
_PARSE = """
import json, sys, time
import airflow.providers.standard.operators.python, dags.factory
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from catalog.contract.load import many_new_objects
code = compile(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1], "exec")
times = [(time.perf_counter(), time.process_time())]
def lap():
    times.append((time.perf_counter(), time.process_time()))
made = {"__name__": "parsed"}
exec(code, made)
lap()
bag = DagBag(dag_folder=sys.argv[1], safe_mode=False)
lap()
with many_new_objects():
    for dag in bag.dags.values():
        DagSerialization.to_dict(dag)
lap()
wall, cpu = ([round(b[n] - a[n], 3) for a, b in zip(times, times[1:])] for n in (0, 1))
print(json.dumps({"wall": wall, "cpu": cpu, "dags": len(bag.dags), "errors": list(bag.import_errors.values())}))
"""


def bench_dag_parsing(repeat: int = 5, *, progress: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Measure the parse of 2,000 contracts; ``equal`` says that every repetition made the same number of DAGs."""
    with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as name:
        root = Path(name)
        full, tenth = root / "full", root / "tenth"
        write_catalogue(full, DEPARTMENTS, RESOURCES)
        write_catalogue(tenth, DEPARTMENTS // 10, RESOURCES)
        for catalogue in (full, tenth):
            load_contracts(catalogue, remembered=catalogue / "remembered")
        arms = {
            OURS: partial(_parse, root, _OURS.format(root=str(full), place=str(full / "remembered"))),
            FIRST: partial(_parse, root, _OURS.format(root=str(full), place="/dev/null/nothing")),
            TENTH: partial(
                _parse, root, _OURS.format(root=str(tenth), place=str(tenth / "remembered")), compared=False
            ),
            FLOOR: partial(_parse, root, _FLOOR.format(number=DEPARTMENTS * RESOURCES), compared=False),
        }
        params = {"departments": DEPARTMENTS, "resources": RESOURCES, "contract_bytes": MODEL.stat().st_size}
        return run_arms("dag-parsing", params, arms, repeat, versions=VERSIONS, progress=progress)


def write_catalogue(root: Path, departments: int, resources: int) -> None:
    """Write a catalogue of ``departments`` x ``resources`` contracts, all of them variations of one real contract."""
    vocabulary = root / "vocabulary"
    vocabulary.mkdir(parents=True)
    for part in (CATALOG_ROOT / "vocabulary").glob("*.yaml"):
        (vocabulary / part.name).write_bytes(part.read_bytes())
    codes = [f"d{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(departments)]
    lines = [f"{code}: {{name: 部门, credit_code: 11330100MB9000000E, system: 系统}}" for code in codes]
    (vocabulary / "departments.yaml").write_text("\n".join(lines), encoding="utf-8")
    model = MODEL.read_text(encoding="utf-8")
    for code in codes:
        folder = root / "contracts" / code
        folder.mkdir(parents=True)
        for number in range(resources):
            text = model.replace("domain: gaj", f"domain: {code}")
            text = text.replace("name: household\n", f"name: table_{number}\n")
            (folder / f"table_{number}.odcs.yaml").write_text(text, encoding="utf-8")


def _parse(root: Path, code: str, *, compared: bool = True) -> ArmResult:
    """Parse a DAG file in a new process; the seconds are those of the file alone."""
    with tempfile.TemporaryDirectory(dir=root) as folder:
        file = Path(folder) / "dags.py"
        file.write_text(code, encoding="utf-8")
        environment = {"AIRFLOW_HOME": folder, "CITYBRAIN_HOME": folder, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", _PARSE, str(file)], env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise ArmFailed(done.stderr[-3000:])
    found = json.loads(done.stdout.splitlines()[-1])
    if found["errors"]:
        raise ArmFailed(found["errors"][0])
    names = ("file", "airflow_collects", "airflow_serialises")
    notes = {"cpu_seconds": dict(zip(names, found["cpu"], strict=True))} | {
        "seconds": dict(zip(names, found["wall"], strict=True))
    }
    return ArmResult(found["wall"][0], found["dags"] if compared else None, notes)
