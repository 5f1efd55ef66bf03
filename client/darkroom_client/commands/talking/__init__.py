"""It holds the subcommands for conversations: to ask, to look, to take the pictures, to check a file."""
