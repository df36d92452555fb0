"""Traces: where the time of a request went, told to a receiver of OpenTelemetry when one is named.

The house knows nothing of it: at the root its parts are put into others of the same form, which open a span around each
call, or, when no receiver is named, are left as they are. A span names an operation, a part and a kind of fault, and
nobody: no account, no principal, no address, no parameter, no query. The request id leads from it to the audit record.
"""
