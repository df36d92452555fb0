"""The `sts` command: a file for each group of subcommands, which imports what a command needs when it runs.

`commands` is the table of all; `operator` records what is done on the host; `output` prints, `logs` sets up the log.
"""
