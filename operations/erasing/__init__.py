"""It erases one thread: what belongs to it, in which order it goes, and what is told of it."""
