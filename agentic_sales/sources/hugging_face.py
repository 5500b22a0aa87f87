"""Read Hugging Face: the publications of an organisation."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from agentic_sales.errors import AgenticSalesError, NotFound, RateLimited
from agentic_sales.outbound.api import Reply
from agentic_sales.outbound.limits import Bucket, Limit
from agentic_sales.outbound.retry_after import parse_retry_after
from agentic_sales.settings import Settings
from agentic_sales.sources.records import Record, Text, TextOrNone, next_link, read, read_all, segment
from agentic_sales.sources.service import Place, Source

Kind = Literal["models", "datasets", "spaces"]

_WITH_KEY = Bucket("api", (Limit(1000, 300.0),))
_WITHOUT_KEY = Bucket("api", (Limit(500, 300.0),))
_LEFT = re.compile(r'"api";\s*r=(\d+);\s*t=(\d+)')
_LARGEST_PAGE = 500


class Published(Record):
    """A model, data set or space."""

    id: Text
    """`owner/name`."""
    likes: int
    downloads: int | None = None
    """In the last 30 days. Spaces have none."""
    gated: bool | Text = False
    """False, or how access is granted: `auto` or `manual`."""
    tags: tuple[Text, ...] = ()
    task: TextOrNone = Field(None, validation_alias="pipeline_tag")
    created_at: datetime | None = Field(None, validation_alias="createdAt")


class HubOrganization(Record):
    """An organisation."""

    name: Text
    full_name: TextOrNone = Field(None, validation_alias="fullname")
    details: TextOrNone = None
    is_verified: bool | None = Field(None, validation_alias="isVerified")
    users: int | None = Field(None, validation_alias="numUsers")
    models: int | None = Field(None, validation_alias="numModels")
    followers: int | None = Field(None, validation_alias="numFollowers")


class HuggingFace(Source):
    """A client of the hub's API."""

    name: ClassVar[str] = "hugging_face"
    credential: ClassVar[str] = "HF_TOKEN"
    fresh_s: ClassVar[float] = 3600.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        url, token = configuration.hugging_face_url, configuration.hugging_face_token
        super().__init__(configuration, url, secret=token, place=place)
        self._bucket = _WITH_KEY if self._secret else _WITHOUT_KEY

    async def published(
        self, author: str, kind: Kind = "models", *, page_size: int = _LARGEST_PAGE
    ) -> AsyncIterator[Published]:
        """Yield the publications of an account, the most liked first. An unknown account publishes nothing."""
        params = {"author": author, "sort": "likes", "limit": page_size}
        reply = await self.ask(f"/api/{kind}", bucket=self._bucket, params=params)
        while True:
            for item in read_all(Published, reply.json(), reply, "the answer"):
                yield item
            if (following := next_link(reply)) is None:
                return
            reply = await self.ask(following, bucket=self._bucket)

    async def repository(self, full_name: str, kind: Kind = "models") -> Published:
        """Return a model, data set or space.

        Raises:
            NotFound: There is none of this name, or it is private.
        """
        owner, _, name = full_name.partition("/")
        reply = await self.ask(f"/api/{kind}/{segment(owner)}/{segment(name)}", bucket=self._bucket)
        return read(Published, reply.json(), reply)

    async def organization(self, name: str) -> HubOrganization:
        """Return an organisation.

        Raises:
            NotFound: There is none of this name.
        """
        reply = await self.ask(f"/api/organizations/{segment(name)}/overview", bucket=self._bucket)
        return read(HubOrganization, reply.json(), reply)

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Tell a missing account, which is a 401 to a caller without a key, and the seconds that a limit lasts."""
        if reply.status in {401, 404} and (not self._secret or reply.headers.get("x-error-code") == "RepoNotFound"):
            return NotFound(self.name, f"`{reply.path}`")
        if reply.status == 429:  # noqa: PLR2004 - a status is its own name
            found = _LEFT.search(reply.headers.get("ratelimit", ""))
            is_spent = found is not None and found[1] == "0"
            asked_s = parse_retry_after(reply.headers.get("retry-after", ""))
            return RateLimited(self.name, float(found[2]) if found and is_spent else asked_s)
        return super().judge(reply)
