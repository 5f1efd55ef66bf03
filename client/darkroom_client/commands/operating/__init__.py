"""It holds the subcommands of a stack's operator, a module each."""
