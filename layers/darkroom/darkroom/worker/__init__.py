"""One Lambda invocation: a batch of queue messages, and what is logged of it."""
