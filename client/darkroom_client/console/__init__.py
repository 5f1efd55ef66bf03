"""It serves the console: a small site on 127.0.0.1, where a person looks at pictures and asks for more."""
