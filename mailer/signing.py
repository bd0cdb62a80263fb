"""Which DKIM keys there are, and which of them sign for a sender's domain.

Keys are PEM files under DATA_DIR/dkim/<domain>, named by selector, or one key in the settings. Of a domain's keys of each algorithm the
newest signs whose record has been seen in the DNS; where none has, the oldest: so a new key can be made at any time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailer.dkim import Algorithm, Signer, a_label, generate_key, load_key, to_pem
from mailer.settings import PREFIX, Settings
from subscribers.errors import InputError
from subscribers.writing import write_secret


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`origin` is its file, or the setting; `made_at` in seconds since 1970; `published`: its record has been seen in the DNS."""

    signer: Signer
    origin: str
    made_at: float
    published: bool

    @property
    def in_file(self) -> bool:
        """Whether it is a file of ours, which can be retired, and not a setting."""
        return math.isfinite(self.made_at)


def signers_for(domain: str, settings: Settings) -> tuple[Signer, ...]:
    """What signs the mail of a sender at `domain`, the first one on top; nothing where there is no key for it.

    InputError where a key cannot be read: unsigned mail in place of signed is worse than mail that waits.
    """
    return tuple(key.signer for key in in_use(keys_for(domain, settings)))


def in_use(keys: Sequence[SigningKey]) -> tuple[SigningKey, ...]:
    """Those of a domain's keys that sign, one of each algorithm, RSA first, which every receiver reads (RFC 8463 §5.1)."""
    by_algorithm = ([key for key in keys if key.signer.algorithm is algorithm] for algorithm in Algorithm)
    return tuple(max(same, key=_precedence) for same in by_algorithm if same)


def _precedence(key: SigningKey) -> tuple[bool, float, str]:
    return key.published, key.made_at if key.published else -key.made_at, key.signer.selector


def signs(key: SigningKey, settings: Settings) -> bool:
    """Whether a key is in use for the domain that its record is in."""
    return any(other.origin == key.origin for other in in_use(keys_of(key.signer.domain, settings)))


def keys_for(domain: str, settings: Settings) -> tuple[SigningKey, ...]:
    """The keys that may sign for a sender at `domain`: its own, and where it has none those of DKIM_DOMAIN."""
    own = keys_of(domain, settings)
    return own if own or not settings["DKIM_DOMAIN"] else keys_of(settings["DKIM_DOMAIN"], settings)


def keys_of(domain: str, settings: Settings) -> tuple[SigningKey, ...]:
    """The keys whose records are in `domain`, the oldest first."""
    name = a_label(domain)
    keys = [_from_file(name, path) for path in _files(_folder(settings) / name) if path.suffix == ".pem"]
    if settings["DKIM_KEY"] and a_label(settings["DKIM_DOMAIN"] or domain) == name:
        origin = f"{PREFIX}DKIM_KEY"
        key = load_key(settings["DKIM_KEY"].encode(), origin)
        keys.append(SigningKey(Signer(name, settings["DKIM_SELECTOR"], key), origin, math.inf, published=True))
    return tuple(sorted(keys, key=lambda key: key.made_at))


def domains_with_keys(settings: Settings) -> list[str]:
    """The domains that have keys of their own."""
    named = {a_label(settings["DKIM_DOMAIN"])} if settings["DKIM_KEY"] and settings["DKIM_DOMAIN"] else set()
    folders = _files(_folder(settings))
    return sorted(named | {folder.name for folder in folders if any(path.suffix == ".pem" for path in _files(folder))})


def check_keys(settings: Settings) -> None:
    """Read every key there is. InputError names one that cannot be used, before a mail should have been signed with it."""
    for domain in domains_with_keys(settings):
        keys_of(domain, settings)
    if settings["DKIM_KEY"]:
        load_key(settings["DKIM_KEY"].encode(), f"{PREFIX}DKIM_KEY")


def create_key(domain: str, selector: str, algorithm: Algorithm, settings: Settings) -> SigningKey:
    """Make a key and keep it for its owner alone. InputError where the selector is taken or cannot be one."""
    key = generate_key(algorithm)
    signer = Signer(domain, selector, key)
    path = _folder(settings) / signer.domain / f"{selector}.pem"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        write_secret(path, to_pem(key))
    except FileExistsError:
        raise InputError(
            f"{signer.domain} has a key {selector!r} already. Give the new one another name: --selector."
        ) from None
    return _from_file(signer.domain, path)


def remember(key: SigningKey, *, published: bool) -> None:
    """Keep what was seen in the DNS. A key in the settings is taken as published: whoever sets it decides."""
    if not key.in_file:
        return
    if published:
        _stamp(Path(key.origin)).touch()
    else:
        _stamp(Path(key.origin)).unlink(missing_ok=True)


def retire(key: SigningKey) -> None:
    """Remove a key for ever; its record may go from the DNS once no mail that it signed is under way."""
    Path(key.origin).unlink()
    _stamp(Path(key.origin)).unlink(missing_ok=True)


def new_selector(now: datetime) -> str:
    """A selector that says when its key was made, as those who look after the DNS want to know."""
    return f"jb{now:%Y%m%d}"


def zone_entry(signer: Signer) -> str:
    """The record as a zone file has it, on several lines."""
    strings = "\n    ".join(f'"{part}"' for part in record_strings(signer))
    return f"{signer.record_name}. 3600 IN TXT (\n    {strings} )"


def record_strings(signer: Signer) -> list[str]:
    """The record's text, cut into the strings of at most 255 octets that a TXT record is made of (RFC 1035 §3.3.14)."""
    return [signer.record[start : start + 255] for start in range(0, len(signer.record), 255)]


def _from_file(domain: str, path: Path) -> SigningKey:
    with _readable(path):
        pem, made_at = path.read_bytes(), path.stat().st_mtime
    return SigningKey(Signer(domain, path.stem, load_key(pem, str(path))), str(path), made_at, _stamp(path).exists())


def _files(folder: Path) -> list[Path]:
    """What is in a folder; nothing where there is none. InputError where it cannot be looked into, which `glob` would take for empty."""
    with _readable(folder):
        try:
            return sorted(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}. Give it to the user that Jianbao runs as.") from error


def _stamp(path: Path) -> Path:
    return path.with_suffix(".published")


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "dkim"
