"""What can be known of the container files without a container engine: their form, their names, and what they give away."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mailer.settings import PREFIX, SETTINGS
from tests.paths import PROJECT
from tests.unit.house.commands import command_path

_FILE = PROJECT / "docker-compose.yml"
_DOCUMENT = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
_SERVICES = _DOCUMENT["services"]
_OURS = sorted(name for name, service in _SERVICES.items() if service.get("image") == "jianbao")
_ONE_SHOT = {"jianbao", "migrate"}
_SET_OTHERWISE = {
    "DATA_DIR": "by the image",
    "WORKER_PROCESSES": "by --scale worker=N",
    "DKIM_KEY": "keys are files of the volume that all containers share",
    "DKIM_SELECTOR": "the same",
}
_STARTS_AS_ROOT = {
    "postgres": "its entry point owns the data folder, then becomes postgres",
    "relay": "Postfix' master opens port 25, and its daemons become postfix",
}


def test_the_compose_file_is_valid_by_the_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(_FILE)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", _OURS)
def test_a_service_runs_a_command_that_jianbao_has(service: str) -> None:
    path, rest = command_path(_SERVICES[service]["command"])
    assert path, f"{service}: jianbao has no command {_SERVICES[service]['command']}"
    assert set(rest) <= {option for parameter in path[-1].params for option in parameter.opts}


@pytest.mark.parametrize("service", _OURS)
def test_a_service_is_set_up_with_settings_that_exist(service: str) -> None:
    known = {PREFIX + setting.name for setting in SETTINGS}
    files = {f"{name}_FILE" for name in known}
    assert set(_SERVICES[service]["environment"]) <= known | files


def test_what_an_operator_sets_reaches_the_containers() -> None:
    known = {PREFIX + setting.name for setting in SETTINGS}
    named = {name for service in _OURS for name in _SERVICES[service]["environment"]}
    handed_on = named | {name.removesuffix("_FILE") for name in named - known}
    assert known - handed_on == {PREFIX + name for name in _SET_OTHERWISE}


@pytest.mark.parametrize("service", sorted(_SERVICES))
def test_no_secret_stands_in_the_environment(service: str) -> None:
    known = {PREFIX + setting.name for setting in SETTINGS}
    secret = {PREFIX + setting.name for setting in SETTINGS if setting.secret}
    environment = _SERVICES[service].get("environment", {})
    for name, text in environment.items():
        if name.endswith("_FILE") and name not in known:
            assert text.removeprefix("/run/secrets/") in _SERVICES[service]["secrets"]
        else:
            harmless = re.fullmatch(r"[a-z]+://[\w.]+(:\d+)?/\d*|\$\{\w+:-\}", str(text))
            assert name not in secret or harmless, f"{service}: {name} in clear"
            assert not re.search("PASSWORD|TOKEN", name)


def test_every_secret_is_a_file() -> None:
    assert all(set(secret) == {"file"} for secret in _DOCUMENT["secrets"].values())


@pytest.mark.parametrize("service", sorted(set(_SERVICES) - _ONE_SHOT))
def test_a_service_that_stays_has_a_health_check_and_comes_back_by_itself(service: str) -> None:
    assert _SERVICES[service]["healthcheck"]["test"][0] == "CMD"
    assert _SERVICES[service]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", sorted(_SERVICES))
def test_a_service_has_no_privilege_it_can_do_without(service: str) -> None:
    definition = _SERVICES[service]
    assert not {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc"} & set(definition)
    if service not in _STARTS_AS_ROOT:
        assert definition["cap_drop"] == ["ALL"]
        assert definition["read_only"] is True
    for volume in definition.get("volumes", []):
        assert volume.split(":")[0] in _DOCUMENT["volumes"], f"{service} mounts a folder of the machine: {volume}"


def test_a_database_that_is_only_just_being_made_is_not_called_healthy() -> None:
    # The image makes it by a server that answers at the socket alone (docker-library/postgres#880).
    assert "--host=127.0.0.1" in _SERVICES["postgres"]["healthcheck"]["test"]


def test_the_worker_can_be_multiplied() -> None:
    assert not {"container_name", "ports", "hostname"} & set(_SERVICES["worker"])


def test_ports_are_opened_on_this_machine_alone() -> None:
    ports = [port for service in _SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_database_and_the_broker_are_cut_off_from_outside() -> None:
    assert _DOCUMENT["networks"]["inside"] == {"internal": True}
    assert _SERVICES["postgres"]["networks"] == _SERVICES["valkey"]["networks"] == ["inside"]


@pytest.mark.parametrize("kind", ["networks", "volumes", "secrets", "configs"])
def test_what_a_service_names_is_declared_and_what_is_declared_is_used(kind: str) -> None:
    used = {
        (name["source"] if isinstance(name, dict) else name.split(":")[0])
        for service in _SERVICES.values()
        for name in service.get(kind, [])
    }
    assert used == set(_DOCUMENT[kind])


@pytest.mark.debian("postconf")
def test_the_relay_is_set_up_with_parameters_that_postfix_knows(tmp_path: Path) -> None:
    content = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", _DOCUMENT["configs"]["postfix"]["content"])
    (tmp_path / "main.cf").write_text(content)
    (tmp_path / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    # Debian keeps it where an ordinary user's PATH does not lead.
    program = shutil.which("postconf", path=f"{os.environ['PATH']}:/usr/sbin") or "postconf"
    done = subprocess.run([program, "-n", "-c", tmp_path], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) >= content.count("=")


def test_the_image_copies_what_exists_and_what_docker_is_let_to_see() -> None:
    seen = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        name
        for line in (PROJECT / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    }
    assert copied <= seen
    assert all((PROJECT / name).exists() for name in seen)


def test_the_image_is_left_by_root_before_it_starts() -> None:
    lines = (PROJECT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert [line.split()[1] for line in lines if line.startswith("USER ")] == ["jianbao"]
    assert lines.index("USER jianbao") < lines.index('ENTRYPOINT ["jianbao"]')
