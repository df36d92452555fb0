"""The keys of other issuers: uploaded."""
