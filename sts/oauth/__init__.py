"""The OAuth front: for now what verifies tokens offline, the JWKS."""
