"""How the stand-in paints: scenes from words, and edits by words. Pillow only, and deterministic."""
