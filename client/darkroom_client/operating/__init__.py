"""It holds what an operator does with a stack: its command says it, and its policy allows it."""
