"""The rows of the table, a module each: which series a row compares, and what it says of them."""
