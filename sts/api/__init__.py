"""Our own administration: JSON under `/api/`, signed as AWS clients sign, authorized as `sts-admin:…`, and recorded.

`endpoint` is the front, `request` what it reads, `operations` its table of `row`s, `errors` the one table from Refusal
to its wire; beside them stands a file for each noun.
"""
