"""The ports in memory, as unreliable as the world: answers get lost, workers die, clocks jump."""
