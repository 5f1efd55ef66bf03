"""It holds what may be wrong with a stack that is deployed, a check each, and its way out."""
