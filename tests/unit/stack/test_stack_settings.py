"""The one settings file: made once, kept, private, and checked when it is read."""

from __future__ import annotations

import json
import stat

import pytest

from infra.cli.output import UserError
from infra.host.ports import is_free
from infra.stack.places import StackPlaces
from infra.stack.settings import Secrets, StackSettings


def test_settings_are_read_as_they_were_written(places: StackPlaces) -> None:
    made = StackSettings.make("seaweedfs")
    made.save(places)

    assert StackSettings.load(places) == made


def test_a_home_without_a_stack_has_no_settings(places: StackPlaces) -> None:
    assert StackSettings.load(places) is None


def test_a_heap_that_java_would_not_take_is_named(places: StackPlaces) -> None:
    made = StackSettings.make("minio").model_dump(mode="json") | {"trino_heap": "2 GB"}
    places.settings.parent.mkdir(parents=True, exist_ok=True)
    places.settings.write_text(json.dumps(made), encoding="utf-8")

    with pytest.raises(UserError, match="trino_heap"):
        StackSettings.load(places)


def test_only_the_owner_reads_the_settings(places: StackPlaces) -> None:
    StackSettings.make("minio").save(places)

    assert stat.S_IMODE(places.settings.stat().st_mode) == 0o600


def test_settings_of_an_earlier_version_are_completed_and_else_kept(places: StackPlaces) -> None:
    made = StackSettings.make("minio")
    made.model_copy(update={"ports": made.ports.model_copy(update={"airflow": 0})}).save(places)

    completed = StackSettings.of_home(places)

    assert completed.ports.airflow not in {0, *made.ports.all()} - {made.ports.airflow}
    assert completed.ports.model_copy(update={"airflow": made.ports.airflow}) == made.ports


def test_departments_deliver_to_the_sample_city_unless_the_settings_say_otherwise(places: StackPlaces) -> None:
    made = StackSettings.make("minio")

    assert made.source_folder(places) == places.home / "sample-city"
    assert str(made.ports.departments) in made.source_api_url()
    named = made.model_copy(update={"source": "/srv/deliveries", "source_api": "http://departments"})
    assert (str(named.source_folder(places)), named.source_api_url()) == ("/srv/deliveries", "http://departments")


def test_two_stacks_share_neither_port_nor_secret() -> None:
    first, second = StackSettings.make("minio"), StackSettings.make("minio")

    assert not set(first.secrets.model_dump().values()) & set(second.secrets.model_dump().values())
    assert len(set(first.ports.all())) == len(first.ports.all())
    assert all(is_free(port) for port in first.ports.all())


def test_secrets_are_long_enough_to_withstand_guessing() -> None:
    passwords = {
        name: value for name, value in Secrets().model_dump().items() if "user" not in name and "access" not in name
    }

    assert all(len(value) >= 32 for value in passwords.values())
    assert len(set(passwords.values())) == len(passwords)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"surprise": 1}, "surprise"),
        ({"object_store": "tape"}, "object_store"),
        ({"ports": {"trino": "many"}}, "ports.trino"),
    ],
)
def test_a_wrong_field_is_named_and_no_secret_is_shown(
    places: StackPlaces, change: dict[str, object], named: str
) -> None:
    made = StackSettings.make("minio")
    made.save(places)
    places.settings.write_text(json.dumps({**made.model_dump(), **change}), encoding="utf-8")

    with pytest.raises(UserError, match=named) as raised:
        StackSettings.load(places)

    assert not any(secret in str(raised.value) for secret in made.secrets.model_dump().values())


def test_a_file_that_is_no_json_is_said_to_be_none(places: StackPlaces) -> None:
    places.settings.parent.mkdir(parents=True)
    places.settings.write_text("{", encoding="utf-8")

    with pytest.raises(UserError, match="settings"):
        StackSettings.load(places)
