"""The subjects of a scene. Each has its own function."""
