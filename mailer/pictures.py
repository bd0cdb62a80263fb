"""The pictures that issues show, kept in the database by their hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, Text, cast, delete, exists, select
from sqlalchemy.dialects.postgresql import insert

from mailer.issue import Issue
from mailer.models import PictureRow, Revision


def keep_pictures(connection: Connection, pictures: Mapping[str, bytes]) -> None:
    """Keep pictures by their hashes; one that is kept already stays."""
    if pictures:
        rows = [{"sha256": sha256, "content": content} for sha256, content in sorted(pictures.items())]
        connection.execute(insert(PictureRow).on_conflict_do_nothing(), rows)


def find_picture(connection: Connection, sha256: str) -> bytes | None:
    """The octets of that hash, or None."""
    return connection.execute(select(PictureRow.content).where(PictureRow.sha256 == sha256)).scalar_one_or_none()


def pictures_of(connection: Connection, issue: Issue) -> dict[str, bytes]:
    """The pictures that an issue shows."""
    return find_pictures(connection, sorted(shown_by(issue)))


def shown_by(issue: Issue) -> set[str]:
    """The hashes of the pictures that an issue shows."""
    shown = (block.picture.sha256 for article in issue.articles for block in article.blocks if block.picture is not None)
    return {sha256 for sha256 in shown if sha256 is not None}


def forget_pictures(connection: Connection, hashes: Iterable[str]) -> None:
    """Forget pictures that no revision of any issue shows."""
    named = exists().where(cast(Revision.content, Text).contains(PictureRow.sha256))
    connection.execute(delete(PictureRow).where(PictureRow.sha256.in_(sorted(hashes)), ~named))


def find_pictures(connection: Connection, hashes: Sequence[str]) -> dict[str, bytes]:
    """The pictures of these hashes, as far as they are kept."""
    if not hashes:
        return {}
    rows = connection.execute(select(PictureRow.sha256, PictureRow.content).where(PictureRow.sha256.in_(hashes)))
    return {row.sha256: row.content for row in rows}
