"""`aws login`: the front of AWS Sign-In (signin, 2023-01-01), to which the CLI and the SDKs' login provider speak.

`authorize` is what the browser opens, `token` what the client redeems and refreshes by, `errors` how refusals are told.
"""
