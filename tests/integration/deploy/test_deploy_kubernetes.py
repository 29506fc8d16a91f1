"""The charts, rendered by helm and held against Kubernetes' own schemas.

The official charts of Airflow and Trino are in no registry that a build can count on: where a folder holds them
(``CITYBRAIN_CHARTS``, with ``airflow/`` and ``trino/`` inside), our values are rendered with them, their own schemas included.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from terraform_tool import tool_missing

pytestmark = pytest.mark.integration

KUBERNETES = Path(__file__).resolve().parents[3] / "infra" / "kubernetes"
CHART = KUBERNETES / "citybrain-serve"
VERSIONS = ("1.30", "1.34", "1.37")
CHARTS = "CITYBRAIN_CHARTS"
EVERYTHING = {
    "ingress.enabled": "true",
    "ingress.tlsSecret": "tls",
    "verify.deep": "true",
    "home.accessMode": "ReadWriteMany",
    "replicaCount": "3",
    "cluster.caKey": "ca.crt",
    "settings.airflowUrl": "https://airflow.city.example",
}

Helm = Callable[..., subprocess.CompletedProcess[str]]
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    program = Path(sys.executable).with_name("helm")
    if not program.exists():
        tool_missing("helm", "make setup")
    home = tmp_path_factory.mktemp("helm")
    environ = {**os.environ, "HELM_CACHE_HOME": str(home), "HELM_CONFIG_HOME": str(home), "HELM_DATA_HOME": str(home)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, env=environ)

    return run


def rendered(helm: Helm, chart: Path, *arguments: str, **values: str) -> list[Manifest]:
    sets = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    version = ("--kube-version", "1.34.0", "--namespace", "citybrain")
    done = helm("template", "city", str(chart), *version, *arguments, *sets)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def refusal(helm: Helm, **values: str) -> str:
    sets = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    done = helm("template", "city", str(CHART), "--kube-version", "1.34.0", *sets)
    assert done.returncode != 0
    return done.stderr


def of_kind(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = [manifest for manifest in manifests if manifest["kind"] == kind]
    return found


def pods(manifests: list[Manifest]) -> list[Manifest]:
    """Return every pod specification in the manifests."""
    found = []
    for manifest in manifests:
        spec = manifest.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            found.append(spec["template"]["spec"])
    return found


@pytest.fixture(scope="module")
def plain(helm: Helm) -> list[Manifest]:
    return rendered(helm, CHART)


@pytest.fixture(scope="module")
def full(helm: Helm) -> list[Manifest]:
    return rendered(helm, CHART, **EVERYTHING)


def test_chart_is_well_formed(helm: Helm) -> None:
    done = helm("lint", "--strict", str(CHART), "--kube-version", "1.34.0")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_keep_kubernetes_schemas(plain: list[Manifest], full: list[Manifest], version: str) -> None:
    for manifest in [*plain, *full]:
        kubernetes_validate.validate(manifest, version, strict=True)
    assert len(full) == len(plain) + 1


def test_a_manifest_that_breaks_the_schema_is_noticed(plain: list[Manifest]) -> None:
    broken = {**of_kind(plain, "Service"), "spec": {"ports": [{"port": "http"}], "surplus": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.34", strict=True)


def test_pods_have_no_rights_that_they_do_not_need(full: list[Manifest]) -> None:
    found = pods(full)
    assert len(found) == 2
    for pod in found:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            assert not container["image"].endswith(":latest")


def test_serve_is_asked_whether_it_lives_and_whether_it_can_answer(plain: list[Manifest]) -> None:
    (container,) = of_kind(plain, "Deployment")["spec"]["template"]["spec"]["containers"]
    asked = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}


def test_probes_ask_for_pages_that_the_application_has(plain: list[Manifest]) -> None:
    source = (KUBERNETES.parents[1] / "catalog" / "web" / "app.py").read_text(encoding="utf-8")
    assert '"/healthz"' in source
    assert '"/readyz"' in source


def test_labels_of_service_policy_and_budget_select_the_pod(plain: list[Manifest]) -> None:
    labels = of_kind(plain, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        of_kind(plain, "Service")["spec"]["selector"],
        of_kind(plain, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        of_kind(plain, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        of_kind(plain, "Deployment")["spec"]["selector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels for selector in selectors)


def test_credentials_come_from_a_secret_and_settings_from_a_config_map(plain: list[Manifest]) -> None:
    assert not [manifest for manifest in plain if manifest["kind"] == "Secret"]
    settings = of_kind(plain, "ConfigMap")["data"]
    assert settings["CITYBRAIN_CLUSTER_FILE"] == "/etc/citybrain/cluster.json"
    for pod in pods(plain):
        secrets = [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]
        assert secrets == ["citybrain-cluster"]


def test_settings_are_ones_that_the_product_reads(plain: list[Manifest]) -> None:
    from lakehouse.connect.cluster import CLUSTER_FILE
    from lakehouse.connect.settings import Settings

    known = {f"CITYBRAIN_{name.upper()}" for name in Settings.model_fields}
    known |= {CLUSTER_FILE, "CITYBRAIN_LOG", "CITYBRAIN_AIRFLOW_URL", "HOME"}
    assert set(of_kind(plain, "ConfigMap")["data"]) <= known


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"replicaCount": "2"}, "needs home.accessMode: ReadWriteMany"),
        ({"ingress.enabled": "true"}, "citybrain is not served without TLS"),
        ({"image.tag": "latest"}, "image"),
        ({"cluster.existingSecret": ""}, "existingSecret"),
        ({"resource.limits": "1"}, "resource"),
        ({"image.digest": "sha256:1"}, "digest"),
        ({"networkPolicy.egressPorts[0]": "70000"}, "egressPorts"),
    ],
)
def test_wrong_values_are_refused(helm: Helm, values: dict[str, str], told: str) -> None:
    assert told in refusal(helm, **values)


@pytest.mark.parametrize(
    "files", [("airflow/values.yaml",), ("airflow/values.yaml", "airflow/values-small.yaml"), ("trino/values.yaml",)]
)
def test_values_fit_the_official_charts(helm: Helm, files: tuple[str, ...]) -> None:
    charts = os.environ.get(CHARTS)
    if not charts:
        pytest.skip(f"the official charts are missing: name a folder that holds airflow/ and trino/ in {CHARTS}")
    chart = Path(charts) / files[0].partition("/")[0]
    manifests = rendered(helm, chart, *(part for file in files for part in ("--values", str(KUBERNETES / file))))
    assert len(manifests) > 10
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.34", strict=True)
    made = {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == "Secret"}
    assert made <= {"city-airflow-broker-url"}  # the chart makes it for Celery, whichever executor is chosen


@pytest.mark.parametrize("file", ["airflow/values.yaml", "airflow/values-small.yaml", "trino/values.yaml"])
def test_values_are_yaml_without_doubled_keys(file: str) -> None:
    from ruamel.yaml import YAML

    assert YAML(typ="safe").load((KUBERNETES / file).read_text(encoding="utf-8"))


def test_values_name_the_versions_that_the_platform_is_built_with() -> None:
    project = (KUBERNETES.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    airflow = yaml.safe_load((KUBERNETES / "airflow" / "values.yaml").read_text(encoding="utf-8"))
    assert f'"apache-airflow=={airflow["airflowVersion"]}"' in project
    assert f"apache/airflow:{airflow['airflowVersion']}-" in (KUBERNETES / "images" / "Dockerfile").read_text("utf-8")
    trino = yaml.safe_load((KUBERNETES / "trino" / "values.yaml").read_text(encoding="utf-8"))
    pinned = (KUBERNETES.parent / "stack" / "pom.xml").read_text(encoding="utf-8")
    assert f">{trino['image']['tag']}<" in pinned
    (copier,) = trino["initContainers"]["coordinator"]
    assert copier["image"].endswith(f":{trino['image']['tag']}")
