"""Ranges of deliveries that carry the same edition, so that one look at the database serves a whole batch of links."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Span:
    """A range of delivery ids, both ends included, that all carry the same edition."""

    first_id: int
    last_id: int
    edition_id: int


def find_span(connection: Connection, delivery_id: int) -> Span | None:
    """The edition of a delivery, for as wide a range of ids around it as is sure; None where there is no such delivery.

    A batch's range is sure where each of its ids is a delivery of the same mailing: ids are given once, so no other can ever
    lie in it. Elsewhere the span is the one delivery.
    """
    row = connection.execute(_SPAN, {"delivery": delivery_id}).one_or_none()
    return None if row is None else Span(**row._mapping)


_SPAN = text("""
    SELECT COALESCE(whole.first_id, delivery.id) AS first_id, COALESCE(whole.last_id, delivery.id) AS last_id,
           mailing.edition_id
    FROM delivery
    JOIN mailing ON mailing.id = delivery.mailing_id
    LEFT JOIN LATERAL (
        SELECT batch.first_id, batch.last_id FROM batch
        WHERE batch.mailing_id = delivery.mailing_id AND delivery.id BETWEEN batch.first_id AND batch.last_id
          AND batch.last_id - batch.first_id + 1 = (
              SELECT count(*) FROM delivery AS other
              WHERE other.id BETWEEN batch.first_id AND batch.last_id AND other.mailing_id = batch.mailing_id)
        LIMIT 1) AS whole ON true
    WHERE delivery.id = :delivery
""")
