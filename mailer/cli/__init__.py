"""`jianbao`: every command, each loaded when it is called for, and every failure turned into its exit code."""

from __future__ import annotations

import errno
import importlib
import io
import signal
import sys
from collections.abc import Mapping

import rich_click as click
from click.exceptions import Exit

from subscribers.errors import InputError, ServiceError

EXIT_NO = 1
EXIT_INPUT = 2
EXIT_SERVICE = 3
EXIT_INTERRUPTED = 130
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# Where each command is, and its line in the list, so that `jianbao --help` need not load them all.
_COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("mailer.cli.demo:demo", "Send a bulletin to made-up subscribers, all on this machine."),
    "up": ("mailer.cli.services:up", "Run web, workers and scheduler here until Ctrl-C."),
    "worker": ("mailer.cli.services:worker", "Run one sending worker."),
    "scheduler": ("mailer.cli.services:scheduler", "Run the scheduler."),
    "web": ("mailer.cli.services:web", "Run the tracking and unsubscribe pages."),
    "publication": ("mailer.cli.publications:publication", "Numbered series: create, list, show."),
    "issue": ("mailer.cli.issues:issue", "Bulletins: import, look at, check, approve, test."),
    "article": ("mailer.cli.articles:article", "Articles of the next issue: add, list, move, remove."),
    "theme": ("mailer.cli.themes:theme", "How issues look: list, begin one, check."),
    "list": ("mailer.cli.lists:lists", "Mailing lists: create, list, show, update."),
    "institute": ("mailer.cli.institutes:institute", "Member institutes: list, show, rename, merge, coverage."),
    "subscriber": ("mailer.cli.subscribers:subscriber", "People and offices: add, import, find, show, erase."),
    "import": ("mailer.cli.imports:imports", "Imports of subscribers: list, show, undo."),
    "signup": ("mailer.cli.sign_ups:signup", "Who has still to confirm: list, invite."),
    "suppression": ("mailer.cli.suppressions:suppressions", "Addresses never to be written to."),
    "audit": ("mailer.cli.audit:show_audit", "Who changed what, when."),
    "segment": ("mailer.cli.segments:segment", "Which subscribers are meant: test, save, list, words."),
    "mailing": ("mailer.cli.mailings:mailing", "Sends: schedule, watch, pause, report."),
    "proposal": ("mailer.cli.proposals:proposal", "What readers say has changed: list, accept, decline."),
    "alarm": ("mailer.cli.alarms:alarm", "Members who left all at once: list, undo, dismiss."),
    "workdays": ("mailer.cli.workdays:workdays", "Chinese working days: show, enter a year."),
    "bounce": ("mailer.cli.bounces:bounce", "What came back: classify, ingest, poll, receive."),
    "feedback": ("mailer.cli.returns:feedback", "What came back, on record: unmatched, replay."),
    "task": ("mailer.cli.tasks:task", "What staff have to look at: list, done."),
    "dkim": ("mailer.cli.dkim:dkim", "Signing keys: create, show, check, retire."),
    "retention": ("mailer.cli.retention:forget", "Forget what was kept long enough; --dry-run only counts it."),
    "installation": ("mailer.cli.installation:installation", "Whose this database is: show, takeover."),
    "db": ("mailer.cli.database:db", "The database's schema: upgrade, check."),
    "config": ("mailer.cli.config:config", "The settings in force."),
    "completion": ("mailer.cli.completion:completion", "What makes a shell complete at the Tab key."),
    "doctor": ("mailer.cli.doctor:doctor", "Look at every service, and say what to do."),
}


class LazyGroup(click.RichGroup):
    """Knows its commands by name and line, and imports one only when it is run, completed or asked for its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """For the list of commands: the name with its line, nothing imported."""
        return click.Command(cmd_name, help=_COMMANDS[cmd_name][1]) if cmd_name in _COMMANDS else None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """For running it: the command itself."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name is not None and command is not None else command, rest


def load_command(name: str) -> click.Command:
    """Import the command of that name."""
    module, _, attribute = _COMMANDS[name][0].partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="jianbao", prog_name="jianbao")
def cli() -> None:
    """Jianbao 简报: sends a numbered bulletin to its members by e-mail, and accounts for every recipient.

    Example: `jianbao demo` shows all of it on this machine.
    """


def main() -> None:
    """The entry point: runs the command and ends with the exit code of docs/admins.md."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # A terminal in GBK or Latin-1 has not all that we write.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup(1) has us outlive the terminal.
            signal.signal(
                number, signal.default_int_handler
            )  # as Ctrl-C, so that nothing is left half done, and no program behind
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = EXIT_INPUT
    except Exit as finished:
        code = finished.exit_code
    except InputError as error:
        code = _say(error, EXIT_INPUT)
    except ServiceError as error:
        code = _say(error, EXIT_SERVICE)
    except (KeyboardInterrupt, click.Abort):
        code = EXIT_INTERRUPTED
    except SystemExit as ended:
        # A broken pipe ends so too: whoever read us has seen enough.
        code = 0 if isinstance(ended.__context__, BrokenPipeError) else ended.code
    except OSError as error:
        if error.filename is None and error.errno not in _FULL:
            raise
        where = error.filename or "the output"
        code = _say(InputError(f"{where}: {error.strerror}. Give a place that has room and may be written to."), EXIT_INPUT)
    sys.exit(code if isinstance(code, int) else 0)


def _say(error: Exception, code: int) -> int:
    click.echo(f"jianbao: {error}", err=True)
    return code
