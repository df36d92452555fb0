"""Two services behind the shipped HAProxy configuration are restarted in turn, and nobody who asks notices."""

import pytest

from tests.balancer.conftest import Parts
from tests.balancer.crowd import Crowd
from tests.balancer.haproxy import Balancer, balancing
from tests.balancer.nodes import Node, started
from tests.faults.processes import wait_until
from tests.service import trust

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


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_fails_while_each_of_two_services_is_restarted(parts: Parts, workers: int) -> None:
    one, two = (parts.node(name, "--workers", str(workers)) for name in ("one", "two"))
    folder = parts.home / f"haproxy-{workers}"
    with started(one, two), balancing(folder, one.port, two.port, port=parts.port) as balancer:
        policy = trust(f"arn:aws:iam::{parts.account_id}:root")
        made = one.server.call(parts.key, "CreateRole", RoleName=f"r{workers}", AssumeRolePolicyDocument=policy)
        crowd = Crowd(parts.port, parts.key, made.find("Arn") or "", prefix=f"w{workers}")
        with crowd.asking():
            crowd.await_answers(ANSWERS)
            for node in (one, two):
                restart(node, balancer, crowd)
        assert crowd.failures == []
        # What was answered was done, once: a request that the balancer repeated would have found its user there.
        assert parts.count_users(f"w{workers}-") == len(crowd.created)
