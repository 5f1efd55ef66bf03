"""Pictures without a model: scenes from words, edits by words, the demo's photo. Pillow only, and deterministic.

`edits` is what the stand-in asks for, `scene` paints from nothing, `lettering` writes; the rest is what they draw with.
"""
