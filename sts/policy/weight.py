"""What a compiled policy takes of memory, counted object by object."""

import gc
import sys
from enum import Enum
from types import BuiltinFunctionType, FunctionType, MappingProxyType, ModuleType, NoneType

# A view of a mapping stands here for one without anything in it, of which there is one.
_SHARED = (
    type,
    Enum,
    FunctionType,
    BuiltinFunctionType,
    ModuleType,
    MappingProxyType,
    NoneType,
    bool,
)  # the program's own, whoever refers to them


def weigh(root: object) -> int:
    """Return the bytes that *root* takes with all that it refers to, whoever else refers to that as well."""
    weight = 0
    seen: set[int] = set()
    left: list[object] = [root]
    while left:
        each = left.pop()
        if id(each) not in seen and not isinstance(each, _SHARED):
            seen.add(id(each))
            weight += sys.getsizeof(each)
            left += gc.get_referents(each)
    return weight
