"""The ports in memory, and as nasty as the world: answers get lost, workers die, clocks jump."""
