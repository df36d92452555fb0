"""What is rendered is always well-formed, complete and in the model's order; what the model does not know is a bug."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts.aws.wire import compile_operation, render_error
from sts.aws.wire.xml import PERCENT_ENCODED, escape
from sts.model import Secret
from tests.aws.wire_strategies import MODELS

pytestmark = pytest.mark.pure

EIGHT = datetime(2026, 11, 24, 8, tzinfo=UTC)
CREDENTIALS = {
    "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
    "SecretAccessKey": Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    "SessionToken": "a.b.c",
    "Expiration": EIGHT,
}
USER = {
    "Path": "/",
    "UserName": "alice",
    "UserId": "AIDA" + "A" * 17,
    "Arn": "arn:aws:iam::1:user/alice",
    "CreateDate": EIGHT,
}


def render(service: str, operation: str, result: dict[str, Any]) -> str:
    return compile_operation(MODELS[service], operation).render(result, "an-id").decode()


def test_a_result_is_in_the_order_of_the_model() -> None:
    result = {
        "PackedPolicySize": 3,
        "AssumedRoleUser": {"Arn": "arn:aws:sts::1:assumed-role/demo/s", "AssumedRoleId": "AROA:s"},
        "Credentials": CREDENTIALS,
    }
    assert render("sts", "AssumeRole", result) == (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
        "<Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>"
        "<SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY</SecretAccessKey>"
        "<SessionToken>a.b.c</SessionToken><Expiration>2026-11-24T08:00:00Z</Expiration></Credentials>"
        "<AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/demo/s</Arn>"
        "</AssumedRoleUser><PackedPolicySize>3</PackedPolicySize></AssumeRoleResult>"
        "<ResponseMetadata><RequestId>an-id</RequestId></ResponseMetadata></AssumeRoleResponse>"
    )


def test_an_operation_without_output_has_only_its_request_id() -> None:
    assert render("iam", "DeleteUser", {}) == (
        '<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        "<ResponseMetadata><RequestId>an-id</RequestId></ResponseMetadata></DeleteUserResponse>"
    )
    with pytest.raises(KeyError, match="DeleteUser returns nothing"):
        render("iam", "DeleteUser", {"User": {}})


def test_lists_are_members_and_may_be_empty() -> None:
    rendered = render("iam", "ListUsers", {"Users": [], "IsTruncated": False})
    assert "<ListUsersResult><Users></Users><IsTruncated>false</IsTruncated></ListUsersResult>" in rendered
    assert "<Users><member><Path>/</Path>" in render("iam", "ListUsers", {"Users": (USER,), "IsTruncated": True})


def test_a_map_is_entries() -> None:
    rendered = render("iam", "GetAccountSummary", {"SummaryMap": {"Users": 3, "Groups": 0}})
    assert (
        "<SummaryMap><entry><key>Users</key><value>3</value></entry><entry><key>Groups</key><value>0</value></entry>"
    ) in rendered


def test_a_policy_document_is_percent_encoded_with_a_space_as_percent_20() -> None:
    role = {key: value for key, value in USER.items() if not key.startswith("User")} | {
        "RoleName": "demo",
        "RoleId": "AROA" + "A" * 17,
        "AssumeRolePolicyDocument": '{"a": "~é+_-."}',
    }
    rendered = render("iam", "GetRole", {"Role": role})
    assert "<AssumeRolePolicyDocument>%7B%22a%22%3A%20%22~%C3%A9%2B_-.%22%7D</AssumeRolePolicyDocument>" in rendered


def test_percent_encoding_goes_by_a_shape_that_is_a_document_wherever_a_result_has_it() -> None:
    places = {
        (name, member)
        for name, shape in MODELS["iam"].shapes.items()
        for member, reference in shape.get("members", {}).items()
        if reference["shape"] in PERCENT_ENCODED and not name.endswith("Request")
    }
    assert places == {
        ("GetGroupPolicyResponse", "PolicyDocument"),
        ("GetRolePolicyResponse", "PolicyDocument"),
        ("GetUserPolicyResponse", "PolicyDocument"),
        ("InlinePolicy", "PolicyDocument"),
        ("PolicyDetail", "PolicyDocument"),
        ("PolicyVersion", "Document"),
        ("Role", "AssumeRolePolicyDocument"),
        ("RoleDetail", "AssumeRolePolicyDocument"),
        ("RoleTemplateVersion", "AssumeRolePolicyDocumentTemplate"),
    }
    assert not {name for shape in MODELS["sts"].shapes.values() for name in shape if name in PERCENT_ENCODED}


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"Users": []} | {"IsTruncate": True},
        {"User": USER},
        {"Users": [{key: value for key, value in USER.items() if key != "Arn"}]},
        {"Users": [USER | {"Password": "hunter2"}]},
    ],
)
def test_a_result_with_a_gap_or_a_stranger_is_a_bug_and_shows_no_value(result: dict[str, Any]) -> None:
    with pytest.raises(KeyError) as bug:
        render("iam", "ListUsers", result)
    assert "hunter2" not in str(bug.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"Users": "alice", "IsTruncated": False},
        {"Users": {}, "IsTruncated": False},
        {"Users": [], "IsTruncated": 0},
        {"Users": [], "IsTruncated": "false"},
        {"Users": [], "Marker": 3},
        {"Users": [], "Marker": None},
        {"Users": [USER | {"CreateDate": "2026-11-24T08:00:00Z"}]},
    ],
)
def test_a_value_of_another_type_is_a_bug(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        render("iam", "ListUsers", wrong)


def test_a_number_is_no_boolean_and_no_text() -> None:
    for number in (True, "3", 3.0, None):
        with pytest.raises(TypeError):
            render("iam", "GetAccountSummary", {"SummaryMap": {"Users": number}})


def test_an_instant_is_in_utc_and_whole_seconds() -> None:
    later = datetime(2026, 11, 24, 9, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
    rendered = render("sts", "GetSessionToken", {"Credentials": CREDENTIALS | {"Expiration": later}})
    assert "<Expiration>2026-11-24T08:00:00Z</Expiration>" in rendered
    naive = CREDENTIALS | {"Expiration": EIGHT.replace(tzinfo=None)}
    with pytest.raises(ValueError, match="aware"):
        render("sts", "GetSessionToken", {"Credentials": naive})


@pytest.mark.parametrize("length", [1, 300])
def test_markup_never_leaves_its_element(length: int) -> None:
    text = "</Message>&<![CDATA[\"'>]]>\r\n\t" * length
    raw = render_error("A<B", text, "<id>", sender=False, namespace='x"y')
    root = ET.fromstring(raw)  # noqa: S314  the text is our own
    error = root.find("{*}Error")
    assert error is not None
    assert [(child.tag.partition("}")[2], child.text) for child in error] == [
        ("Type", "Receiver"),
        ("Code", "A<B"),
        ("Message", text),
    ]
    assert root.findtext("{*}RequestId") == "<id>"
    assert root.tag == '{x"y}ErrorResponse'


@given(
    st.text(st.characters(exclude_categories=[]), max_size=300) | st.text("\0\x1f\ud800\ufffe\uffff&a", min_size=256)
)
def test_every_text_becomes_well_formed(text: str) -> None:
    raw = render_error("Code", text, "id", sender=True, namespace="urn:x")
    message = ET.fromstring(raw).findtext("{*}Error/{*}Message")  # noqa: S314  the text is our own
    assert message is not None
    assert len(message) == len(text)
    assert all(read in (written, "\N{REPLACEMENT CHARACTER}") for read, written in zip(message, text, strict=True))


@pytest.mark.parametrize("character", [*map(chr, [*range(32), 0xD800, 0xDFFF, 0xFFFE, 0xFFFF])])
@pytest.mark.parametrize("padding", ["", "a" * 300])
def test_only_what_xml_cannot_carry_is_replaced(character: str, padding: str) -> None:
    expected = {"\t": "\t", "\n": "\n", "\r": "&#xD;"}.get(character, "\N{REPLACEMENT CHARACTER}")
    assert escape(padding + character) == padding + expected


@pytest.mark.parametrize("text", ["ä漢🔑", "\x7f\x85\u2028\ufffd", "a'b"])
def test_what_xml_can_carry_stays_as_it_is(text: str) -> None:
    assert escape(text) == text
