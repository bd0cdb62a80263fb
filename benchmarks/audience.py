"""Subscribers by the hundred thousand, made inside the database: people of a thousand institutes that do not exist."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, text

from mailer.provider import OTHER
from subscribers import store
from subscribers.db import transaction

PROVIDER = OTHER  # Of every institute's own domain.
_INSTITUTES = 1_000

_MAKE_INSTITUTES = """
    INSERT INTO institute (name) SELECT '青禾省第' || n || '机械工业研究院' FROM generate_series(1, :institutes) n
    ON CONFLICT DO NOTHING"""

_MAKE_SUBSCRIBERS = """
    INSERT INTO subscriber (address, canonical, domain, address_hash, name, institute_id)
    SELECT address, address, domain, sha256(convert_to(address, 'UTF8')),
           (ARRAY['王明远', '李思齐', '张若谷', '刘文博', '欧阳静姝', '陈沛'])[1 + n % 6], institute.id
    FROM generate_series(1, :recipients) n
    CROSS JOIN LATERAL (SELECT 'institute' || (1 + n % :institutes) || '.example' AS domain) place
    CROSS JOIN LATERAL (SELECT 'reader' || n || '@' || place.domain AS address) person
    JOIN institute ON institute.name = '青禾省第' || (1 + n % :institutes) || '机械工业研究院'
    ON CONFLICT DO NOTHING"""

_SUBSCRIBE = """
    INSERT INTO subscription (list_id, subscriber_id, state)
    SELECT :list, id, 'confirmed' FROM subscriber ORDER BY id LIMIT :recipients"""

_MAKE_READERS_AT = """
    INSERT INTO subscriber (address, canonical, domain, address_hash)
    SELECT address, address, :domain, sha256(convert_to(address, 'UTF8'))
    FROM generate_series(1, :recipients) n CROSS JOIN LATERAL (SELECT 'reader' || n || '@' || :domain AS address) person"""

_SUBSCRIBE_DOMAINS = """
    INSERT INTO subscription (list_id, subscriber_id, state)
    SELECT :list, id, 'confirmed' FROM subscriber WHERE domain = ANY(:domains)"""


def make_list_at(engine: Engine, domains: Sequence[str], recipients: int) -> int:
    """A list of so many confirmed subscribers at each of the domains. Returns its id."""
    with transaction(engine) as connection:
        list_id = store.create_list(connection, "at-domains", ", ".join(domains))
        for domain in domains:
            connection.execute(text(_MAKE_READERS_AT), {"domain": domain, "recipients": recipients})
        connection.execute(text(_SUBSCRIBE_DOMAINS), {"list": list_id, "domains": list(domains)})
    _tidy(engine)
    return list_id


def make_list(engine: Engine, recipients: int) -> int:
    """A list of so many confirmed subscribers; those of a longer list are on it too. Returns its id."""
    parameters = {"recipients": recipients, "institutes": _INSTITUTES}
    with transaction(engine) as connection:
        list_id = store.create_list(connection, f"of-{recipients}", f"{recipients}")
        connection.execute(text(_MAKE_INSTITUTES), parameters)
        connection.execute(text(_MAKE_SUBSCRIBERS), parameters)
        connection.execute(text(_SUBSCRIBE), parameters | {"list": list_id})
    _tidy(engine)
    return list_id


def _tidy(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in ("VACUUM ANALYZE subscriber", "VACUUM ANALYZE subscription", "CHECKPOINT"):
            connection.execute(text(statement))  # Their cost is the import's, and would fall into the first mailing.
