"""One Lambda invocation: a batch of queue messages, its logs and its metrics."""
