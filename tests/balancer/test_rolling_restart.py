"""Two services behind the shipped HAProxy configuration are restarted in turn, and nobody who asks notices."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.balancer.conftest import Parts
from tests.balancer.crowd import CLIENTS, Crowd
from tests.balancer.haproxy import Balancer, balancing
from tests.balancer.nodes import Node, started
from tests.faults.processes import wait_until
from tests.service import trust

pytestmark = pytest.mark.alone

ANSWERS = 100  # in each stage of the restart


def restart(node: Node, balancer: Balancer, crowd: Crowd) -> None:
    """Restart *node* as an operator does, with answers counted in each stage."""
    node.tell_to_end()
    assert node.wait_for_end() == 0, node.log()
    crowd.await_answers(ANSWERS)
    node.start()
    wait_until(lambda: balancer.sees(node.name, "UP"))
    before = balancer.requests(node.name)
    wait_until(lambda: balancer.requests(node.name) >= before + ANSWERS // 2)


@contextmanager
def crowded(parts: Parts, name: str, *nodes: Node) -> Iterator[tuple[Balancer, Crowd]]:
    """Run *nodes* behind a balancer, and ask them for as long as the context lasts."""
    with started(*nodes), balancing(parts.home / name, *(node.port for node in nodes), port=parts.port) as balancer:
        policy = trust(f"arn:aws:iam::{parts.account_id}:root")
        made = nodes[0].server.call(parts.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=policy)
        crowd = Crowd(parts.port, parts.key, made.find("Arn") or "", prefix=name)
        with crowd.asking():
            crowd.await_answers(ANSWERS)
            yield balancer, crowd


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_fails_while_each_of_two_services_is_restarted(parts: Parts, workers: int) -> None:
    one, two = (parts.node(name, "--workers", str(workers)) for name in ("one", "two"))
    with crowded(parts, f"restarted-{workers}", one, two) as (balancer, crowd):
        for node in (one, two):
            restart(node, balancer, crowd)
    assert crowd.failures == []
    # What was answered was done, once: a request that the balancer repeated would have found its user there.
    assert sorted(parts.users(crowd.prefix)) == sorted(crowd.created)


def test_a_service_that_is_killed_fails_what_it_had_under_way_and_nothing_else(parts: Parts) -> None:
    one, two = parts.node("one"), parts.node("two")
    with crowded(parts, "killed", one, two) as (balancer, crowd):
        one.kill()
        wait_until(lambda: balancer.sees("one", "DOWN"))
        failed, answered = len(crowd.failures), crowd.answered
        wait_until(lambda: crowd.answered >= answered + ANSWERS)
    assert len(crowd.failures) == failed <= CLIENTS
    assert set(crowd.created) <= set(parts.users(crowd.prefix))
