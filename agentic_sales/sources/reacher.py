"""Ask a Reacher server of the deployment whether a mailbox is there. It asks the mail server, and sends no mail.

Reacher is licensed under the AGPL. So it is called and never bundled.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import AliasPath, Field

from agentic_sales.outbound.limits import Bucket, Limit, Quota
from agentic_sales.settings import Settings
from agentic_sales.sources.records import Record, members, read
from agentic_sales.sources.service import Place, Source

_CHECKS = Bucket("checks", (Limit(60, 60.0),), Quota(10_000), at_once=8)


class ReacherAnswer(Record):
    """Reacher's answer on a mailbox. If a step of it failed, the field of that step is None."""

    verdict: Literal["safe", "risky", "invalid", "unknown"] = Field(validation_alias="is_reachable")
    is_catch_all: bool | None = Field(None, validation_alias=AliasPath("smtp", "is_catch_all"))
    """The server takes mail for every name, so its yes says nothing of this one."""
    is_full: bool | None = Field(None, validation_alias=AliasPath("smtp", "has_full_inbox"))
    is_disabled: bool | None = Field(None, validation_alias=AliasPath("smtp", "is_disabled"))
    is_deliverable: bool | None = Field(None, validation_alias=AliasPath("smtp", "is_deliverable"))


class Reacher(Source):
    """A client of a Reacher server."""

    name: ClassVar[str] = "reacher"
    credential: ClassVar[str] = "AGENTIC_SALES_REACHER_URL"
    fresh_s: ClassVar[float] = 86_400.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        self.is_there = configuration.reacher_url is not None
        url = configuration.reacher_url or "http://reacher.invalid"
        super().__init__(configuration, url, secret=configuration.reacher_secret, place=place)

    def key_headers(self) -> Mapping[str, str]:
        """Return the secret of the server."""
        return {"x-reacher-secret": self._secret} if self._secret else {}

    def require_key(self) -> None:
        """Refuse to ask without a server. Its URL stands for a key."""
        if not self.is_there:
            super().require_key()

    async def check(self, address: str) -> ReacherAnswer:
        """Return Reacher's answer on a mailbox.

        Raises:
            CredentialMissing: No server is configured.
            RateLimited: The server takes sixty questions a minute.
            AgenticSalesError: See `Api.ask`.
        """
        self.require_key()
        reply = await self.ask("/v1/check_email", bucket=_CHECKS, json={"to_email": address})
        return read(ReacherAnswer, members(reply.json(), reply), reply)
