"""What an operator watches a running service by: numbers that are counted as things happen, and read as metrics.

`catalogue` says what there is, `numbers` holds it in memory that the workers of a service share, `meters` are what the
rooms above are handed to count with, `sampling` what is looked at now and then. No name of a caller, an account, an
address or a resource is ever a label: labels take values that are known at the start, and what is not known among them
is counted as `other`, so that no stranger makes series.
"""
