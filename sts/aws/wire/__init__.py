"""The AWS Query wire: forms in, XML out, compiled from botocore's published service models.

A model is loaded as data and each offered operation is compiled once into two plain functions: `parse` turns a form
into members with Python types, or raises ParameterInvalid with every fault in one message; `render` turns members into
XML. No rule of an operation is written here by hand.

    form.py         application/x-www-form-urlencoded into a Form
    models.py       a service model: shapes, errors, and the traits that this wire understands
    faults.py       what is wrong with a request, in AWS's sentences
    scalars.py      strings, numbers, booleans, blobs, instants and their constraints
    patterns.py     the models' regular expressions, as Python reads them
    structures.py   structures, lists and maps from the dotted names of a form
    xml.py          results and errors as XML 1.0
    operation.py    OperationModel: what a front works with
"""

from sts.aws.wire.form import Form, parse_form
from sts.aws.wire.models import ErrorModel, ServiceModel, load_model
from sts.aws.wire.operation import OperationModel, compile_operation
from sts.aws.wire.xml import render_error

__all__ = [
    "ErrorModel",
    "Form",
    "OperationModel",
    "ServiceModel",
    "compile_operation",
    "load_model",
    "parse_form",
    "render_error",
]
