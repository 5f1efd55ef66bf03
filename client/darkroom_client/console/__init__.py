"""It serves the console: one small site on 127.0.0.1, in which a person looks at pictures and asks for more."""
