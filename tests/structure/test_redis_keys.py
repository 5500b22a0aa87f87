"""Every key of ours in Redis is one that the Redis users of a deployment may touch."""

import fnmatch
import re
from itertools import chain

from tests.structure.sources import PACKAGE

USERS = PACKAGE.parent / "deploy" / "redis-users.acl"


def test_every_key_that_the_code_names_is_granted_to_a_process() -> None:
    """A key that is missing here works everywhere but in production: grant it in `deploy/redis-users.acl`."""
    granted = re.findall(r"[~&](agentic:\S+?)\)?(?=\s)", USERS.read_text(encoding="utf-8").replace("[pool]", "email"))
    named = {
        key
        for path in chain(PACKAGE.rglob("*.py"), PACKAGE.rglob("*.lua"))
        for key in re.findall(r"[\"'](agentic:[a-z_:]+)", path.read_text(encoding="utf-8"))
    }
    assert {"agentic:running", "agentic:run:", "agentic:alive:", "agentic:threads:busy"} <= named
    samples = {key: f"{key}email" if key.endswith(":") else key for key in named}
    assert [key for key, sample in samples.items() if not any(fnmatch.fnmatch(sample, g) for g in granted)] == []
