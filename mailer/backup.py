"""The database as one file, and back: by PostgreSQL's own pg_dump and pg_restore, which keep what one transaction sees.

The file is in their custom format, compressed; `pg_restore --list` shows what is in it. Keys and the secret that signs links are files of
JIANBAO_DATA_DIR, and not in it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, inspect, text

from mailer.embedded import postgres_program
from subscribers.db import other_programs, transaction
from subscribers.errors import InputError, ServiceError

_LIKE_OURS = ("--no-owner", "--no-privileges")  # A restored database belongs to whoever restores it.
_WHOLE = ("--single-transaction", "--exit-on-error")
_FIRST_WITH_TIMEOUT, _TIMEOUT = 17, b"SET transaction_timeout = 0;\n"
_BEGIN = b"BEGIN;\n"
_PREAMBLE_LINES = 20  # long before the first row of a table
_ERROR = re.compile(r"error:|fatal:|错误:|致命错误:", re.IGNORECASE)
_CURES = tuple(
    (re.compile(pattern, re.IGNORECASE), cure)
    for pattern, cure in (
        (
            "unsupported version",
            "The server has to be as new as the one that the backup was made on, and so have the client programs here.",
        ),
        ("output file", "Make room on the disk where the backup is to be, or choose another place."),
        ("input file|archive", "The file is damaged, or was not copied whole: take another."),
        ("already exists", "Restore into a database that has just been made."),
        ("permission denied|must be (?:owner|superuser|able)", "Let the role in JIANBAO_DATABASE_URL own the database."),
        ("no space left|could not extend", "Make room on the disk of PostgreSQL, and try again."),
        ("signal|terminat|connection", "See why in the logs of PostgreSQL and of this machine, and try again."),
        ("", "A server has to be as new as the one that the backup was made on. PostgreSQL's log may say more."),
    )
)
_MAJOR = re.compile(r"\b(\d+)(?:\.\d+|devel|beta\d|rc\d)")


def back_up(engine: Engine, file: Path) -> int:
    """Write the whole database to `file`, which must not exist, and say how many octets it has. Mailings may go on meanwhile.

    InputError where the database is still empty: a program that was started in the wrong folder makes such a one by itself. The file
    appears when it is whole, and only its owner may read it: it holds every member's address.
    """
    if file.exists():
        raise InputError(f"{file} exists already. Give another name, or take it away first.")
    if not file.parent.is_dir():
        raise InputError(f"there is no folder {file.parent}. Make it, or give another.")
    with transaction(engine) as connection:
        if not connection.execute(_IN_USE).scalar_one():
            raise InputError(
                "there is neither a publication nor a subscriber in this database: it is hardly the one to be backed up. "
                "`jianbao config show` says which it is; a file .env counts in the folder alone where the command is given."
            )
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        with open(os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb"):
            pass
        _run(engine, "pg_dump", "--format=custom", f"--file={unfinished}", *_LIKE_OURS)
        os.replace(unfinished, file)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror or error}. Choose another place.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return file.stat().st_size


def restore(engine: Engine, file: Path, *, replace: bool) -> None:
    """Put a backup into an empty database, or in the place of what is there: all of it, or nothing.

    InputError where something is there and is not to be replaced, or is in use.
    """
    _check(file)
    with transaction(engine) as connection:
        if _holds_something(connection) and not replace:
            raise InputError("the database is not empty. --replace takes everything out of it first, for good.")
        if replace and (others := other_programs(connection)):
            raise InputError(
                f"others are connected to the database ({', '.join(others)}), and the restore would wait for what they hold. "
                "Stop scheduler, workers and web first."
            )
        clearing = connection.execute(_CLEARING).scalars().all() if replace else []
    engine.dispose()
    if replace:
        _restore_as_script(engine, clearing, "--clean", "--if-exists", str(file))
    elif _server_version(engine) < _FIRST_WITH_TIMEOUT:
        _restore_as_script(engine, [], str(file))
    else:
        _run(engine, "pg_restore", *_WHOLE, *_LIKE_OURS, str(file))


_IN_USE = text("SELECT EXISTS (SELECT FROM publication) OR EXISTS (SELECT FROM subscriber)")
# What is there and may not be in the backup, since a later program made it: pg_restore takes out only what it brings. What belongs to
# an extension stays.
_CLEARING = text("""
    WITH of_extensions AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
    SELECT format('DROP TABLE IF EXISTS %I.%I CASCADE;', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
      AND (CAST('pg_class' AS regclass), c.oid) NOT IN (SELECT classid, objid FROM of_extensions)
    UNION ALL
    SELECT format('DROP ROUTINE IF EXISTS %I.%I(%s) CASCADE;', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'public' AND (CAST('pg_proc' AS regclass), p.oid) NOT IN (SELECT classid, objid FROM of_extensions)""")


def _restore_as_script(engine: Engine, clearing: Sequence[str], *arguments: str) -> None:
    """Restore by psql what pg_restore writes, but for a parameter that it sets since version 17, and no server before knows.

    The statements of `clearing` come first in the same transaction. pg_restore writes COMMIT when it has come to the end, so that nothing
    stays of a script that breaks off, whoever ended.
    """
    target, environment = _target(engine)
    reading = [_program(engine, "pg_restore"), "--file=-", *_WHOLE, *_LIKE_OURS, *arguments]
    writing = [
        _program(engine, "psql"),
        "--no-psqlrc",
        "--quiet",
        "--no-password",
        "--set=ON_ERROR_STOP=1",
        f"--dbname={target}",
    ]
    # What they say goes to files: nobody has to read there lest they wait.
    with (
        tempfile.TemporaryFile() as refused,
        tempfile.TemporaryFile() as said,
        subprocess.Popen(reading, stdout=subprocess.PIPE, stderr=refused) as reader,
        subprocess.Popen(writing, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, env=environment) as writer,
    ):
        assert reader.stdout is not None
        assert writer.stdin is not None
        handed_over = False
        with suppress(BrokenPipeError):  # psql has given up, and says why.
            for line in islice(reader.stdout, _PREAMBLE_LINES):
                if line != _TIMEOUT:
                    writer.stdin.write(line)
                if line == _BEGIN:
                    writer.stdin.write("\n".join((*clearing, "")).encode())
            shutil.copyfileobj(reader.stdout, writer.stdin)
            writer.stdin.close()
            handed_over = True
        with suppress(BrokenPipeError):  # What it did not take is still in our hands, and would be handed over at the end.
            writer.stdin.close()
        reader.stdout.close()  # Else pg_restore would wait for ever for somebody who reads on.
        reader.wait()
        writer.wait()
        if handed_over and reader.returncode:
            raise _failed("pg_restore", reader.returncode, _read(refused))
        if writer.returncode or not handed_over:
            raise _failed("psql", writer.returncode, _read(said))


def _read(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read().decode(errors="replace")


def _check(file: Path) -> None:
    try:
        with open(file, "rb") as opened:
            start = opened.read(5)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}.") from error
    if start != b"PGDMP":
        raise InputError(f"{file} is no backup that `jianbao db backup` made.")


def _holds_something(connection: Connection) -> bool:
    return bool(inspect(connection).get_table_names())


def _run(engine: Engine, name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on the database. The password goes by the environment, where `ps` does not show it."""
    target, environment = _target(engine)
    command = [_program(engine, name), "--no-password", f"--dbname={target}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise _failed(name, done.returncode, done.stderr)


def _target(engine: Engine) -> tuple[str, dict[str, str]]:
    url = engine.url
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False), dict(os.environ) | secret


def _failed(name: str, code: int, said: str) -> ServiceError:
    """What one of PostgreSQL's programs could not do: in its own words, those of the error where it says more, and what to do then."""
    lines = said.strip().splitlines() or [f"it was ended by signal {-code}" if code < 0 else "it did not say why"]
    telling = next((line for line in lines if _ERROR.search(line)), lines[0]).strip().removesuffix(".")
    cure = next(cure for pattern, cure in _CURES if pattern.search(telling))
    return ServiceError(f"{name} could not do it, and changed nothing: {telling}. {cure}")


def _server_version(engine: Engine) -> int:
    with transaction(engine) as connection:
        return int(connection.connection.driver_connection.info.server_version) // 10_000  # type: ignore[union-attr]


def _program(engine: Engine, name: str) -> str:
    """The program of that name that suits the server: of its version, or else of the next later one."""
    server = _server_version(engine)
    found = {major: path for path in _candidates(name) if (major := _major(path)) and major >= server}
    if not found:
        raise ServiceError(
            f"there is no {name} of version {server} or later here. Install PostgreSQL's client programs; "
            f"on Debian: apt install postgresql-client-{server}."
        )
    return found[min(found)]


def _candidates(name: str) -> Sequence[str]:
    everywhere = [shutil.which(name), postgres_program(name), *map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    return [path for path in everywhere if path]


def _major(program: str) -> int | None:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = _MAJOR.search(said)
    return int(found[1]) if found else None
