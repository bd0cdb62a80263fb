"""`jianbao list doubts`: what is doubtful on a list, with what the DNS was found to say."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner
from sqlalchemy import Engine, text

from mailer.cli import cli
from tests import factories


def test_doubtful_addresses_are_named_and_those_of_domains_that_take_no_mail(
    engine: Engine, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    factories.subscribe(engine, ["li@gmial.example", "no-reply@inst.example", "office@inst.example", "wang@gone.example"])
    with engine.begin() as connection:
        connection.execute(text("UPDATE subscriber SET state = 'disabled'"))  # Their domains are not asked after in this test.
        known = "INSERT INTO mail_domain (domain, provider, mx) VALUES ('gone.example', 'other', NULL), ('inst.example', 'other', 'mx')"
        connection.execute(text(known))
    environment = {"JIANBAO_DATABASE_URL": database_url, "JIANBAO_REDIS_URL": redis_url, "JIANBAO_DATA_DIR": str(tmp_path)}
    result = CliRunner().invoke(cli, ["list", "doubts", "members", "--json"], env=environment)
    assert result.exit_code == 0, result.exception
    found = [(one["address"], one["kind"]) for one in json.loads(result.stdout)]
    assert found == [("no-reply@inst.example", "unattended"), ("wang@gone.example", "no_mail")]
