"""Why a document could not be had from elsewhere."""

from enum import StrEnum


class Fault(StrEnum):
    """What went wrong, as metrics and logs name it."""

    ADDRESS = "address"  # the URL, or where its name leads, is nowhere that may be connected to
    NAME = "name"  # the name is not known, or who should know it does not answer
    CONNECTION = "connection"  # nobody listens, or hangs up
    TLS = "tls"  # the certificate is not one that is trusted for this name
    TIME = "time"  # it takes too long
    REDIRECT = "redirect"
    STATUS = "status"  # the answer is an error
    ENCODING = "encoding"  # the answer is compressed
    SIZE = "size"
    ANSWER = "answer"  # it is no HTTP
    DOCUMENT = "document"  # it is not what was asked for


class FetchFailed(Exception):  # noqa: N818  whoever asked decides what it means
    """A document could not be had; *reason* names hosts and addresses, so it is for logs and records only."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason
