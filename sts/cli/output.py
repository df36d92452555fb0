"""What commands print: lines for people, or JSON for programs."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from sts.errors import AlreadyExists
from sts.legible import show

_F = TypeVar("_F", bound=Callable[..., Any])


def json_option(command: _F) -> _F:
    """Give a command the option `--json`, as its argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def show_example(line: str) -> str:
    """Return what stands below a command's help; click leaves a paragraph after a backspace as it is."""
    return f"\b\nExample:\n  {line}"


def print_fields(fields: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing: a line for each field, or one JSON object."""
    if as_json:
        print_json(fields)
        return
    width = max(map(len, fields))
    for name, value in fields.items():
        click.echo(f"{name:{width}}  {show(value)}")


def print_standing(told: Mapping[str, Any], standing: str, *, as_json: bool) -> None:
    """Print what was told of something that is *standing* now; raises AlreadyExists when it was so before."""
    print_fields(told, as_json=as_json)
    if not told.get("changed"):
        raise AlreadyExists(f"It is {standing} already")


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print things of one kind: a table of *columns*, or one JSON array with all that is known of them."""
    if as_json:
        print_json(rows)
        return
    lines = [columns, *([show(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        click.echo("  ".join(f"{text:{width}}" for text, width in zip(line, widths, strict=True)).rstrip())


def print_json(value: Any) -> None:
    """Print *value* as one line of JSON, in ASCII: nothing in it can command a terminal."""
    click.echo(json.dumps(value, default=str))
