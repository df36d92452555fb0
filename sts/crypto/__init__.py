"""The only folder that imports `cryptography`, `jwt` and `pyotp`: pure, with `now` and every nonce as arguments."""
