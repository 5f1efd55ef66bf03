"""Pictures: looked at by their bytes, stripped of their metadata, made into what may be sent."""
