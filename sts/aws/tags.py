"""Tags between the wire and the verbs: as parameters, as members of an answer, and as condition keys."""

from sts.aws.row import Command
from sts.evaluator import describe_tags
from sts.tags import Tags


def read_tags(command: Command) -> tuple[tuple[str, str], ...]:
    """Return the keys and values that a command brings, repeated ones too."""
    return tuple((tag["Key"], tag["Value"]) for tag in command.get("Tags", ()))


def show_tags(tags: Tags) -> list[dict[str, str]]:
    """Return *tags* as AWS writes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def describe_request(command: Command) -> dict[str, tuple[str, ...]]:
    """Return the condition keys that tell of the tags which a command brings, or of the keys that it takes away."""
    tags = read_tags(command)
    keys = tuple(key for key, _ in tags) or tuple(command.get("TagKeys", ()))
    return {**describe_tags("aws:RequestTag", dict(tags)), **({"aws:tagkeys": keys} if keys else {})}
