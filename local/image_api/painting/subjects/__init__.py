"""What a scene shows: each is drawn by a function of its own."""
