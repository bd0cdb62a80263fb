"""What comes back, from octets to final states, against the 2,000 events a second that are asked for; and the memory that it takes.

Half of the events are DSNs to return paths, one a message; half are a mail service's reports, 500 a request, each request signed anew.
Six in ten DSNs name an unknown mailbox, the others a full one; of the reports one in five is a bounce and the rest are deliveries. Two
processes take in and read (`benchmarks/taking_in.py`), as the listener and the scheduler do, each run on deliveries that are all
accepted. Memory is the greater one's peak with all events, against a tenth of them.
"""

from __future__ import annotations

import base64
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import text

from benchmarks.figures import CannotMeasure, Figure, Pair, Report, progress, rounded
from benchmarks.office import Office, open_office
from benchmarks.options import Options
from mailer import planning
from mailer.settings import PREFIX
from mailer.tokens import Purpose, Tokens
from subscribers.db import database_time, transaction

RECIPIENTS = 100_000
PAIRS = 3
_ASKED = 2_000.0  # events a second
_SHARE = 10
_PROCESSES = 2
_EVENTS_A_REQUEST = 500
_MEGABYTE = 1024 * 1024
_UNKNOWN = ("5.1.1", "550 5.1.1 <{address}>: Recipient address rejected: User unknown")
_FULL = ("5.2.2", "552 5.2.2 <{address}>: Mailbox full")

Delivery = tuple[int, str]


def run(options: Options) -> Report:
    """Events a second, and megabytes."""
    with open_office() as office:
        deliveries = _deliver(office, options.recipients)
        events, few = office.folder / "events", office.folder / "few"
        key = ec.generate_private_key(ec.SECP256R1())
        pairs, memory, by_cpu = [], [], []
        for number in range(options.pairs):
            _write(events, deliveries, office, key)
            _write(few, deliveries[: options.recipients // _SHARE], office, key)
            small = _measured(office, few, key, options.recipients // _SHARE)
            large = _measured(office, events, key, options.recipients)
            rate = options.recipients / large["seconds"]
            by_cpu.append(options.recipients / large["processor"])
            progress(
                f"  run {number + 1} of {options.pairs}: {rate:.0f} events/s, {by_cpu[-1]:.0f} by the processor's time, "
                f"{large['peak'] / _MEGABYTE:.0f} MB"
            )
            pairs.append(Pair(rate, _ASKED))
            memory.append(Pair(large["peak"] / _MEGABYTE, small["peak"] / _MEGABYTE))
    figures = (
        Figure("feedback", "events into final states", "events/s", tuple(pairs), least=1.0),
        Figure("memory", "its peak, against a tenth of the events", "MB", tuple(memory), most=1.2),
    )
    more = {"recipients": options.recipients, "events_per_cpu_second_of_the_readers": rounded(statistics.median(by_cpu))}
    return Report("feedback", figures, more)


def _deliver(office: Office, recipients: int) -> Sequence[Delivery]:
    """A mailing to so many, planned and never sent."""
    office.schedule(recipients)
    with transaction(office.services.engine) as connection:
        planning.start_due(connection, database_time(connection), {})
        connection.execute(text("UPDATE mailing SET status = 'finished', finished_at = now()"))
        connection.execute(text("DELETE FROM batch"))
        rows = connection.execute(text("SELECT id, address FROM delivery ORDER BY id")).all()
    return [(row.id, row.address) for row in rows]


_AS_ACCEPTED = (
    "TRUNCATE feedback, feedback_raw, task, suppression RESTART IDENTITY CASCADE",
    "UPDATE delivery SET state = 'accepted', reason = NULL, reply = '250 2.0.0 Ok: queued as ' || md5(id::text), settled_at = now()",
    "UPDATE subscriber SET state = 'active' WHERE state <> 'active'",
)


def _measured(office: Office, events: Path, key: ec.EllipticCurvePrivateKey, expected: int) -> dict[str, float]:
    with transaction(office.services.engine) as connection:
        for statement in _AS_ACCEPTED:
            connection.execute(text(statement))
    with office.services.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    public = base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment |= {f"{PREFIX}{name}": value.text for name, value in office.services.settings.values.items() if value.text}
    environment[f"{PREFIX}WEBHOOKS"] = f"sendgrid?key={public}"
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.taking_in", events.with_suffix(f".{part}")],
            env=environment,
            stdout=subprocess.PIPE,
        )
        for part in range(_PROCESSES)
    ]
    answers = [process.communicate()[0] for process in processes]
    with transaction(office.services.engine) as connection:
        known = connection.execute(text("SELECT count(*) FROM feedback WHERE standing = 'scored'")).scalar_one()
    if known != expected or any(process.returncode for process in processes):
        raise CannotMeasure(f"of {expected} events {known} were scored.")
    measured: list[dict[str, float]] = [json.loads(answer.splitlines()[-1]) for answer in answers]
    return {
        "seconds": max(one["seconds"] for one in measured),
        "processor": sum(one["processor"] for one in measured),
        "peak": max(one["peak"] for one in measured),
    }


def _write(file: Path, deliveries: Sequence[Delivery], office: Office, key: ec.EllipticCurvePrivateKey) -> None:
    """The events about these deliveries, a file for each process: half as messages, half in requests, mixed as they would come."""
    for part in range(_PROCESSES):
        _write_part(file.with_suffix(f".{part}"), deliveries[part::_PROCESSES], office, key)


def _write_part(file: Path, deliveries: Sequence[Delivery], office: Office, key: ec.EllipticCurvePrivateKey) -> None:
    settings = office.services.settings
    tokens, domain = Tokens(settings.secret_key()), settings["BOUNCE_DOMAIN"]
    half = len(deliveries) // 2
    requests = _requests(deliveries[half:], tokens, key)
    with file.open("w", encoding="utf-8") as lines:
        for number, delivery in enumerate(deliveries[:half]):
            lines.write(json.dumps(_message(delivery, tokens, domain)) + "\n")
            if number % _EVENTS_A_REQUEST == 0 and (request := next(requests, None)):
                lines.write(json.dumps(request) + "\n")
        lines.writelines(json.dumps(request) + "\n" for request in requests)


def _message(delivery: Delivery, tokens: Tokens, domain: str) -> dict[str, str]:
    delivery_id, address = delivery
    token = tokens.sign(Purpose.BOUNCE, delivery_id)
    status, words = _UNKNOWN if delivery_id % 10 < 6 else _FULL
    to = f"b-{token}@{domain}"
    return {
        "to": to,
        "content": _encoded(
            _DSN.format(to=to, address=address, status=status, said=words.format(address=address), token=token)
        ),
    }


def _requests(deliveries: Sequence[Delivery], tokens: Tokens, key: ec.EllipticCurvePrivateKey) -> Iterator[dict[str, object]]:
    for start in range(0, len(deliveries), _EVENTS_A_REQUEST):
        body = json.dumps([_event(delivery, tokens) for delivery in deliveries[start : start + _EVENTS_A_REQUEST]])
        now = str(int(time.time()))
        signature = base64.b64encode(key.sign((now + body).encode(), ec.ECDSA(SHA256()))).decode()
        headers = {
            "content-type": "application/json",
            "x-twilio-email-event-webhook-signature": signature,
            "x-twilio-email-event-webhook-timestamp": now,
        }
        yield {"headers": headers, "content": _encoded(body)}


def _event(delivery: Delivery, tokens: Tokens) -> dict[str, object]:
    delivery_id, address = delivery
    common: dict[str, object] = {
        "email": address,
        "timestamp": int(time.time()),
        "smtp-id": f"<m-{tokens.sign(Purpose.BOUNCE, delivery_id)}@sender.example>",
        "sg_event_id": f"event-{delivery_id}",
        "sg_message_id": f"message-{delivery_id}.filter",
    }
    if delivery_id % 5:
        return common | {"event": "delivered", "response": "250 OK"}
    return common | {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 User unknown"}


def _encoded(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


_DSN = """\
Return-Path: <>
Received: by relay.example (Postfix) id 4XyZ; Thu, 26 Nov 2026 09:00:00 +0800 (CST)
Date: Thu, 26 Nov 2026 09:00:00 +0800 (CST)
From: MAILER-DAEMON@relay.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="4XyZ.1/relay.example"
Message-Id: <{token}@relay.example>

This is a MIME-encapsulated message.

--4XyZ.1/relay.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host relay.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

<{address}>: host mx.example[192.0.2.1] said: {said} (in reply to RCPT TO command)

--4XyZ.1/relay.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
Original-Envelope-Id: {token}
X-Postfix-Sender: rfc822; {to}
Arrival-Date: Thu, 26 Nov 2026 08:59:59 +0800 (CST)

Final-Recipient: rfc822; {address}
Original-Recipient: rfc822;{address}
Action: failed
Status: {status}
Remote-MTA: dns; mx.example
Diagnostic-Code: smtp; {said}

--4XyZ.1/relay.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <{to}>
From: news@sender.example
To: <{address}>
Message-ID: <m-{token}@sender.example>
Subject: issue

--4XyZ.1/relay.example--
"""
