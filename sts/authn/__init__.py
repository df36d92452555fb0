"""Prove: a file for each way of proving who is calling; each returns a Caller or raises Unproven."""
