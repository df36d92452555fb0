"""Structures, lists and maps, from the dotted names of a form.

First the names are split into a tree (`Tags.member.1.Key` is a leaf four branches up), then readers that were compiled
from the shapes walk it. Both take time in proportion to the form: names are split once, members of a list are sorted by
number, and no number is ever used as a size.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from sts.aws.wire.faults import Faults, Where, cut, label
from sts.aws.wire.form import Form
from sts.aws.wire.models import Reference, ServiceModel, Shape
from sts.aws.wire.scalars import Node, Read, check_length, compile_scalar, read_span

Tree: TypeAlias = dict[str, Node]
# By name on the wire: the member's own name, its label in a place, its reader.
Members: TypeAlias = dict[str, tuple[str, str, Read]]

# No model nests deeper. A name of ten thousand dots must not become as many dictionaries, each in the other.
_DEPTH = 12
# Neither zero nor leading zeros: `01` and `1` would be two spellings of one place.
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_NONE: Mapping[str, str] = MappingProxyType({})
_ENVELOPE = frozenset({"Action", "Version"})
# The parameters of a presigned request (SigV4, "Query string parameters").
_SIGNATURE = frozenset(
    f"X-Amz-{name}"
    for name in ("Algorithm", "Credential", "Date", "Expires", "Security-Token", "Signature", "SignedHeaders")
)


def compile_input(model: ServiceModel, operation: str, withheld: frozenset[str]) -> Callable[[Form], dict[str, Any]]:
    """Return the parser of the input of *operation*; the members *withheld* are refused like unknown ones."""
    described = model.operations[operation].get("input")
    shape: Shape = model.get_shape(described) if described else {"members": {}}
    offered = {name: reference for name, reference in shape["members"].items() if name not in withheld}
    strangers = dict.fromkeys(withheld, "Member is not offered yet")
    stranger = f"Member must be a parameter that {operation} takes"
    read = compile_structure(model, {**shape, "members": offered}, stranger, strangers)

    def parse(form: Form) -> dict[str, Any]:
        faults = Faults()
        command: dict[str, Any] = read(grow_tree(form, faults), (), faults)
        faults.verify()
        return command

    return parse


def grow_tree(form: Form, faults: Faults) -> Tree:
    """Return the parameters of *form* as a tree, without the envelope and the signature of the request."""
    tree: Tree = {}
    for name, value in form.items():
        if name in _ENVELOPE or name in _SIGNATURE:
            continue
        if "." not in name and name not in tree:
            tree[name] = value
        else:
            _graft(tree, name, value, faults)
    return tree


def _graft(tree: Tree, name: str, value: str, faults: Faults) -> None:
    """Add a leaf; report a name that is both a leaf and a branch, of which a reader could see only one."""
    *stem, leaf = name.split(".", _DEPTH)
    branch = tree
    for token in stem:
        further = branch.setdefault(token, {})
        if isinstance(further, str):
            faults.report((cut(name),), "Member must be given in one form, single or nested")
            return
        branch = further
    if leaf in branch:
        faults.report((cut(name),), "Member must be given in one form, single or nested")
        return
    branch[leaf] = value


def compile_reader(model: ServiceModel, reference: Reference, name: str) -> Read:
    """Return the reader of what *reference* names, standing under the member *name*."""
    shape = model.get_shape(reference)
    if shape["type"] == "structure":
        return compile_structure(model, shape, "Member must be known")
    if shape["type"] == "list":
        return compile_list(model, shape, name)
    if shape["type"] == "map":
        return compile_map(model, shape)
    return compile_scalar(shape, name)


def compile_structure(model: ServiceModel, shape: Shape, stranger: str, strangers: Mapping[str, str] = _NONE) -> Read:
    """Return the reader of a structure; *stranger* is what a message says of a member that it has not.

    *strangers* are members of which something else is said.
    """
    members: Members = {
        model.get_wire_name(name, reference): (name, label(name), compile_reader(model, reference, name))
        for name, reference in shape["members"].items()
    }
    required = frozenset(shape.get("required", ()))
    is_union = bool(shape.get("union"))

    def read(node: Node, where: Where, faults: Faults) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for token, branch in _branches(node, where, faults):
            member = members.get(token)
            if member is None:
                faults.report((*where, token), strangers.get(token, stranger))
                continue
            name, place, read_member = member
            found[name] = read_member(branch, (*where, place), faults)
        if not found.keys() >= required:
            _report_missing(shape, found, where, faults)
        if is_union and len(found) != 1:
            faults.report(where, f"Member must have exactly one of: [{', '.join(shape['members'])}]")
        return found

    return read


def _branches(node: Node, where: Where, faults: Faults) -> Iterable[tuple[str, Node]]:
    if type(node) is dict:
        return node.items()
    faults.report(where, "Member must be a structure")
    return ()


def _report_missing(shape: Shape, found: dict[str, Any], where: Where, faults: Faults) -> None:
    for name in shape["required"]:
        if name not in found:
            faults.report((*where, label(name)), "Member must not be null", "Value null")


def compile_list(model: ServiceModel, shape: Shape, name: str) -> Read:
    """Return the reader of a list: its members in the order of their numbers, gaps allowed; `Name=` is an empty one."""
    read_member = compile_reader(model, shape["member"], name)
    inner = None if shape.get("flattened") else shape["member"].get("locationName", "member")
    span = read_span(shape)

    def read(node: Node, where: Where, faults: Faults) -> list[Any]:
        numbered = _numbered(node, inner, where, faults)
        found = [read_member(branch, (*where, f"{number}.member"), faults) for number, branch in numbered]
        check_length(len(found), span, where, faults)
        return found

    return read


def compile_map(model: ServiceModel, shape: Shape) -> Read:
    """Return the reader of a map, from `entry.N.key` and `entry.N.value`; `Name=` is an empty one."""
    entry = {"members": {"key": shape["key"], "value": shape["value"]}, "required": ["key", "value"]}
    read_entry = compile_structure(model, entry, "Member must be known")
    inner = None if shape.get("flattened") else "entry"
    span = read_span(shape)

    def read(node: Node, where: Where, faults: Faults) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for number, branch in _numbered(node, inner, where, faults):
            place = (*where, f"{number}.entry")
            pair = read_entry(branch, place, faults)
            if pair.get("key") in found:
                faults.report(place, "Member must have a key of its own")
            found[pair.get("key")] = pair.get("value")
        check_length(len(found), span, where, faults)
        return found

    return read


def _numbered(node: Node, inner: str | None, where: Where, faults: Faults) -> list[tuple[int, Node]]:
    """Return what stands under *node*, by ascending number; *inner* is the name between, None when flattened."""
    if not node:
        return []
    if inner is not None:
        node = _descend(node, inner, where, faults)
    if isinstance(node, str):
        faults.report(where, "Member must be numbered: .1, .2 and so on")
        return []
    for token in node:
        if not _NUMBER.fullmatch(token):
            faults.report((*where, token), "Member must be numbered: .1, .2 and so on")
    return sorted((int(token), branch) for token, branch in node.items() if _NUMBER.fullmatch(token))


def _descend(node: Node, inner: str, where: Where, faults: Faults) -> Node:
    if isinstance(node, str):
        return node
    for token in node:
        if token != inner:
            faults.report((*where, token), "Member must be known")
    return node.get(inner, {})
