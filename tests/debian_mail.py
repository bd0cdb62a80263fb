"""Debian's Dovecot and Postfix on loopback, each with a folder of its own, for as long as a block lasts."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

USER, PASSWORD = "bounces@mailbox.example", "a password with / and @"
_PATIENCE = 30.0
_PATH = f"{os.environ['PATH']}:/usr/sbin"


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(port: int, log: Path) -> None:
    """Until somebody listens on a port."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail(f"nobody listens on port {port}: {log.read_text()[-2000:] if log.exists() else 'no log'}")


@contextmanager
def _open_folder() -> Iterator[Path]:
    """A folder that users without privileges may enter, which pytest's are not."""
    folder = Path(tempfile.mkdtemp(prefix="jianbao-mail-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end(pid_file: Path) -> None:
    """Ask the server to end, and wait until it has."""
    pid = int(pid_file.read_text().strip())
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
        time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Dovecot:
    """One mailbox, USER's, reached by every protocol."""

    imap: int
    pop3: int
    lmtp: int
    maildir: Path

    def deliver(self, content: bytes) -> None:
        """Put a message into the mailbox."""
        with socket.create_connection(("127.0.0.1", self.lmtp), timeout=_PATIENCE) as client:
            stream = client.makefile("rwb")
            stream.readline()
            for line in (b"LHLO test", b"MAIL FROM:<>", b"RCPT TO:<" + USER.encode() + b">", b"DATA"):
                stream.write(line + b"\r\n")
                stream.flush()
                while stream.readline()[3:4] == b"-":
                    pass
            stream.write(b"\r\n".join(content.splitlines()) + b"\r\n.\r\n")
            stream.flush()
            assert stream.readline().startswith(b"250")


@contextmanager
def dovecot() -> Iterator[Dovecot]:
    """Dovecot with IMAP, POP3 and LMTP."""
    us, me = pwd.getpwuid(os.getuid()), os.getuid() == 0
    owner = pwd.getpwnam("mail") if me else us
    with _open_folder() as folder:
        mail = folder / "mail"
        mail.mkdir()
        ports = Dovecot(free_port(), free_port(), free_port(), mail / USER)
        if me:
            os.chown(mail, owner.pw_uid, owner.pw_gid)
        inner = "dovecot" if me else us.pw_name
        login = "dovenull" if me else us.pw_name
        (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        (folder / "users").chmod(0o644)
        config = folder / "dovecot.conf"
        config.write_text(f"""
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
instance_name = test
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
default_internal_user = {inner}
default_internal_group = {inner if me else us.pw_name}
default_login_user = {login}
first_valid_uid = 1
mail_location = maildir:{mail}/%u
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={mail}/%u
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {ports.imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {ports.pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {ports.lmtp}
  }}
}}
""")
        subprocess.run(
            ["dovecot", "-c", config], check=True, env={"PATH": _PATH}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            for port in (ports.imap, ports.pop3, ports.lmtp):
                wait_for(port, folder / "log")
            yield ports
        finally:
            _end(folder / "run" / "master.pid")


@contextmanager
def postfix(transports: Mapping[str, str], aliases: Mapping[str, str] | None = None) -> Iterator[int]:
    """Postfix as a relay, and its port. `transports` say where each domain's mail goes, `aliases` (regular expressions) to whom."""
    if os.getuid() != 0:
        pytest.skip("postfix starts only as root, which is not here")
    port = free_port()
    with _open_folder() as folder:
        etc, queue, data = folder / "etc", folder / "queue", folder / "data"
        for place in (etc, queue, data):
            place.mkdir()
        os.chown(data, pwd.getpwnam("postfix").pw_uid, 0)
        (etc / "transport").write_text("".join(f"{domain} {way}\n" for domain, way in transports.items()))
        (etc / "aliases").write_text("".join(f"/{pattern}/ {to}\n" for pattern, to in (aliases or {}).items()))
        (etc / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = relay.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
transport_maps = texthash:{etc}/transport
virtual_alias_maps = regexp:{etc}/aliases
smtp_tls_security_level = none
smtpd_recipient_restrictions = permit_mynetworks, reject
default_process_limit = 20
minimal_backoff_time = 1s
queue_run_delay = 1s
""")
        internal = {
            "pickup": "60 1 pickup", "cleanup": "- 0 cleanup", "qmgr": "300 1 qmgr", "rewrite": "- - trivial-rewrite",
            "bounce": "- 0 bounce", "defer": "- 0 bounce", "trace": "- 0 bounce", "verify": "- 1 verify", "flush": "1000? 0 flush",
            "proxymap": "- - proxymap", "smtp": "- - smtp", "relay": "- - smtp", "error": "- - error", "retry": "- - error",
            "discard": "- - discard", "lmtp": "- - lmtp", "anvil": "- 1 anvil", "scache": "- 1 scache", "tlsmgr": "1000? 1 tlsmgr",
        }  # fmt: skip
        lines = [f"127.0.0.1:{port} inet n - n - - smtpd", "postlog unix-dgram n - n - 1 postlogd"]
        lines += [
            f"{name} unix {'n' if name in ('pickup', 'cleanup', 'qmgr', 'flush') else '-'} - n {rest}"
            for name, rest in internal.items()
        ]
        (etc / "master.cf").write_text("\n".join(lines) + "\n")
        subprocess.run(
            ["postfix", "-c", etc, "start"],
            check=True,
            env={"PATH": _PATH},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(port, folder / "log")
            yield port
        finally:
            _end(queue / "pid" / "master.pid")


class _Host:
    """A mail host that answers for each recipient by the part of the address before the first dot or digit."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers
        self.kept: list[str] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        answer = self._answers.get(address.partition("-")[0])
        if answer is not None and not answer.startswith("554"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        for address in envelope.rcpt_tos:
            if answer := self._answers.get(address.partition("-")[0]):
                return answer
        self.kept += envelope.rcpt_tos
        return "250 2.0.0 Ok"


@contextmanager
def mail_host(answers: Mapping[str, str]) -> Iterator[tuple[int, list[str]]]:
    """The members' mail host: its port, and whom it has kept mail for."""
    host = _Host(answers)
    controller = Controller(host, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port, host.kept
    finally:
        controller.stop()
