"""It holds the command's subcommands, a module each, which is imported when it is asked for."""
