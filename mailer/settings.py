"""The settings: read once from the environment, `NAME_FILE` secrets and a `.env` file, and handed on by constructor."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import redis
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from mailer.rate import Rate
from subscribers.errors import InputError
from subscribers.writing import write_secret

PREFIX = "JIANBAO_"
FOREVER = "forever"


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set: its name without the prefix, its default, and what it is for."""

    name: str
    default: str
    about: str
    secret: bool = False


SETTINGS = (
    Setting("DATA_DIR", "~/.local/share/jianbao", "where embedded services, keys and files are kept"),
    Setting("DATABASE_URL", "", "PostgreSQL 15 to 18; empty: an embedded one under DATA_DIR", secret=True),
    Setting("REDIS_URL", "", "Redis 6.2 or later, or Valkey; empty: an embedded one under DATA_DIR", secret=True),
    Setting(
        "SMTP_URL", "", "relays to hand mail to: smtp://user:pass@host:587?starttls=require, separated by spaces", secret=True
    ),
    Setting("BASE_URL", "http://127.0.0.1:8025", "public address of the tracking and unsubscribe pages, https in production"),
    Setting("SECRET_KEY", "", "signs every token in every mail; empty: made once and kept under DATA_DIR", secret=True),
    Setting("TIME_ZONE", "Asia/Shanghai", "the zone of every time that staff type or read"),
    Setting(
        "BOUNCE_DOMAIN", "", "domain of the envelope senders (VERP) whose mail comes back to us; empty: the sender's address"
    ),
    Setting("BOUNCE_POLICY", "", "issues in a row that end an address, where not as shipped, like full=5 passing=never"),
    Setting(
        "BOUNCE_MAILBOX",
        "",
        "mailbox that bounces come to: imaps://user:pass@host/INBOX, or pop3s://user:pass@host",
        secret=True,
    ),
    Setting("BOUNCE_LISTEN", "", "where to take bounces from a mail server: lmtp://127.0.0.1:2424 or smtp://0.0.0.0:25"),
    Setting("BOUNCE_CERTIFICATE", "", "PEM file with the certificate chain of the place of BOUNCE_LISTEN; empty: no STARTTLS"),
    Setting("BOUNCE_CERTIFICATE_KEY", "", "PEM file with its key; empty: the key is in the same file"),
    Setting(
        "WEBHOOKS", "", "mail services that report by HTTP, each with what proves it: postmark?basic=user:password", secret=True
    ),
    Setting("UNSUBSCRIBE_MAILTO", "", "mailbox that takes unsubscriptions by mail; empty: by web alone"),
    Setting("DKIM_DOMAIN", "", "the domain whose key signs for senders that have none of their own; empty: none does"),
    Setting("DKIM_KEY", "", "a DKIM key in PEM form, instead of files under DATA_DIR; DKIM_SELECTOR goes with it", secret=True),
    Setting("DKIM_SELECTOR", "", "the selector of DKIM_KEY"),
    Setting("WORKER_PROCESSES", "2", "sending processes of one worker"),
    Setting("WEB_HOST", "127.0.0.1", "the address that the web server listens on"),
    Setting("WEB_PORT", "8025", "the port that the web server listens on"),
    Setting(
        "WEB_PROXIES",
        "127.0.0.1 ::1 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
        "addresses or networks of proxies that may say whose request they pass on",
    ),
    Setting("IN_DOUBT", "resend", "deliveries whose reply was lost: resend (same Message-ID) or hold"),
    Setting("PACE", "", "how fast all mailings together may leave, like 20/s; empty: as relays and providers allow"),
    Setting(
        "PICTURES",
        "hosted",
        "pictures of an issue: hosted (at BASE_URL, small mails) or cid (in every mail, also where it is offline)",
    ),
    Setting("THEMES_DIR", "", "the folder of your own themes; empty: themes under DATA_DIR"),
    Setting(
        "HTML_LIMIT", "64000", "octets of HTML; a longer issue is cut at its articles, the rest is in the browser; 0: never"
    ),
    Setting("REPLIES_FILE", "", "a file of rules on what servers' replies mean, asked before those shipped"),
    Setting("SPACING", "any", "between Chinese and Latin letters `issue check` wants: none, space, or any"),
    Setting("WORDS_FILE", "", "a file that adds to the words that `issue check` asks about"),
    Setting("LINK_HOSTS", "", "hosts, by space, that an issue's links may lead to without a question; empty: any"),
    Setting("PROVIDERS_FILE", "", "a file that adds to the table of providers: domains, mail hosts, and what they bear"),
    Setting("KEEP_RAW_HITS", "90", "days that the program and network of opens and clicks are kept; or `forever`"),
    Setting("KEEP_EVENTS", "730", "days that opens and clicks of single readers are kept; or `forever`"),
    Setting("KEEP_FEEDBACK", "180", "days that bounces and reports are kept as they arrived; or `forever`"),
    Setting("KEEP_SIGN_UPS", "30", "days that sign-ups are kept, 30 at least, or `forever`"),
    Setting("KEEP_REJECTS", "90", "days that rejected rows of imported files are kept; or `forever`"),
    Setting(
        "KEEP_REPLACED", "365", "days that what an import replaced in people's records is kept, for its undo; or `forever`"
    ),
    Setting("KEEP_AT_HAND", "180", "days after a mailing's end until its deliveries move out of the table that is sent from"),
)
_LEAST_SIGN_UP_DAYS = 30
_MOST_DAYS = 36_500  # There is no date so many days before the year 1.
_LAST_PORT = 65_535
_KNOWN = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and where it came from."""

    setting: Setting
    text: str
    origin: str

    @property
    def shown(self) -> str:
        """The value as it may be printed: a secret that is set is masked."""
        return "********" if self.setting.secret and self.text else self.text


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, read and checked."""

    values: Mapping[str, Value]

    def __getitem__(self, name: str) -> str:
        return self.values[name].text

    @property
    def data_dir(self) -> Path:
        """DATA_DIR, absolute."""
        return Path(self["DATA_DIR"]).expanduser().absolute()

    @property
    def zone(self) -> ZoneInfo:
        """TIME_ZONE."""
        return ZoneInfo(self["TIME_ZONE"])

    def number(self, name: str) -> int:
        """A setting that is a whole number."""
        return int(self[name])

    @property
    def secret_key_file(self) -> Path:
        """Where the secret key is kept that no setting names."""
        return self.data_dir / "secret_key"

    def secret_key(self) -> bytes:
        """SECRET_KEY, or the one kept under DATA_DIR, which is made on first use and readable by its owner alone."""
        if self["SECRET_KEY"]:
            return self["SECRET_KEY"].encode()
        path = self.secret_key_file
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):  # Another process was first: then its key is the key.
                write_secret(path, secrets.token_urlsafe(48).encode())
        return path.read_bytes().strip()


def read_settings(environ: Mapping[str, str], dotenv: Path = Path(".env")) -> Settings:
    """The settings of `environ`, then of `dotenv`, then the defaults. InputError lists everything that is wrong at once."""
    file_values = _read_dotenv(dotenv) if dotenv.is_file() else {}
    values = {setting.name: _value(setting, {"environment": environ, str(dotenv): file_values}) for setting in SETTINGS}
    faults = [*_unknown(environ, "the environment"), *_unknown(file_values, str(dotenv))]
    faults += (fault for check in _CHECKS for fault in check(values))
    if faults:
        raise InputError("\n".join(faults))
    return Settings(values)


def _read_dotenv(path: Path) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            unread = [statement.original.line for statement in parse_stream(file) if statement.error]
        values = {name: text or "" for name, text in dotenv_values(path).items()}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {_why(error)}.") from error
    if unread:  # What it was to set would have its default, unseen.
        raise InputError(f"{path}:{unread[0]}: that is no NAME=value. Close its quotation marks, or begin it with #.")
    return values


def _value(setting: Setting, places: Mapping[str, Mapping[str, str]]) -> Value:
    name = PREFIX + setting.name
    for origin, values in places.items():
        if values.get(name):
            return Value(setting, values[name], origin)
        if path := values.get(f"{name}_FILE"):
            return Value(setting, _read_secret(f"{name}_FILE", path), path)
    return Value(setting, setting.default, "default")


def _read_secret(name: str, path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: {path} cannot be read: {_why(error)}. Mount the secret, or set {name[:-5]}.") from error
    if not text:  # Else a key would be made, or a database, that nobody meant.
        raise InputError(f"{name}: {path} is empty. Write the value into it, or do not name it.")
    return text


def _why(error: OSError | UnicodeDecodeError) -> str:
    return str(error.strerror or error) if isinstance(error, OSError) else "it is not in UTF-8"


def _unknown(names: Mapping[str, str], origin: str) -> list[str]:
    known = {PREFIX + name for name in _KNOWN} | {f"{PREFIX}{name}_FILE" for name in _KNOWN}
    ours = (name for name in names if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_"))
    return [
        f"{origin}: {name} is not a setting. `jianbao config show` lists those that are." for name in ours if name not in known
    ]


def _fits_postgresql(url: str) -> bool:
    try:
        return make_url(url).drivername.startswith("postgres")
    except (ArgumentError, ValueError):
        return False


def _fits_pages(url: str) -> bool:
    """Whether a path can be put behind it, and be found by others."""
    try:
        parts = urlsplit(url)
        port_fits = parts.port != 0
    except ValueError:
        return False
    whole = not parts.query and not parts.fragment and not any(letter.isspace() for letter in url)
    return parts.scheme in ("https", "http") and bool(parts.hostname) and port_fits and whole


def _fits_proxy(word: str) -> bool:
    """Whether it is believed: the web server takes anything else for a name that nobody has, and all visitors for one."""
    try:
        ip_network(word)
    except ValueError:
        return word == "*"
    return True


def _fits_redis(url: str) -> bool:
    try:
        redis.Redis.from_url(url).close()  # It has not connected.
    except ValueError:
        return False
    return True


# What they are is not said: a URL may hold a password.
_URLS = (
    ("DATABASE_URL", _fits_postgresql, "postgresql://user:password@host/jianbao"),
    ("REDIS_URL", _fits_redis, "redis://host:6379/0"),
)
_CHOICES = (("IN_DOUBT", "resend", "hold"), ("PICTURES", "hosted", "cid"), ("SPACING", "none", "space", "any"))


def _numbers(values: Mapping[str, Value]) -> Iterator[str]:
    for name in ("WORKER_PROCESSES", "WEB_PORT", "HTML_LIMIT"):
        if not values[name].text.isdecimal():
            yield f"{PREFIX}{name} is {values[name].text!r}. Give a whole number."
    if values["WEB_PORT"].text.isdecimal() and int(values["WEB_PORT"].text) > _LAST_PORT:
        yield f"{PREFIX}WEB_PORT is {values['WEB_PORT'].text}. Give a port, {_LAST_PORT} at most."


def _days(values: Mapping[str, Value]) -> Iterator[str]:
    for name in (name for name in values if name.startswith("KEEP_")):
        days = values[name].text
        if days != FOREVER and not (days.isdecimal() and int(days) <= _MOST_DAYS):
            yield f"{PREFIX}{name} is {days!r}. Give a number of days, {_MOST_DAYS} at most, or {FOREVER}."
    if values["KEEP_SIGN_UPS"].text.isdecimal() and int(values["KEEP_SIGN_UPS"].text) < _LEAST_SIGN_UP_DAYS:
        yield f"{PREFIX}KEEP_SIGN_UPS: how often an address is asked is bounded over {_LEAST_SIGN_UP_DAYS} days. Give no less."


def _choices(values: Mapping[str, Value]) -> Iterator[str]:
    for name, *choices in _CHOICES:
        if values[name].text not in choices:
            choice = " or ".join((", ".join(choices[:-1]), choices[-1]))
            yield f"{PREFIX}{name} is {values[name].text!r}. Give {choice}."


def _pace(values: Mapping[str, Value]) -> Iterator[str]:
    try:
        Rate.parse(values["PACE"].text or "1/s")
    except InputError as error:
        yield f"{PREFIX}PACE: {error}"


def _dkim(values: Mapping[str, Value]) -> Iterator[str]:
    if bool(values["DKIM_KEY"].text) != bool(values["DKIM_SELECTOR"].text):
        yield f"{PREFIX}DKIM_KEY and {PREFIX}DKIM_SELECTOR go together. Give both, or neither."


def _addresses(values: Mapping[str, Value]) -> Iterator[str]:
    if not _fits_pages(values["BASE_URL"].text):
        yield f"{PREFIX}BASE_URL is {values['BASE_URL'].text!r}. Give an address like https://bulletin.example.org."
    for name, fits, example in _URLS:
        if values[name].text and not fits(values[name].text):
            yield f"{PREFIX}{name} is no URL of it. Give one like {example}."
    for word in values["WEB_PROXIES"].text.split():
        if not _fits_proxy(word):
            said = f"{PREFIX}WEB_PROXIES: {word} is no address, and no network that begins with its own."
            yield f"{said} Give some like 127.0.0.1 10.0.0.0/8."


def _zone(values: Mapping[str, Value]) -> Iterator[str]:
    try:
        ZoneInfo(values["TIME_ZONE"].text)
    except (ZoneInfoNotFoundError, OSError, ValueError):  # A folder of zones has a name too, like Asia.
        yield f"{PREFIX}TIME_ZONE is {values['TIME_ZONE'].text!r}. Give an IANA name like Asia/Shanghai."


# What is wrong with what was set, in the order in which it is said.
_CHECKS = (_numbers, _days, _choices, _pace, _dkim, _addresses, _zone)
