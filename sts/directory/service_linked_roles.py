"""Roles that are linked to a service (IAM User Guide, "Service-linked roles").

Such a role stands under a path that no other can have, trusts its service alone, and is nobody's to change but for its
description and tags. A task id names a deletion that was done, and is authenticated: it is handed out for no other.
"""

import json
import re
from dataclasses import dataclass

from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.directory.bearers import confirm_bearer, unknown_bearer
from sts.directory.roles import Roles, forget_role
from sts.errors import InputInvalid, Malformed, NotFound, SealBroken
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.model import SERVICE_LINKED_PATH, Role
from sts.store.attachments import BearerKind
from sts.store.database import Transaction
from sts.store.roles import find_role_ignoring_case

_LABEL = b"iam-role-deletion"
_SUFFIX = ".amazonaws.com"
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazonaws\.com", re.ASCII)
_TASK = re.compile(
    rf"task{SERVICE_LINKED_PATH}(?P<service>{_SERVICE.pattern})/(?P<name>[\w+=,.@-]{{1,64}})"
    r"/(?P<uuid>[0-9a-f-]{36})\.(?P<version>[0-9]{1,9})\.(?P<mac>[\w-]+)",
    re.ASCII,
)
# Names by which clients know the roles of these services; of the others they are made of the service's own.
_KNOWN = {
    "autoscaling": "AutoScaling",
    "config": "Config",
    "dynamodb.application-autoscaling": "ApplicationAutoScaling_DynamoDBTable",
    "ecs": "ECS",
    "ecs.application-autoscaling": "ApplicationAutoScaling_ECSService",
    "eks": "AmazonEKS",
    "eks-nodegroup": "AmazonEKSNodegroup",
    "elasticache": "ElastiCache",
    "elasticbeanstalk": "ElasticBeanstalk",
    "elasticloadbalancing": "ElasticLoadBalancing",
    "es": "AmazonElasticsearchService",
    "guardduty": "AmazonGuardDuty",
    "opensearchservice": "AmazonOpenSearchService",
    "organizations": "Organizations",
    "rds": "RDS",
    "replication.dynamodb": "DynamoDBReplication",
    "spot": "EC2Spot",
    "spotfleet": "EC2SpotFleet",
    "support": "Support",
    "trustedadvisor": "TrustedAdvisor",
}


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a task id names: the deletion of a role of this service and name."""

    service: str
    role_name: str
    task_id: str


@dataclass(frozen=True, slots=True)
class ServiceLinkedRoles:
    """Makes and deletes service-linked roles."""

    roles: Roles
    keyring: Keyring

    def create(
        self, tx: Transaction, *, account_id: str, service: str, suffix: str | None, description: str = ""
    ) -> Role:
        """Create the role of *service*, or with a *suffix* another; raises InputInvalid, also when there is one."""
        name = name_service_role(service, suffix)
        if find_role_ignoring_case(tx.connection, account_id, name) is not None:
            raise InputInvalid(
                f"Service role name {name} has been taken in this account, please try a different suffix."
            )
        return self.roles.create(
            tx,
            account_id=account_id,
            name=name,
            trust_policy=_write_trust(service),
            path=f"{SERVICE_LINKED_PATH}{service}/",
            description=description,
            linked=True,
        )

    def delete(self, tx: Transaction, *, role: Role) -> str:
        """Delete the role and return the id of the task that this was; raises NotFound for any other role."""
        present = confirm_bearer(tx.connection, role)
        service = present.linked_service
        if service is None:
            raise unknown_bearer(BearerKind.ROLE, present.name)
        forget_role(tx, present)
        task = f"task{SERVICE_LINKED_PATH}{service}/{present.name}/{self.roles.entropy.request_id()}"
        version, mac = self.keyring.mac(Purpose.MARKER, _LABEL, _said(present.account_id, task))
        return f"{task}.{version}.{encode_base64url(mac)}"

    def verify_deleted(self, deletion: Deletion, account_id: str) -> None:
        """Raise NotFound unless the task id was handed out to this account: what it names was deleted then."""
        task, version, mac = deletion.task_id.rsplit(".", 2)
        try:
            claimed = parse_base64url(mac.encode())
            self.keyring.verify_mac(
                Purpose.MARKER, _LABEL, _said(account_id, task), version=int(version), claimed=claimed
            )
        except (Malformed, SealBroken) as error:
            raise NotFound(f"The deletion task {deletion.task_id} cannot be found.", detail=str(error)) from None


def parse_deletion(task_id: str) -> Deletion:
    """Return what a task id says, nothing of it verified; raises InputInvalid when it is none."""
    task = _TASK.fullmatch(task_id)
    if task is None:
        raise InputInvalid("The specified deletion task id is invalid.")
    return Deletion(task["service"], task["name"], task_id)


def name_service_role(service: str, suffix: str | None) -> str:
    """Return the name of the role of *service*; raises InputInvalid when it names no service."""
    if not _SERVICE.fullmatch(service):
        raise InputInvalid(f"{service} is no service: its name ends in {_SUFFIX} and is in lower case.")
    own = service.removesuffix(_SUFFIX)
    name = f"AWSServiceRoleFor{_KNOWN.get(own) or _derive_name(own)}"
    return name if suffix is None else f"{name}_{suffix}"


def _derive_name(own: str) -> str:
    """Return a name such as `Service_PartOne` of `part-one.service`."""
    labels = ["".join(word.capitalize() for word in label.split("-")) for label in own.split(".")]
    return "_".join(reversed(labels))


def _write_trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _said(account_id: str, task: str) -> bytes:
    return json.dumps([account_id, task]).encode()
