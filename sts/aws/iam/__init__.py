"""IAM's operations, a file for each noun: each a few lines between the wire and the directory."""
