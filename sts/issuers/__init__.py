"""The keys of other issuers: uploaded, or fetched from where the issuer's metadata says, and followed from then on."""
