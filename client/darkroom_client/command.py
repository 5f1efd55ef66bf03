"""The command `darkroom`. Its subcommands are imported one by one, so that its help is there at once."""

import importlib
import importlib.metadata
import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click

from darkroom_client.commands.common import INTERRUPTED, Given, options
from darkroom_client.errors import Invalid, Trouble


class Entry(NamedTuple):
    """Where a subcommand is, below `darkroom_client.commands`, and its short help.

    The help stands in its module as well, which need not be imported to be listed.
    """

    module: str
    short_help: str

    @property
    def room(self) -> str:
        """The folder that its module lies in."""
        return self.module.rpartition(".")[0]


COMMANDS: Mapping[str, Entry] = {
    "send": Entry("talking.send", "Ask for a picture, in a new conversation."),
    "reply": Entry("talking.reply", "Go on with a conversation."),
    "threads": Entry("talking.threads", "List the conversations, the newest first."),
    "show": Entry("talking.show", "Show a conversation as a tree."),
    "get": Entry("talking.get", "Save a conversation's pictures and results."),
    "watch": Entry("talking.watch", "Tell what ends, as it ends."),
    "check": Entry("talking.check", "Say what Darkroom would make of files."),
    "console": Entry("console", "Look at pictures in the browser."),
    "use": Entry("use", "Remember a stack for all later commands."),
    "status": Entry("operating.status", "Show what waits, what is under way, and why."),
    "doctor": Entry("operating.doctor", "Find what is wrong with the stack, and the way out."),
    "cost": Entry("operating.cost", "Add up calls, pictures and money."),
    "ended": Entry("operating.ended", "List what ended on a day, and what it cost."),
    "batch": Entry("operating.batch", "Ask for all lines of a .jsonl or .csv."),
    "backfill": Entry("operating.backfill", "Ask the same of many uploaded pictures."),
    "redrive": Entry("operating.redrive", "Send dead letters back to their queues."),
    "retry": Entry("operating.retry", "Give a turn without a picture another chance."),
    "forget": Entry("operating.forget", "Erase a thread for good."),
    "cancel": Entry("operating.cancel", "Cancel a thread's waiting requests."),
    "pause": Entry("operating.pause", "Stop new calls to the image API."),
    "resume": Entry("operating.resume", "Let calls go on after a pause."),
    "wake": Entry("operating.wake", "Make waiting requests look again now."),
    "reindex": Entry("operating.reindex", "List the turns of earlier releases in the index."),
}
HEADINGS = {"Commands": ("talking", ""), "For operators": ("operating",)}


class LazyGroup(click.Group):
    """A group whose commands are modules of `darkroom_client.commands`, each with a `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"darkroom_client.commands.{COMMANDS[cmd_name].module}")
        found: click.Command = module.command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, rooms in HEADINGS.items():
            listed = [(name, each.short_help) for name, each in COMMANDS.items() if each.room in rooms]
            with formatter.section(heading):
                formatter.write_dl(listed)


@click.group(cls=LazyGroup)
@click.version_option(importlib.metadata.version("darkroom"), message="darkroom %(version)s")
@options
@click.pass_context
def darkroom(context: click.Context) -> None:
    """Hold conversations about pictures with a stack of Darkroom.

    \b
    darkroom use local                      which stack, once
    darkroom send mug.jpg "make it night"   a conversation begins: it is called mug
    darkroom reply mug "add snow"           and goes on
    darkroom COMMAND --help                 says more of a command

    A THREAD is a conversation by its name. The stack is that of --stack, of DARKROOM_STACK, or the one that `darkroom
    use` remembered.
    """
    context.ensure_object(Given)


def run(words: Sequence[str], given: Given | None = None) -> int:
    """Runs one command line, and returns its exit code. It says what goes wrong, in a sentence or as JSON.

    0 done, 1 the request failed or is not there, 2 wrong use, 3 the stack cannot be reached, 4 timed out.
    """
    given = given or Given()
    try:
        code: Any = darkroom.main(list(words), prog_name="darkroom", standalone_mode=False, obj=given)
    except click.ClickException as wrong:
        _tell_wrong_use(wrong, words)
        return wrong.exit_code
    except Trouble as trouble:
        given.fail(trouble)
        return trouble.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever listened, such as `head`, has heard enough; nothing more can be said at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


def _tell_wrong_use(wrong: click.ClickException, words: Sequence[str]) -> None:
    """Tells a program its error as JSON also where the line was not read as far as its `--json`."""
    if "--json" not in itertools.takewhile(lambda word: word != "--", words):
        wrong.show()
        return
    path = wrong.ctx.command_path if isinstance(wrong, click.UsageError) and wrong.ctx else "darkroom"
    Given(as_json=True).fail(Invalid(wrong.format_message(), f"`{path} --help` says what there is."))


def main() -> None:
    """The entry point of the distribution."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
