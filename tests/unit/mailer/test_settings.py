"""Settings: where each comes from, what is refused, what is never shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailer.settings import read_settings
from subscribers.errors import InputError


def test_the_environment_goes_before_a_secret_s_file_and_that_before_dotenv(tmp_path: Path) -> None:
    dotenv, secret = tmp_path / ".env", tmp_path / "key"
    dotenv.write_text('JIANBAO_SECRET_KEY=from-dotenv\nJIANBAO_LINK_HOSTS="简报.example # no comment"\n')
    secret.write_text("from-file\n")
    assert read_settings({}, dotenv)["SECRET_KEY"] == "from-dotenv"
    assert read_settings({"JIANBAO_SECRET_KEY_FILE": str(secret)}, dotenv)["SECRET_KEY"] == "from-file"
    both = {"JIANBAO_SECRET_KEY_FILE": str(secret), "JIANBAO_SECRET_KEY": "from-environment"}
    value = read_settings(both, dotenv).values["SECRET_KEY"]
    assert (value.text, value.origin, value.shown) == ("from-environment", "environment", "********")
    assert read_settings({}, dotenv)["LINK_HOSTS"] == "简报.example # no comment"


def test_dotenv_names_files_of_secrets_as_the_environment_does(tmp_path: Path) -> None:
    dotenv, secret = tmp_path / ".env", tmp_path / "key"
    dotenv.write_text(f"JIANBAO_SECRET_KEY_FILE={secret}\n")
    secret.write_text("from-file\n")
    value = read_settings({}, dotenv).values["SECRET_KEY"]
    assert (value.text, value.origin) == ("from-file", str(secret))
    assert read_settings({"JIANBAO_SECRET_KEY": "from-environment"}, dotenv)["SECRET_KEY"] == "from-environment"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"PATH=1\nJIANBAO_SECRET_KEY='from-dotenv\nJIANBAO_PACE=1/s\n", r"\.env:2: that is no NAME=value"),
        ("# 密钥\nJIANBAO_SECRET_KEY=from-dotenv\n".encode("gbk"), r"\.env cannot be read: it is not in UTF-8"),
    ],
)
def test_a_dotenv_that_cannot_be_read_whole_sets_nothing_silently_to_its_default(
    tmp_path: Path, written: bytes, said: str
) -> None:
    (tmp_path / ".env").write_bytes(written)
    with pytest.raises(InputError, match=said):
        read_settings({}, tmp_path / ".env")


def test_every_fault_is_said_at_once_with_its_cure(tmp_path: Path) -> None:
    environ = {
        "JIANBAO_WEB_PORT": "eighty",
        "JIANBAO_BASEURL": "https://x.example",
        "JIANBAO_TIME_ZONE": "Beijing",
        "JIANBAO_IN_DOUBT": "maybe",
    }
    with pytest.raises(InputError) as caught:
        read_settings(environ, tmp_path / ".env")
    said = str(caught.value)
    assert "JIANBAO_BASEURL is not a setting" in said
    assert "JIANBAO_WEB_PORT is 'eighty'. Give a whole number." in said
    assert "Give an IANA name like Asia/Shanghai." in said
    assert "Give resend or hold." in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEEP_EVENTS", "999999"),
        ("WEB_PORT", "99999"),
        ("WORKER_PROCESSES", "²"),
        ("TIME_ZONE", "Asia"),
        ("WEB_PROXIES", "10.0.0.1/8"),
        ("BASE_URL", "https://"),
        ("BASE_URL", "https://bulletin.example.org/?a=b"),
        ("BASE_URL", "https://bulletin. example.org"),
    ],
)
def test_a_value_that_would_stop_a_program_later_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"JIANBAO_{name}.*{re.escape(value)}.* Give "):
        read_settings({f"JIANBAO_{name}": value}, tmp_path / ".env")


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "blank").write_text("\n")
    for name, said in (("absent", "cannot be read"), ("binary", "cannot be read"), ("blank", "is empty")):
        with pytest.raises(InputError, match=rf"JIANBAO_SMTP_URL_FILE: .*{name} {said}"):
            read_settings({"JIANBAO_SMTP_URL_FILE": str(tmp_path / name)}, tmp_path / ".env")


def test_the_secret_key_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    settings = read_settings({"JIANBAO_DATA_DIR": str(tmp_path / "data")}, tmp_path / ".env")
    key = settings.secret_key()
    assert len(key) >= 48
    assert settings.secret_key() == key
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "jianbao.example/secret"),
        ("DATABASE_URL", "postgresql://a:secret@b:port/c"),
        ("DATABASE_URL", "mysql://a:secret@b/c"),
        ("REDIS_URL", "http://:secret@b:6379"),
    ],
)
def test_a_url_that_is_none_is_named_without_its_password(tmp_path: Path, name: str, url: str) -> None:
    with pytest.raises(InputError, match=f"JIANBAO_{name} is no URL of it. Give one like (postgresql|redis)://") as caught:
        read_settings({f"JIANBAO_{name}": url}, tmp_path / ".env")
    assert "secret" not in str(caught.value)
