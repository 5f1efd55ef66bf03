"""It holds batches: the file on this machine, the one that a backfill writes, and each on its way."""
