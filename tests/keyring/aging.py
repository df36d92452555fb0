"""Key files that were made earlier than they were."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path


def age_keys(folder: Path, purpose: str, span: timedelta) -> None:
    """Let the keys of a purpose have been made *span* earlier, and have worked since."""
    for path in folder.glob(f"{purpose}-*.json"):
        key = json.loads(path.read_text())
        for at in ("made_at", "works_from"):
            key[at] = (datetime.fromisoformat(key[at]) - span).astimezone(UTC).isoformat()
        path.write_text(json.dumps(key))
