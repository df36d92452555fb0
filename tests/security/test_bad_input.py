"""What no client should send: each is a clear error in AWS's form, quickly, and leaves nothing but its record."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from sts.arn import iam_arn
from tests.security.forging import begin_session
from tests.security.stored import find_record, read_records, read_tables
from tests.security.wire import (
    FORM,
    IDENTIFY,
    Request,
    Signing,
    as_json,
    assume,
    form,
    invoke,
    post,
    send,
    sign_headers,
    told,
    verify_form_of_error,
)
from tests.service import Reply, Service, Tenant, allow, trust

MEBIBYTE = 1024 * 1024
INVALID = (400, "ValidationError")
INPUT = (400, "InvalidInput")
QUERY = (400, "MalformedQueryString")
TWICE = (400, "InvalidParameterCombination")
POLICY = (400, "MalformedPolicyDocument")
LARGE = (413, "RequestEntityTooLarge")
NO_ACTION = (400, "InvalidAction")

_CREATE = b"Action=CreateUser&Version=2010-05-08&UserName=made"

# Bodies of CreateUser as they stand, and what they are told; each would make the user `made` if it were taken.
BODIES = {
    "a parameter twice": (_CREATE + b"&UserName=made", TWICE),
    "a parameter twice, once escaped": (_CREATE + b"&User%4eame=other", TWICE),
    "the action twice": (_CREATE + b"&Action=ListUsers", TWICE),
    "the version twice": (_CREATE + b"&Version=2010-05-08", TWICE),
    "no name": (b"Action=CreateUser&Version=2010-05-08", INVALID),
    "an empty name": (b"Action=CreateUser&Version=2010-05-08&UserName=", INVALID),
    "a name of 65 characters": (b"Action=CreateUser&Version=2010-05-08&UserName=" + b"n" * 65, INVALID),
    "a name of 60,000 characters": (b"Action=CreateUser&Version=2010-05-08&UserName=" + b"n" * 60_000, INVALID),
    "a name with a space": (_CREATE + b"+x", INVALID),
    "a Cyrillic name": ("Action=CreateUser&Version=2010-05-08&UserName=мade".encode(), INVALID),
    "a name with a line feed behind it": (_CREATE + b"%0A", INVALID),
    "a path that does not end": (_CREATE + b"&Path=/a", INVALID),
    "a path of 600 characters": (_CREATE + b"&Path=/" + b"p" * 600 + b"/", INVALID),
    "a name that is a list": (b"Action=CreateUser&Version=2010-05-08&UserName.member.1=made", INVALID),
    "a name that is both": (_CREATE + b"&UserName.member.1=made", INVALID),
    "a name of many dots": (_CREATE + b"&" + b"a." * 10_000 + b"b=1", INVALID),
    "a number that is none": (_CREATE + b"&Tags.member.x.Key=a", INVALID),
    "a huge number of a member": (_CREATE + b"&Tags.member.9999999999.Key=a&Tags.member.9999999999.Value=b", INVALID),
    "a tag of the service": (_CREATE + b"&Tags.member.1.Key=AWS:a&Tags.member.1.Value=b", INPUT),
    "a tag without a key": (_CREATE + b"&Tags.member.1.Value=b", INVALID),
    "a tag of 129 characters": (_CREATE + b"&Tags.member.1.Key=" + b"k" * 129 + b"&Tags.member.1.Value=", INVALID),
    "a tag with a line feed": (_CREATE + b"&Tags.member.1.Key=a%0A&Tags.member.1.Value=b", INVALID),
    "a tag of two cases": (
        _CREATE + b"&Tags.member.1.Key=a&Tags.member.1.Value=b&Tags.member.2.Key=A&Tags.member.2.Value=b",
        INPUT,
    ),
    "51 tags": (
        _CREATE + b"".join(b"&Tags.member.%d.Key=k%d&Tags.member.%d.Value=" % (n, n, n) for n in range(1, 52)),
        INVALID,
    ),
    "bad UTF-8": (_CREATE + b"&Path=/\xff/", QUERY),
    "bad UTF-8, escaped": (_CREATE + b"&Path=/%FF/", QUERY),
    "an overlong slash": (_CREATE + b"&Path=%C0%AF", QUERY),
    "a lone surrogate": (_CREATE + b"&Path=/%ED%A0%80/", QUERY),
    "NUL": (_CREATE + b"\x00", QUERY),
    "NUL, escaped": (_CREATE + b"%00", QUERY),
    "half an escape": (_CREATE + b"%4", QUERY),
    "an escape that is none": (_CREATE + b"%zz", QUERY),
    "501 parameters": (_CREATE + b"".join(b"&p%d=1" % number for number in range(498)), QUERY),
    "a parameter without a value": (_CREATE + b"&Path", QUERY),
    "nothing between ampersands": (_CREATE + b"&&Path=/", QUERY),
    "UTF-16": (_CREATE.decode().encode("utf-16"), QUERY),
    "no action": (b"Version=2010-05-08&UserName=made", (400, "MissingAction")),
    "an empty action": (b"Action=&Version=2010-05-08&UserName=made", (400, "MissingAction")),
    "an unknown action": (_CREATE.replace(b"CreateUser", b"CreateUsers"), NO_ACTION),
    "an action in lower case": (_CREATE.replace(b"CreateUser", b"createuser"), NO_ACTION),
    "an action of 10,000 characters": (_CREATE.replace(b"CreateUser", b"A" * 10_000), NO_ACTION),
    "an action that is not offered": (_CREATE.replace(b"CreateUser", b"CreateSAMLProvider"), NO_ACTION),
    "an unknown version": (_CREATE.replace(b"2010-05-08", b"2010-05-09"), NO_ACTION),
    "the version of another service": (_CREATE.replace(b"2010-05-08", b"2011-06-15"), NO_ACTION),
    "no version": (b"Action=CreateUser&UserName=made", NO_ACTION),
    "65,537 bytes": (_CREATE + b"&Path=" + b"/" * (65_537 - len(_CREATE) - 6), LARGE),
}


QUOTAS = (
    ("PutUserPolicy", {"UserName": "u"}, 2_048),
    ("PutGroupPolicy", {"GroupName": "g"}, 5_120),
    ("PutRolePolicy", {"RoleName": "r"}, 10_240),
    ("CreatePolicy", dict[str, str](), 6_144),
)


def _ask(service: Service, tenant: Tenant, body: bytes, of: str = "iam") -> Reply:
    return send(service, sign_headers(post(service, body), tenant.key, service.clock.now(), Signing(service=of)))


def test_every_bad_form_is_told_what_is_wrong_and_leaves_nothing(service: Service, tenant: Tenant) -> None:
    before = read_tables(service)
    for name, (body, wanted) in BODIES.items():
        reply = _ask(service, tenant, body)
        assert told(reply) == wanted, (name, reply.body)
        verify_form_of_error(reply)
        assert len(reply.body) < 8192, name
    assert read_tables(service) == before
    assert _ask(service, tenant, _CREATE).status == 200
    assert read_tables(service) != before


def test_a_bad_form_of_a_proven_caller_has_its_record(service: Service, tenant: Tenant) -> None:
    reply = _ask(service, tenant, BODIES["a name with a space"][0])
    record = find_record(service, reply.headers["x-amzn-requestid"])
    assert (record["event"], record["error"]) == ("user.create.refused", "ValidationError")
    assert record["principal"]["arn"] == iam_arn(tenant.account_id, "user/admin")


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/json",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/x-www-form",
        "a" * 5000,
    ],
)
def test_another_type_of_body_is_not_read(still: Service, guest: Tenant, media_type: str) -> None:
    headers = (("host", still.host), *((("content-type", media_type),) if media_type else ()))
    reply = send(still, sign_headers(Request(headers=headers, body=IDENTIFY), guest.key, still.clock.now()))
    assert told(reply) == (415, "UnsupportedMediaType")
    verify_form_of_error(reply)


@pytest.mark.parametrize("media_type", [FORM, FORM.upper(), f"{FORM}; charset=utf-8", f"{FORM};charset=UTF-8"])
def test_every_spelling_of_the_right_type_is_read(still: Service, guest: Tenant, media_type: str) -> None:
    headers = (("host", still.host), ("content-type", media_type))
    assert (
        send(still, sign_headers(Request(headers=headers, body=IDENTIFY), guest.key, still.clock.now())).status == 200
    )


def test_a_parameter_in_query_and_body_is_given_twice(still: Service, guest: Tenant) -> None:
    for query in ("Action=GetCallerIdentity", "Version=2011-06-15"):
        request = replace(post(still), query=query)
        assert told(send(still, sign_headers(request, guest.key, still.clock.now()))) == TWICE


def _choking(tenant: Tenant) -> Iterator[tuple[str, str]]:
    """Yield documents that a parser may choke on: what they are, and their text."""
    everyone = iam_arn(tenant.account_id, "root")
    deep = "[" * 100_000 + "]" * 100_000
    digits = "9" * 1_000_000
    yield "deep", deep[:130_000]
    yield "deep and closed", "[" * 60_000 + "]" * 60_000
    yield "deep objects", '{"a":' * 20_000 + "1" + "}" * 20_000
    yield "deep statement", allow("s3:*").replace('"*"', "[" * 50_000 + '"*"' + "]" * 50_000)
    yield "a number of many digits", digits[:131_000]
    yield "a version of many digits", '{"Version":' + digits[:131_000] + "}"
    yield "a large exponent", '{"Version":1e999999999,"Statement":[]}'
    yield "NaN", '{"Version":NaN,"Statement":[]}'
    yield "a member twice", '{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}'
    yield "a lone surrogate", allow("s3:*").replace("s3:*", "\\ud800")
    yield "no JSON", "not a policy"
    yield "half of one", allow("s3:*")[:-1]
    yield "two of them", allow("s3:*") * 2
    yield "a list", f"[{allow('s3:*')}]"
    yield "an unknown member", allow("s3:*").replace('"Action"', '"Acton"')
    yield "a principal", trust(everyone)
    yield "an unknown operator", allow("s3:*").replace("}]", ',"Condition":{"StringIs":{"aws:userid":"x"}}}]')


def test_a_policy_that_cannot_be_read_is_refused_and_not_kept(service: Service, tenant: Tenant) -> None:
    before = read_tables(service)
    for name, text in _choking(tenant):
        reply = _ask(service, tenant, form("CreatePolicy", "iam", PolicyName="made", PolicyDocument=text))
        assert told(reply) == POLICY, (name, reply.body[:300])
        verify_form_of_error(reply)
        assert len(reply.body) < 4096, name
    assert read_tables(service) == before


@pytest.mark.parametrize("size", [131_073, 200_000, 900_000])
def test_a_policy_past_the_model_is_refused_by_its_length(still: Service, guest: Tenant, size: int) -> None:
    for text in ("[" * size, "9" * size, " " * size):
        reply = _ask(still, guest, form("CreatePolicy", "iam", PolicyName="made", PolicyDocument=text[:size]))
        assert reply.status in {400, 413}
        verify_form_of_error(reply)
        assert len(reply.body) < 4096


def _of_size(size: int) -> str:
    """Return a policy of *size* characters, blanks not counted."""
    bare = allow("s3:*", "arn:aws:s3:::")
    return bare.replace("s3:::", "s3:::" + "b" * (size - len(bare.replace(" ", ""))))


def test_a_policy_over_its_quota_is_refused(service: Service, tenant: Tenant) -> None:
    invoke(service, tenant.key, "CreateUser", UserName="u")
    invoke(service, tenant.key, "CreateGroup", GroupName="g")
    trusted = trust(iam_arn(tenant.account_id, "root"))
    invoke(service, tenant.key, "CreateRole", RoleName="r", AssumeRolePolicyDocument=trusted)
    before = read_tables(service)
    for action, parameters, limit in QUOTAS:
        reply = invoke(service, tenant.key, action, **parameters, PolicyName="p", PolicyDocument=_of_size(limit + 1))
        assert told(reply) == (409, "LimitExceeded"), reply.body
        verify_form_of_error(reply)
    assert read_tables(service) == before
    for action, parameters, limit in QUOTAS:
        fitting = _of_size(limit) + "\n" * limit  # blanks are not counted
        assert invoke(service, tenant.key, action, **parameters, PolicyName="p", PolicyDocument=fitting).status == 200


def test_a_session_policy_of_any_depth_is_refused(still: Service, guest: Tenant) -> None:
    begin_session(still, guest)
    arn = iam_arn(guest.account_id, "role/reader")
    for text in ("[" * 2_048, '{"a":' * 400, "9" * 2_048):
        assert told(assume(still, guest.key, arn, Policy=text)) == POLICY
    assert told(assume(still, guest.key, arn, Policy=" " * 2_049))[0] == 400
    for seconds in ("9" * 50_000, "1e3", "-900", "900.0", "\u0669\u0660\u0660", "0x384", "899", "3601", "43201", ""):
        assert told(assume(still, guest.key, arn, DurationSeconds=seconds)) == INVALID


def test_a_body_over_a_mebibyte_is_refused_whatever_its_framing(still: Service, guest: Tenant) -> None:
    body = form("CreatePolicy", "iam", PolicyName="made") + b"&PolicyDocument=" + b"x" * MEBIBYTE
    signed = sign_headers(post(still, body), guest.key, still.clock.now(), Signing(service="iam"))
    for reply in (
        send(still, signed),
        send(still, signed, [body[i : i + 65_536] for i in range(0, len(body), 65_536)]),
    ):
        assert told(reply) == LARGE
        verify_form_of_error(reply)
    fitting = IDENTIFY
    chunked = sign_headers(post(still, fitting), guest.key, still.clock.now())
    assert send(still, chunked, [fitting[:5], fitting[5:]]).status == 200


def test_an_announced_body_is_refused_before_it_is_sent(still: Service) -> None:
    host, port = still.host.split(":")
    for announced in ("1048577", "99999999999999999999"):
        with closing(socket.create_connection((host, int(port)), timeout=10)) as connection:
            head = (
                f"POST / HTTP/1.1\r\nhost: {still.host}\r\ncontent-type: {FORM}\r\ncontent-length: {announced}\r\n\r\n"
            )
            connection.sendall(head.encode())
            answer = connection.recv(65_536)
        assert answer.split(b" ", 2)[1] in {b"413", b"400"}, answer


@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /\r\n\r\n\x00\x00",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=lambda raw: repr(raw[:48]),
)
def test_what_is_no_http_is_refused_and_the_service_goes_on(still: Service, guest: Tenant, raw: bytes) -> None:
    host, port = still.host.split(":")
    with closing(socket.create_connection((host, int(port)), timeout=10)) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65_536)
    assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5"))
    assert b"Traceback" not in answer
    assert send(still, sign_headers(post(still), guest.key, still.clock.now())).status == 200


JSON_CALLERS = [
    ("AWSOrganizationsV20161128.DescribeOrganization", "organizations"),
    ("DynamoDB_20120810.ListTables", "dynamodb"),
    ("<script>alert(1)</script>", "x"),
    ("a" * 4096, "x"),
]


@pytest.mark.parametrize(("target", "of"), JSON_CALLERS, ids=[target[:16] for target, _ in JSON_CALLERS])
def test_who_speaks_json_is_answered_in_json(still: Service, guest: Tenant, target: str, of: str) -> None:
    headers = (("host", still.host), ("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target))
    request = sign_headers(Request(headers=headers, body=b"{}"), guest.key, still.clock.now(), Signing(service=of))
    reply = send(still, request)
    assert (reply.status, as_json(reply)["__type"]) == (400, "UnknownOperationException")
    assert reply.headers["content-type"] == "application/x-amz-json-1.1"
    assert reply.headers["x-amzn-errortype"] == "UnknownOperationException"
    assert reply.headers["x-amzn-requestid"]
    assert reply.headers["date"]
    assert len(reply.body) < 1024


def test_json_that_is_sent_to_a_path_of_another_service_is_answered_in_json(still: Service) -> None:
    for method, path in (
        ("POST", "/client/register"),
        ("GET", "/federation/credentials"),
        ("GET", "/<script>"),
        ("PUT", "/a" * 4000),
    ):
        reply = still.send(None, method=method, path=path)
        assert (reply.status, json.loads(reply.body)["__type"]) == (404, "UnknownOperationException")
        assert reply.headers["x-amzn-requestid"]
        assert reply.headers["date"]
        assert len(reply.body) < 1024


def test_calls_to_ec2_are_answered_as_ec2_answers(still: Service, guest: Tenant) -> None:
    body = b"Action=DescribeInstances&Version=2016-11-15"
    reply = _ask(still, guest, body, "ec2")
    assert told(reply) == NO_ACTION
    assert reply.text("RequestID") == reply.headers["x-amzn-requestid"]


def test_junk_that_proves_nobody_is_recorded_in_sums_alone(service: Service, tenant: Tenant) -> None:
    before, records = read_tables(service), len(read_records(service))
    for body in (b"", b"\xff", b"Action=CreateUser", IDENTIFY):
        assert send(service, post(service, body)).status in {400, 403}
    assert read_tables(service) == before
    assert len(read_records(service)) == records
    assert invoke(service, tenant.key, "GetCallerIdentity", "sts").status == 200
    assert len(read_records(service)) == records + 1
