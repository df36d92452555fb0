"""The only room that opens a connection to a host that strangers named: addresses, names, trust, one fetch."""
