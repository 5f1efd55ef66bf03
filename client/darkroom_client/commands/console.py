"""`darkroom console`: a site on this machine to look at pictures and ask for more."""

import click

from darkroom_client.commands.common import Given, options, until_interrupted


@click.command("console", short_help="Look at pictures in the browser.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Else any that is free.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--read-only", "is_read_only", is_flag=True, help="Look, and change nothing.")
@options
@click.pass_obj
def command(given: Given, port: int, no_browser: bool, is_read_only: bool) -> None:
    """Open a page in the browser with the pictures of all conversations, what waits, what needs you, and how the stack
    is.

    It serves 127.0.0.1 alone, with your own credentials, until Ctrl-C. The address that it prints lets a browser in.
    """
    from darkroom_client.console.serving import serve
    from darkroom_client.room import Darkroom
    from darkroom_client.stacks import choice

    chosen = choice.find(given.stack)

    def begin(address: str) -> None:
        given.tell({"address": address}, address)
        if not no_browser:
            click.launch(address)

    with until_interrupted():
        serve(Darkroom(chosen.open()), chosen.name, port=port, is_read_only=is_read_only, begin=begin)
