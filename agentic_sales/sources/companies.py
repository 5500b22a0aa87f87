"""Read the public registers of companies: GLEIF for legal entities, Wikidata for the large ones.

Neither is complete. GLEIF knows neither size nor industry nor domain. The site's own data on itself are in
`linked_data`.
"""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar

from pydantic import AliasPath, Field

from agentic_sales.errors import AgenticSalesError, BadQuery, Blocked, CredentialMissing
from agentic_sales.outbound.api import Reply
from agentic_sales.outbound.limits import Bucket, Limit
from agentic_sales.settings import Settings
from agentic_sales.sources.records import Record, Text, TextOrNone, in_groups, members, read, read_all, segment
from agentic_sales.sources.service import Place, Source

_GLEIF = Bucket("all", (Limit(60, 60.0),))
_WIKIDATA = Bucket("search", (Limit(5, 1.0),), at_once=3)
_SPARQL = Bucket("sparql", (Limit(1, 1.0), Limit(20, 60.0)), at_once=1)
_LARGEST_PAGE = 200
_ITEM = re.compile(r"Q[1-9]\d*")
_ITEMS_PER_QUERY = 50

# P856 site, P1128 employees, P452 industry, P17 country, P297 its code, P1278 LEI.
_FACTS = """SELECT ?item ?site ?staff ?industryLabel ?country ?lei WHERE {{
  VALUES ?item {{ {items} }}
  OPTIONAL {{ ?item wdt:P856 ?site. }}
  OPTIONAL {{ ?item wdt:P1128 ?staff. }}
  OPTIONAL {{ ?item wdt:P452 ?industry. }}
  OPTIONAL {{ ?item wdt:P17/wdt:P297 ?country. }}
  OPTIONAL {{ ?item wdt:P1278 ?lei. }}
  SERVICE wikibase:label {{ bd:serviceParam wikibase:language "en". }}
}}"""


class LegalEntity(Record):
    """A legal entity of GLEIF's register."""

    lei: Text = Field(validation_alias=AliasPath("attributes", "lei"))
    legal_name: Text = Field(validation_alias=AliasPath("attributes", "entity", "legalName", "name"))
    city: TextOrNone = Field(None, validation_alias=AliasPath("attributes", "entity", "legalAddress", "city"))
    country: TextOrNone = Field(None, validation_alias=AliasPath("attributes", "entity", "legalAddress", "country"))
    jurisdiction: TextOrNone = Field(None, validation_alias=AliasPath("attributes", "entity", "jurisdiction"))
    registered_as: TextOrNone = Field(None, validation_alias=AliasPath("attributes", "entity", "registeredAs"))
    """Number in the register of its country."""
    status: TextOrNone = Field(None, validation_alias=AliasPath("attributes", "entity", "status"))
    """`ACTIVE` or `INACTIVE`."""
    registration: TextOrNone = Field(None, validation_alias=AliasPath("attributes", "registration", "status"))
    """`ISSUED`, `LAPSED`, …"""


class _EntityPages(Record):
    last: int = Field(validation_alias="lastPage")


class EntityName(Record):
    """A name that GLEIF suggests."""

    name: Text = Field(validation_alias=AliasPath("attributes", "value"))
    lei: TextOrNone = Field(None, validation_alias=AliasPath("relationships", "lei-records", "data", "id"))


class WikidataItem(Record):
    """An item that a search found."""

    id: Text
    """Such as `Q1`."""
    label: Text = ""
    description: TextOrNone = None


class WikidataFacts(Record):
    """Wikidata's facts of a company. An item with several values of a property has several of these."""

    item: Text = Field(validation_alias=AliasPath("item", "value"))
    """Address of the item. It ends in its id."""
    site: TextOrNone = Field(None, validation_alias=AliasPath("site", "value"))
    employees: float | None = Field(None, validation_alias=AliasPath("staff", "value"))
    industry: TextOrNone = Field(None, validation_alias=AliasPath("industryLabel", "value"))
    country: TextOrNone = Field(None, validation_alias=AliasPath("country", "value"))
    """ISO 3166-1, two letters."""
    lei: TextOrNone = Field(None, validation_alias=AliasPath("lei", "value"))

    @property
    def item_id(self) -> str:
        """The id of the item."""
        return self.item.rpartition("/")[2]


class Gleif(Source):
    """A client of GLEIF's register."""

    name: ClassVar[str] = "gleif"
    accept: ClassVar[str] = "application/vnd.api+json"
    fresh_s: ClassVar[float] = 86_400.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.gleif_url, place=place)

    async def search(
        self, legal_name: str, *, country: str = "", page_size: int = _LARGEST_PAGE
    ) -> AsyncIterator[LegalEntity]:
        """Yield the legal entities of a name, in one jurisdiction if it is given."""
        params: dict[str, str | int] = {"filter[entity.legalName]": legal_name, "page[size]": page_size}
        if country:
            params["filter[entity.jurisdiction]"] = country
        number, last = 1, 1
        while number <= last:
            reply = await self.ask("/api/v1/lei-records", bucket=_GLEIF, params={**params, "page[number]": number})
            data = members(reply.json(), reply)
            entities = read_all(LegalEntity, data.get("data"), reply, "data")
            for entity in entities:
                yield entity
            pages = read(_EntityPages, members(data.get("meta"), reply).get("pagination"), reply)
            number, last = number + 1, pages.last if entities else 0

    async def entity(self, lei: str) -> LegalEntity:
        """Return a legal entity.

        Raises:
            NotFound: There is none of this LEI.
        """
        reply = await self.ask(f"/api/v1/lei-records/{segment(lei)}", bucket=_GLEIF)
        return read(LegalEntity, members(reply.json(), reply).get("data"), reply)

    async def names_like(self, text: str) -> tuple[EntityName, ...]:
        """Return the names that GLEIF suggests for a text with other spellings."""
        params = {"field": "entity.legalName", "q": text}
        reply = await self.ask("/api/v1/fuzzycompletions", bucket=_GLEIF, params=params)
        return read_all(EntityName, members(reply.json(), reply).get("data"), reply, "data")


class _WithContact(Source):
    """A client of a service that refuses callers without a contact address."""

    credential: ClassVar[str] = "AGENTIC_SALES_CONTACT_EMAIL"

    def require_contact(self) -> None:
        """Refuse to ask without a contact.

        Raises:
            CredentialMissing: None is set.
        """
        if "mailto:" not in self._user_agent:
            raise CredentialMissing(self.name, self.credential)

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Find the errors that Wikidata answers with 200."""
        data: Any = reply.json_or_none() if reply.status == 200 else None  # noqa: PLR2004 - a status is its own name
        if isinstance(data, dict) and isinstance(data.get("error"), dict):
            return BadQuery(self.name, f"`{reply.path}`", self.told(reply))
        if reply.status == 403:  # noqa: PLR2004 - as above
            return Blocked(self.name, f"`{reply.path}`", f"it refuses this User-Agent; see {self.credential}")
        return super().judge(reply)


class Wikidata(_WithContact):
    """A client of Wikidata's search."""

    name: ClassVar[str] = "wikidata"
    fresh_s: ClassVar[float] = 86_400.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.wikidata_url, place=place)

    async def search(self, name: str, *, most: int = 10) -> tuple[WikidataItem, ...]:
        """Return the items with a label or alias that begins with a name.

        Raises:
            CredentialMissing: No contact address is set.
        """
        self.require_contact()
        params = {"action": "wbsearchentities", "search": name, "language": "en", "limit": most, "format": "json"}
        reply = await self.ask("/w/api.php", bucket=_WIKIDATA, params=params)
        return read_all(WikidataItem, members(reply.json(), reply).get("search"), reply, "search")


class WikidataQuery(_WithContact):
    """A client of Wikidata's query service."""

    name: ClassVar[str] = "wikidata_query"
    accept: ClassVar[str] = "application/sparql-results+json"
    fresh_s: ClassVar[float] = 86_400.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.wikidata_query_url, place=place)

    async def facts(self, item_ids: Sequence[str]) -> tuple[WikidataFacts, ...]:
        """Return site, employees, industry, country and LEI of items.

        Raises:
            BadQuery: An id has a form that no item has.
            CredentialMissing: No contact address is set.
        """
        self.require_contact()
        if wrong := [item for item in item_ids if not _ITEM.fullmatch(item)]:
            raise BadQuery(self.name, f"the item `{wrong[0][:40]}`", "an item is a Q and a number")
        found: list[WikidataFacts] = []
        for group in in_groups(item_ids, _ITEMS_PER_QUERY):
            query = _FACTS.format(items=" ".join(f"wd:{item}" for item in group))
            reply = await self.ask("/sparql", bucket=_SPARQL, params={"query": query, "format": "json"})
            results = members(members(reply.json(), reply).get("results"), reply)
            found += read_all(WikidataFacts, results.get("bindings"), reply, "results.bindings")
        return tuple(found)
