"""The other side: knows the service through HTTP alone, and holds no part of it.

`connection` finds credentials as an AWS SDK does, signs and sends; beside it stands a file for each thing asked for.
"""
