"""`sts explain`: why a request was denied."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from sts.cli.endpoint import connect, endpoint_options
from sts.cli.output import json_option, print_json, show_example
from sts.legible import show

_OUTCOMES = {
    "allowed": "allow",
    "explicitDeny": "explicit deny",
    "implicitDeny": "no allow",
}
_KINDS = {
    "identity": "identity-based policies",
    "boundary": "the permissions boundary",
    "session": "the session policies",
    "resource": "the resource-based policy",
    "trust": "the role's trust policy",
}
_OWNERS = ("resource", "trust")
_UNREAD = {
    "resource": "it belongs to the service or to another account, which lets nobody else do this",
    "trust": "there is no such role, or its trust policy does not let this principal in: its own account reads which",
}
_OTHERS = "the caller's own account does not allow it"  # what its policies are is not for the resource's owner


@click.command(
    short_help="Say why a request was denied.",
    epilog=show_example("sts explain AQAAAAGx3kQ…"),
)
@click.argument("message")
@endpoint_options
@json_option
def explain(message: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Say why a request was denied, from the encoded MESSAGE at the end of the error, or from the whole error.

    With - for MESSAGE it is read from standard input.

    It shows what the policies of your own account said: the deciding statements, and the condition keys that it hung
    on with what they were and what was wanted. It takes sts:DecodeAuthorizationMessage.
    """
    from sts.client.explaining import decode_message, find_receipt

    receipt = find_receipt(sys.stdin.read() if message == "-" else message)
    told = decode_message(connect(endpoint_url, profile), receipt)
    if as_json:
        print_json(told)
        return
    for line in _describe(told):
        click.echo(line)


def _describe(receipt: Mapping[str, Any]) -> Iterator[str]:
    decision = receipt["decision"]
    yield f"{show(receipt['arn'])} was denied"
    yield f"  {show(decision['action'])} on {show(decision['resource'])}"
    yield f"  at {receipt['at']}, request {receipt['request_id']}"
    yield ""
    silent = {silence["kind"]: silence for silence in decision.get("silent", ())}
    for kind, outcome in decision["said"].items():
        yield f"{_KINDS.get(kind, kind)}: {_OUTCOMES.get(outcome, outcome)}"
        if kind in silent:
            yield from _describe_silence(silent[kind], decision["action"])
    if decision["blocked_by"] not in decision["said"]:
        yield _UNREAD.get(decision["blocked_by"], _OTHERS)
    for statement in decision["deciding"]:
        yield f"  denied by {_cite(statement)}"
    for report in decision["conditions"]:
        yield from _describe_condition(report)


def _describe_silence(silence: Mapping[str, Any], action: str) -> Iterator[str]:
    for name in silence["policies"]:
        yield f"  {show(name)}"
    if silence["nearly"]:
        yield "  a statement allows it, but for its conditions"
    elif silence["kind"] in _OWNERS:
        yield f"  no statement names this principal for {show(action)}"
    else:
        yield f"  no statement allows {show(action)} on this resource"


def _describe_condition(report: Mapping[str, Any]) -> Iterator[str]:
    held = "held" if report["held"] else "did not hold"
    yield ""
    yield f"{_cite(report['statement'])}: {show(report['operator'])} {show(report['key'])} {held}"
    yield f"  wanted  {_list(report['wanted'])}"
    yield f"  seen    {'nothing: the request had no such key' if report['seen'] is None else _list(report['seen'])}"


def _cite(statement: Mapping[str, Any]) -> str:
    name = f"statement {show(statement['sid'])}" if statement["sid"] else f"Statement[{statement['position']}]"
    return f"{name} of {show(statement['policy'])}"


def _list(values: list[str]) -> str:
    return ", ".join(show(value) for value in values)
