"""The `sts` command: hands over to `cli`."""

from sts.cli.commands import main

if __name__ == "__main__":
    main()
