"""It erases one thread: its objects and items, the order in which they go, and the receipt."""
