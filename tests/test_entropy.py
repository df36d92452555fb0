"""What is drawn: identifiers in the form in which they are used."""

import base64

import pytest

from sts.entropy import Entropy

pytestmark = pytest.mark.pure


def test_no_nonce_is_an_option_to_a_command_that_is_given_it() -> None:
    draws = [
        base64.urlsafe_b64decode(text + "==") for text in ("-" * 21 + "A", "-5" + "a" * 19 + "Q", "a-" + "b" * 19 + "A")
    ]
    entropy = Entropy(lambda size: draws.pop(0)[:size])
    assert entropy.nonce() == "a-" + "b" * 19 + "A"
    assert draws == []
