"""The compose file and the native stack are the same stack; only its shape is checked here, no engine runs it."""

from __future__ import annotations

import re
import stat
from importlib.metadata import version
from typing import Any

import pytest
import yaml

from infra.airflow.configuration import components
from infra.cli.output import UserError
from infra.stack.build import build_services
from infra.stack.compose import compose_environment, write_compose_environment
from infra.stack.containers import configure_containers, furnish_containers
from infra.stack.parts import Parts, Pins
from infra.stack.places import RECIPES, StackPlaces
from infra.stack.settings import StackSettings


@pytest.fixture(scope="module")
def text() -> str:
    return (RECIPES / "compose.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def described(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text))


def _variables(text: str) -> set[str]:
    return set(re.findall(r"\$\{([A-Z_]+)", re.sub(r"(?m)^\s*#.*$", "", text)))


def test_it_has_the_same_servers(
    described: dict[str, Any], places: StackPlaces, stack_settings: StackSettings, parts: Parts
) -> None:
    assert list(described["services"]) == list(build_services(places, stack_settings, parts))


def test_every_variable_comes_from_the_settings_and_each_is_used(
    text: str, places: StackPlaces, stack_settings: StackSettings
) -> None:
    known = set(compose_environment(places, stack_settings)) - {"COMPOSE_PROJECT_NAME"}

    assert _variables(text) == known


def test_a_variable_that_is_not_set_stops_it(text: str) -> None:
    assert re.findall(r"\$\{[A-Z_]+(?!:\?)\}", text) == []


def test_the_images_are_of_the_versions_that_are_pinned(described: dict[str, Any]) -> None:
    pins = Pins.read()
    images = {name: service["image"].rsplit(":", 1)[1] for name, service in described["services"].items()}

    assert (images["trino"], images["nessie"]) == (pins.trino, pins.nessie)
    assert {images[name] for name in images if name.startswith("airflow-")} == {version("apache-airflow")}
    assert "latest" not in images.values()


def test_every_server_is_started_again_and_listens_as_the_native_one_does(described: dict[str, Any]) -> None:
    for service in described["services"].values():
        assert service["restart"] == "unless-stopped"
        assert service["network_mode"] == "host"
        assert "ports" not in service


def test_named_volumes_are_declared(described: dict[str, Any]) -> None:
    mounted = {each.split(":")[0] for service in described["services"].values() for each in service["volumes"]}

    assert {name for name in mounted if not name.startswith(("$", "/"))} == set(described["volumes"])


def test_airflows_processes_are_started_as_the_native_ones_are(described: dict[str, Any]) -> None:
    started = {name: each["command"] for name, each in described["services"].items() if name.startswith("airflow-")}

    assert {name: command[1:] for name, command in started.items()} == {
        name: command[1:] for name, command in components().items()
    }


def test_two_homes_are_two_projects(places: StackPlaces, stack_settings: StackSettings) -> None:
    other = StackPlaces(places.home / "other")
    names = {compose_environment(each, stack_settings)["COMPOSE_PROJECT_NAME"] for each in (places, other)}

    assert len(names) == 2


def test_the_environment_file_is_private(places: StackPlaces, stack_settings: StackSettings) -> None:
    write_compose_environment(places, stack_settings)

    assert stat.S_IMODE(places.compose_environment.stat().st_mode) == 0o600


def test_what_is_mounted_is_written_before(places: StackPlaces, text: str) -> None:
    environment = configure_containers(places)
    values = dict(line.split("=", 1) for line in environment.read_text(encoding="utf-8").splitlines())
    mounted = re.findall(r"- \$\{CITYBRAIN_STACK_ROOT:\?\}(/[^:\s]+):", text)

    assert mounted
    assert all((places.root / path.lstrip("/")).exists() for path in mounted)
    assert values["CITYBRAIN_STACK_ROOT"] == str(places.root)


def test_configuring_again_keeps_ports_and_secrets(places: StackPlaces) -> None:
    configure_containers(places)
    first = places.settings.read_text(encoding="utf-8")
    configure_containers(places)

    assert places.settings.read_text(encoding="utf-8") == first


def test_servers_that_do_not_answer_are_named(places: StackPlaces) -> None:
    configure_containers(places)

    with pytest.raises(UserError, match="PostgreSQL"):
        furnish_containers(places, lambda _: None, seconds=0)


def test_there_is_nothing_to_furnish_before_it_is_configured(places: StackPlaces) -> None:
    with pytest.raises(UserError, match="no stack yet"):
        furnish_containers(places, lambda _: None)
