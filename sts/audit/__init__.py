"""What happened, recorded before its answer leaves: done, refused or failed.

`events` is the grammar, `record` what a record says and how it is chained, `journal` the one writer, `verification`
what shows that nothing was altered or taken out, and `sums` what is kept of requests that proved nobody.
"""
