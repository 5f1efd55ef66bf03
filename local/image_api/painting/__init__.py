"""Paints and edits pictures by words, without a model. It uses only Pillow, and is deterministic.

The stand-in calls `edits`, which edits a picture. `scene` paints a new one. The other modules are their tools.
"""
