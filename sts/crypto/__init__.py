"""The only folder that imports `cryptography`, `jwt` and `pyotp`: values in, values out, `now` as an argument."""
