"""The IAM policy language: what a document says, and what a request may do under several of them.

Read `evaluate` first: it is the fold from policies to a decision. Below it stand `document` (grammar and compiled
statements), `principals`, `matching` (wildcards), `variables`, `operators` and `conditions`. Everything is pure: a
document is compiled once and never changes, and the instant of a request is one of its context values.
"""
