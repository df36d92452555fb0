"""The front that AWS clients talk to: the Query protocol, translated to typed calls of the verbs and back.

`endpoint` walks a request from proof to record, `operations` is the table of everything that is offered, `row` says
what a row of it consists of, `wire/` parses and renders as botocore's service models say, and `errors` is the one
table from Refusal to AWS's codes. AWS's casing (`RoleArn`) stays in this folder.
"""
