"""Pictures without a model: scenes from words, edits by words. Pillow only, and deterministic.

`edits` is what the stand-in asks for, `scene` paints from nothing; the rest is what they draw with.
"""
