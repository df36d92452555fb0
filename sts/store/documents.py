"""Compiled policies, within bounds of bytes: those of the store, and a few that callers bring with their sessions."""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from sts.policy.document import Document, Kind, parse_document

_BROUGHT = 8 * 1024 * 1024  # bytes of what callers bring: some thousand session policies
_ENTRY_COST = 512  # bytes that a document takes beside its weight

_Key = tuple[str, Kind]


@dataclass(slots=True)
class Documents:
    """A text of the store is compiled once for all who hold it, and forgotten with the last of them.

    What callers bring is kept apart, so that nobody who invents policies can push out what is stored. *weight* is that
    of everything held, in bytes.
    """

    capacity: int = _BROUGHT
    weight: int = 0
    _shared: WeakValueDictionary[_Key, Document] = field(default_factory=WeakValueDictionary)
    _holders: Counter[int] = field(default_factory=Counter)  # by the identity of a document that somebody holds
    _brought: OrderedDict[_Key, Document] = field(default_factory=OrderedDict)
    _brought_weight: int = 0

    def compile_stored(self, text: str, kind: Kind) -> Document:
        """Compile a text of the store, in any thread; raises PolicyMalformed."""
        document = self._shared.get((text, kind))
        if document is None:
            document = self._shared[text, kind] = parse_document(text, kind)
        return document

    def hold(self, documents: Iterable[Document]) -> None:
        """Count *documents* as held once more."""
        for document in documents:
            if not self._holders[id(document)]:
                self.weight += _weigh(document)
            self._holders[id(document)] += 1

    def release(self, documents: Iterable[Document]) -> None:
        """Count *documents*, which were held, as held once less."""
        for document in documents:
            self._holders[id(document)] -= 1
            if not self._holders[id(document)]:
                del self._holders[id(document)]
                self.weight -= _weigh(document)

    def compile_brought(self, text: str, kind: Kind) -> Document:
        """Compile a text that a caller brings, or return what it was compiled to lately; raises PolicyMalformed."""
        key = (text, kind)
        document = self._brought.get(key)
        if document is not None:
            self._brought.move_to_end(key)
            return document
        document = self._brought[key] = parse_document(text, kind)
        self._brought_weight += _weigh(document)
        while self._brought_weight > self.capacity:
            self._brought_weight -= _weigh(self._brought.popitem(last=False)[1])
        return document


def _weigh(document: Document) -> int:
    return document.weight + _ENTRY_COST
