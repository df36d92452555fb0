"""Between the network and the application: connections, their limits, TLS, processes, and an end without a lost answer.

A request that reaches the application was whole in its head, within every limit, and framed in the one way that nobody
on its path can read differently.
"""
