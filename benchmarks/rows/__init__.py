"""The rows of the table, a module for each: the series that a row compares, and its report."""
