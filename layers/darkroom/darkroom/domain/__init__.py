"""The contract's vocabulary: requests, outcomes, threads, uploads, and every duration."""
