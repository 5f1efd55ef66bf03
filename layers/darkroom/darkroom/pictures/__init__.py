"""Pictures: inspected by their bytes, stripped of their metadata, and normalized so that they may be sent."""
