"""Read the environment: the only module that does.

A difference between deployments is here. A difference between workflows is a registry row. Nothing is both.
`settings()` reads once per process; everything below takes the values as arguments.

Every name, unit and default is repeated in `deploy/env.example`; a test holds the two equal.
"""

import os
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from standardwebhooks import Webhook

from agentic_sales.errors import ConfigurationError
from agentic_sales.routing import ASSISTANTS_SUFFIX, QUEUE_SUFFIX
from agentic_sales.schedule import intervals_s

CsvTuple = Annotated[tuple[str, ...], NoDecode]
Shares = Annotated[Mapping[str, float], NoDecode]
LimitsByName = Annotated[Mapping[str, tuple[int, float]], NoDecode]
"""Calls and seconds, by `service`, `service.bucket` or `*`."""
ByPool = Annotated[Mapping[str, str], NoDecode]
SlotsByPool = Annotated[Mapping[str, Annotated[int, Field(ge=1)]], NoDecode]
Source = PydanticBaseSettingsSource
_STATUSES = {"200": 200, "500": 500}
GraphErrorStatus = Annotated[Literal[200, 500], BeforeValidator(lambda text: _STATUSES.get(text, text))]
"""A status as the environment spells it: pydantic's literal number does not match a text."""


def secrets_of(value: SecretStr | None) -> tuple[str, ...]:
    """Return the secrets of a CSV of secrets, the one in use first; those behind it are only believed."""
    entries = () if value is None else value.get_secret_value().split(",")
    return tuple(secret for entry in entries if (secret := entry.strip()))


_SEARCHES = frozenset({"brave", "searxng", "serper", "tavily"})
_SOURCE_KEYS = (
    *("github_token", "brave_api_key", "tavily_api_key", "serper_api_key", "youtube_api_key"),
    *("openalex_api_key", "semantic_scholar_api_key", "hugging_face_token", "contact_scorer_key"),
)
_DNS_PORT, _LARGEST_PORT = 53, 65_535
_LONGEST_SPAN_S = 86_400
SLOTS_SUFFIX = "_WORKER_SLOTS"
_POOL_SUFFIXES = (QUEUE_SUFFIX, ASSISTANTS_SUFFIX, SLOTS_SUFFIX, "_LANGSMITH_PROJECT")
_POOL_PREFIX = re.compile(r"[A-Z][A-Z0-9_]*")


def _is_of_pool(name: str, suffix: str) -> bool:
    """Tell `EMAIL_WORKER_QUEUE` by its form, so that a prefix which no pool has can be warned of."""
    return name.endswith(suffix) and _POOL_PREFIX.fullmatch(name.removesuffix(suffix)) is not None


class _PoolEnvironment(PydanticBaseSettingsSource):
    """Reads the pools' settings from the environment. Their names follow from the routes and are no fields."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return nothing: every name is read at once, below."""
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the names that are set, with their values."""
        environment = os.environ  # noqa: TID251 - this is the one module that reads it
        return {name: environment[name] for name in environment if any(_is_of_pool(name, s) for s in _POOL_SUFFIXES)}


class Settings(BaseSettings):
    """The configuration of one process."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=False, populate_by_name=True)

    redis_url: str = Field("redis://127.0.0.1:6379/0", alias="REDIS_URL")
    """Redis of the broker (unless `CELERY_BROKER_URL` names another) and of the ledger."""
    celery_broker_url: str | None = Field(None, alias="CELERY_BROKER_URL")
    """Message broker, when it is not Redis: `amqp://…`. None: `REDIS_URL`."""
    database_url: str | None = Field(None, alias="DATABASE_URL")
    """SQLAlchemy URL of durable state. None: SQLite in the state directory."""
    state_dir: Path = Field(Path(".agentic_sales"), alias="AGENTIC_SALES_STATE_DIR")
    """Directory for files that must outlive a process: the embedded Redis, SQLite, beat's schedule."""

    checkpoints_per_thread: int = Field(50, ge=2, alias="AGENTIC_SALES_CHECKPOINTS_PER_THREAD")
    """Newest checkpoints that a thread of a resumable workflow keeps; a run makes one per step, and two before."""
    checkpoint_max_age_days: float = Field(90.0, gt=0, alias="AGENTIC_SALES_CHECKPOINT_MAX_AGE_DAYS")
    """Days after which the state of a thread that waits for nothing is deleted."""

    auth_token: SecretStr | None = Field(None, alias="LANGGRAPH_AUTH_TOKEN")
    """Bearer token of the facade. None: the facade starts only on loopback with `--dev`."""
    dev: bool = Field(False, alias="AGENTIC_SALES_DEV")
    """The facade may start without a token if it is bound to loopback, as with `--dev`."""
    langgraph_url: str = Field("http://127.0.0.1:8002", alias="LANGGRAPH_URL")
    """URL of the facade that the client and the command line speak to."""
    flower_port: int = Field(5555, ge=1, le=65_535, alias="FLOWER_PORT")
    """TCP port of Flower on loopback, in the local fleet."""
    flower_basic_auth: SecretStr | None = Field(None, alias="FLOWER_BASIC_AUTH")
    """CSV of `user:password` for the users of Flower. None: it starts on loopback only, and changes nothing."""
    extra_registries: CsvTuple = Field((), alias="AGENTIC_SALES_EXTRA_REGISTRIES")
    """CSV of dotted module paths that expose further `GRAPHS`."""
    extra_flows: CsvTuple = Field((), alias="AGENTIC_SALES_EXTRA_FLOWS")
    """CSV of dotted module paths that expose further `FLOWS`."""

    worker_queues: ByPool = Field({}, alias="<POOL>_WORKER_QUEUE")
    """Queue of a pool; set but empty: the pool is off. `<POOL>` is EMAIL, CLASSIFY, …, as in routing.py, or CORE."""
    worker_assistants: ByPool = Field({}, alias="<POOL>_WORKER_ASSISTANTS")
    """CSV that replaces the allowlist of a pool, or `+id` / `-id` entries that edit it."""

    worker_concurrency: int = Field(8, ge=1, alias="AGENTIC_SALES_WORKER_CONCURRENCY")
    """Child processes per worker; each costs about 9 MB and executes as many runs at once as it has slots."""
    worker_slots: SlotsByPool = Field({}, alias="<POOL>_WORKER_SLOTS")
    """Runs that one child of a pool executes at once. Not set: the fewest `slots` of the pool's rows, which are 1."""
    consuming_file: Path | None = Field(None, alias="AGENTIC_SALES_CONSUMING_FILE")
    """File that a worker touches every second while it consumes, for a container's probe. None: no file."""
    max_tasks_per_child: int | None = Field(None, ge=1, alias="AGENTIC_SALES_MAX_TASKS_PER_CHILD")
    """Runs after which a child process is replaced. None: never."""
    task_events: bool = Field(False, alias="AGENTIC_SALES_TASK_EVENTS")
    """Workers send task events, which Flower shows; costs 15-20 % of the throughput."""

    max_body_bytes: int = Field(1024 * 1024, ge=1, alias="AGENTIC_SALES_MAX_BODY_BYTES")
    """Largest request body that the facade reads, in bytes; larger ones are 413."""
    max_result_bytes: int = Field(16 * 1024 * 1024, ge=1024, alias="AGENTIC_SALES_MAX_RESULT_BYTES")
    """Largest final state, event or value of a checkpoint of one run, in bytes; a run that leaves more fails."""
    max_import_bytes: int = Field(64 * 1024 * 1024, ge=1, alias="AGENTIC_SALES_MAX_IMPORT_BYTES")
    """Largest file of people that one import takes, in bytes; it is kept in the directory for temporary files."""
    cors_origins: CsvTuple = Field((), alias="AGENTIC_SALES_CORS_ORIGINS")
    """CSV of origins with pages that may call the facade: `https://smith.langchain.com`. `--dev` adds loopback's."""
    connections_per_address: int = Field(2000, ge=1, alias="AGENTIC_SALES_CONNECTIONS_PER_ADDRESS")
    """Connections that one address may hold at the facade; behind a proxy all callers have the proxy's address."""
    wait_timeout_s: float = Field(1200.0, gt=0, alias="AGENTIC_SALES_WAIT_TIMEOUT_S")
    """Longest that `/runs/wait` waits for a run, queueing included, in seconds; then 504."""
    keepalive_after_s: float = Field(15.0, gt=0, alias="AGENTIC_SALES_KEEPALIVE_AFTER_S")
    """Seconds after which an unfinished answer starts with status 200 and is kept alive by newlines."""
    graph_error_status: GraphErrorStatus = Field(500, alias="AGENTIC_SALES_GRAPH_ERROR_STATUS")
    """Status of a failed graph: 500, or 200 for LangGraph's `__error__` form."""
    run_ttl_s: int = Field(86_400, ge=60, alias="AGENTIC_SALES_RUN_TTL_S")
    """Seconds that the ledger keeps a run after its last change."""

    queue_cap: int = Field(10_000, ge=1, alias="AGENTIC_SALES_QUEUE_CAP")
    """Runs that may wait on one queue; a further one is refused with 429."""
    stream_readers: int = Field(1000, ge=1, alias="AGENTIC_SALES_STREAM_READERS")
    """Streams that one facade process serves at a time, each on a connection to Redis; a further one is 503."""

    webhook_secret: SecretStr | None = Field(None, alias="AGENTIC_SALES_WEBHOOK_SECRET")
    """Secret (`whsec_…`, base64) that signs the webhooks of runs. None: a run with a webhook is refused."""
    approvals_per_day: int = Field(200, ge=1, alias="AGENTIC_SALES_APPROVALS_PER_DAY")
    """Messages that one person may approve in a UTC day when several are approved at once."""

    model: str | None = Field(None, alias="AGENTIC_SALES_MODEL")
    """Model of the standard tier in `init_chat_model` form, e.g. `openai:gpt-4.1-mini`. None: rules only."""
    model_deep: str | None = Field(None, alias="AGENTIC_SALES_MODEL_DEEP")
    """Model of the deep tier. None: the standard tier's."""
    embeddings: str | None = Field(None, alias="AGENTIC_SALES_EMBEDDINGS")
    """Model of embeddings in `init_embeddings` form, e.g. `openai:text-embedding-3-small`. None: full text alone."""
    run_models: CsvTuple = Field((), alias="AGENTIC_SALES_RUN_MODELS")
    """CSV of further models that a run may name, as `eval --model` does; `*`: any. None: those above alone."""
    model_fallback: Literal["rules", "fail"] = Field("rules", alias="AGENTIC_SALES_MODEL_FALLBACK")
    """Conduct of a workflow without a usable model: its author's rules, or fail."""
    model_timeout_s: float = Field(30.0, gt=0, alias="AGENTIC_SALES_MODEL_TIMEOUT_S")
    """Wall-clock limit of one model call, in seconds; retries are calls of their own."""
    model_max_tries: int = Field(2, ge=1, alias="AGENTIC_SALES_MODEL_MAX_TRIES")
    """Tries of one model call on 429, 5xx, timeouts and lost connections."""

    model_prices: CsvTuple = Field((), alias="AGENTIC_SALES_MODEL_PRICES")
    """CSV of `provider:model=input/output`, USD per million tokens, beside or instead of the built-in list."""
    budget_usd_per_run: float | None = Field(None, gt=0, alias="AGENTIC_SALES_BUDGET_USD_PER_RUN")
    """Most money that one run may spend on models, sub-runs included, in USD. None: no limit."""
    budget_usd_per_day: float | None = Field(None, gt=0, alias="AGENTIC_SALES_BUDGET_USD_PER_DAY")
    """Most money that all runs of one UTC day may spend on models, in USD. None: no limit."""
    budgets: CsvTuple = Field((), alias="AGENTIC_SALES_BUDGETS")
    """CSV of `assistant_id=USD/run` and `assistant_id=USD/day`; an own limit per run replaces the general one."""
    budget_exceeded: Literal["fail", "rules"] = Field("fail", alias="AGENTIC_SALES_BUDGET_EXCEEDED")
    """Conduct of a workflow over its budget: fail with `budget_exceeded`, or its author's rules."""

    allow_private_hosts: CsvTuple = Field((), alias="AGENTIC_SALES_ALLOW_PRIVATE_HOSTS")
    """CSV of `host` or `host:port` that the fetcher may read although they are private; for tests and the demo."""
    fetch_timeout_s: float = Field(15.0, gt=0, alias="AGENTIC_SALES_FETCH_TIMEOUT_S")
    """Wall-clock limit of one page, redirects included, in seconds."""
    fetch_max_bytes: int = Field(2 * 1024 * 1024, ge=1024, alias="AGENTIC_SALES_FETCH_MAX_BYTES")
    """Bytes that the fetcher reads of a page, after decompression. A larger page is read in part."""
    rules_dir: Path | None = Field(None, alias="AGENTIC_SALES_RULES_DIR")
    """Directory of a person's additions to the tables of `rules/`, by the same file names. None: there are none."""

    example_sites_url: str | None = Field(None, alias="AGENTIC_SALES_EXAMPLE_SITES_URL")
    """URL of a server that stands for every host under `.example`, as the sample world does. None: there is none."""
    contact_email: str | None = Field(None, alias="AGENTIC_SALES_CONTACT_EMAIL")
    """Address at which a service can reach the operator, in the User-Agent. Wikidata refuses without. None: none."""
    source_limits: LimitsByName = Field({}, alias="AGENTIC_SALES_SOURCE_LIMITS")
    """CSV of `service=calls/seconds`, `service.bucket=…` or `*=…` instead of the documented limits of sources."""
    search_order: CsvTuple = Field(("brave", "searxng", "tavily", "serper"), alias="AGENTIC_SALES_SEARCH")
    """CSV of the web searches in the order in which they are tried. One without its key or URL is passed over."""
    searxng_url: str | None = Field(None, alias="AGENTIC_SALES_SEARXNG_URL")
    """URL of a SearXNG server with the JSON format switched on. None: it is passed over."""
    dns_servers: CsvTuple = Field((), alias="AGENTIC_SALES_DNS")
    """CSV of DNS servers to ask for mail servers, as `10.0.0.53` or `[::1]:5353`. Empty: the machine's. `off`: none."""
    dkim_selectors: CsvTuple = Field((), alias="AGENTIC_SALES_DKIM_SELECTORS")
    """CSV of `domain=selector`: the DKIM keys that sign for a domain, which `doctor` examines. None: the usual ones."""
    reacher_url: str | None = Field(None, alias="AGENTIC_SALES_REACHER_URL")
    """URL of a Reacher server, which is asked whether a mailbox is there. None: it is not asked."""
    reacher_secret: SecretStr | None = Field(None, alias="AGENTIC_SALES_REACHER_SECRET")
    """Secret of the Reacher server, if it has one."""
    contact_scorer_url: str | None = Field(None, alias="AGENTIC_SALES_CONTACT_SCORER_URL")
    """URL of a service that rates contacts by `POST /score` in place of the rules. None: the rules do."""
    contact_scorer_key: SecretStr | None = Field(None, alias="AGENTIC_SALES_CONTACT_SCORER_KEY")
    """Key of that service, if it has one."""
    github_url: str = Field("https://api.github.com", alias="AGENTIC_SALES_GITHUB_URL")
    """URL of GitHub's API; an enterprise server's ends in `/api/v3`."""
    ashby_url: str = Field("https://api.ashbyhq.com", alias="AGENTIC_SALES_ASHBY_URL")
    """URL of Ashby's job boards."""
    greenhouse_url: str = Field("https://boards-api.greenhouse.io", alias="AGENTIC_SALES_GREENHOUSE_URL")
    """URL of Greenhouse's job boards."""
    lever_url: str = Field("https://api.lever.co", alias="AGENTIC_SALES_LEVER_URL")
    """URL of Lever's job boards."""
    lever_eu_url: str = Field("https://api.eu.lever.co", alias="AGENTIC_SALES_LEVER_EU_URL")
    """URL of Lever's job boards in the EU."""
    brave_url: str = Field("https://api.search.brave.com", alias="AGENTIC_SALES_BRAVE_URL")
    """URL of Brave's web search."""
    tavily_url: str = Field("https://api.tavily.com", alias="AGENTIC_SALES_TAVILY_URL")
    """URL of Tavily's web search."""
    serper_url: str = Field("https://google.serper.dev", alias="AGENTIC_SALES_SERPER_URL")
    """URL of Serper's web search."""
    youtube_url: str = Field("https://youtube.googleapis.com", alias="AGENTIC_SALES_YOUTUBE_URL")
    """URL of YouTube's Data API."""
    youtube_feeds_url: str = Field("https://www.youtube.com", alias="AGENTIC_SALES_YOUTUBE_FEEDS_URL")
    """URL of the feeds of YouTube's channels."""
    openalex_url: str = Field("https://api.openalex.org", alias="AGENTIC_SALES_OPENALEX_URL")
    """URL of OpenAlex."""
    crossref_url: str = Field("https://api.crossref.org", alias="AGENTIC_SALES_CROSSREF_URL")
    """URL of Crossref."""
    semantic_scholar_url: str = Field("https://api.semanticscholar.org", alias="AGENTIC_SALES_SEMANTIC_SCHOLAR_URL")
    """URL of Semantic Scholar."""
    arxiv_url: str = Field("https://export.arxiv.org", alias="AGENTIC_SALES_ARXIV_URL")
    """URL of arXiv's API."""
    orcid_url: str = Field("https://pub.orcid.org", alias="AGENTIC_SALES_ORCID_URL")
    """URL of ORCID's public API."""
    common_crawl_url: str = Field("https://index.commoncrawl.org", alias="AGENTIC_SALES_COMMON_CRAWL_URL")
    """URL of Common Crawl's index."""
    common_crawl_data_url: str = Field("https://data.commoncrawl.org", alias="AGENTIC_SALES_COMMON_CRAWL_DATA_URL")
    """URL of Common Crawl's archive."""
    hugging_face_url: str = Field("https://huggingface.co", alias="AGENTIC_SALES_HUGGING_FACE_URL")
    """URL of Hugging Face's API."""
    gleif_url: str = Field("https://api.gleif.org", alias="AGENTIC_SALES_GLEIF_URL")
    """URL of GLEIF's register of legal entities."""
    wikidata_url: str = Field("https://www.wikidata.org", alias="AGENTIC_SALES_WIKIDATA_URL")
    """URL of Wikidata's API."""
    wikidata_query_url: str = Field("https://query.wikidata.org", alias="AGENTIC_SALES_WIKIDATA_QUERY_URL")
    """URL of Wikidata's query service."""
    github_token: SecretStr | None = Field(None, alias="GITHUB_TOKEN")
    """Token of GitHub. None: 60 calls an hour, no code search."""
    brave_api_key: SecretStr | None = Field(None, alias="BRAVE_API_KEY")
    """Key of Brave's web search. None: it is passed over."""
    tavily_api_key: SecretStr | None = Field(None, alias="TAVILY_API_KEY")
    """Key of Tavily's web search. None: it is passed over."""
    serper_api_key: SecretStr | None = Field(None, alias="SERPER_API_KEY")
    """Key of Serper's web search. None: it is passed over."""
    youtube_api_key: SecretStr | None = Field(None, alias="YOUTUBE_API_KEY")
    """Key of YouTube's Data API. None: only the feeds are read."""
    openalex_api_key: SecretStr | None = Field(None, alias="OPENALEX_API_KEY")
    """Key of OpenAlex. None: a tenth of the daily credits."""
    semantic_scholar_api_key: SecretStr | None = Field(None, alias="SEMANTIC_SCHOLAR_API_KEY")
    """Key of Semantic Scholar. None: the pool that all share."""
    hugging_face_token: SecretStr | None = Field(None, alias="HF_TOKEN")
    """Token of Hugging Face. None: half of the calls."""

    mail: str = Field("maildir", alias="AGENTIC_SALES_MAIL")
    """Way that mail takes: `maildir` (stays in the state directory), `smtp(s)://user@host:port` or `resend`."""
    mail_password: SecretStr | None = Field(None, alias="AGENTIC_SALES_MAIL_PASSWORD")
    """Password of the user at the SMTP server. None: no login."""
    public_url: str | None = Field(None, alias="AGENTIC_SALES_PUBLIC_URL")
    """https:// URL at which recipients reach the facade, to unsubscribe. None: `LANGGRAPH_URL`, for a maildir only."""
    campaign_tick_s: float = Field(5.0, ge=0.1, alias="AGENTIC_SALES_CAMPAIGN_TICK_S")
    """Seconds between two ticks of the campaigns. Each visits all people that are due."""
    boards_every_s: float | None = Field(None, ge=1.0, alias="AGENTIC_SALES_BOARDS_EVERY_S")
    """Seconds between two readings of all known job boards and searches for new ones; 86400 is nightly. None: never."""
    board_keywords: CsvTuple = Field((), alias="AGENTIC_SALES_BOARD_KEYWORDS")
    """CSV of words of the openings by which new job boards are searched. None: any opening."""
    freshness_every_s: float | None = Field(None, ge=1.0, alias="AGENTIC_SALES_FRESHNESS_EVERY_S")
    """Seconds between two looks whether the site of each product has changed; 86400 is nightly. None: never."""
    virtual_clock: Path | None = Field(None, alias="AGENTIC_SALES_VIRTUAL_CLOCK")
    """File with an ISO 8601 moment as the campaigns' present, for rehearsals with local mail. None: no file."""
    unsubscribe_secret: SecretStr | None = Field(None, alias="AGENTIC_SALES_UNSUBSCRIBE_SECRET")
    """CSV of keys of unsubscribe links: the first signs, all are believed. None: one is made, for a maildir only."""
    resend_api_key: SecretStr | None = Field(None, alias="RESEND_API_KEY")
    """Key of Resend's API, for `AGENTIC_SALES_MAIL=resend`."""
    resend_url: str = Field("https://api.resend.com", alias="AGENTIC_SALES_RESEND_URL")
    """URL of Resend's API."""
    microsoft_client_id: str | None = Field(None, alias="AGENTIC_SALES_MICROSOFT_CLIENT_ID")
    """Id of the application by which mailboxes log in at Microsoft 365. None: none can."""
    microsoft_authority: str = Field(
        "https://login.microsoftonline.com/common", alias="AGENTIC_SALES_MICROSOFT_AUTHORITY"
    )
    """URL of Microsoft's login with the tenant."""
    google_client_id: str | None = Field(None, alias="AGENTIC_SALES_GOOGLE_CLIENT_ID")
    """Id of the application by which mailboxes log in at Google by a device code. None: by a service account alone."""
    google_client_secret: SecretStr | None = Field(None, alias="AGENTIC_SALES_GOOGLE_CLIENT_SECRET")
    """Secret of that application."""
    google_oauth_url: str = Field("https://oauth2.googleapis.com", alias="AGENTIC_SALES_GOOGLE_OAUTH_URL")
    """URL of Google's login."""
    imap: SecretStr | None = Field(None, alias="AGENTIC_SALES_IMAP")
    """Inboxes that replies are read from: `mailbox=imaps://user:password@host:993`, separated by `;`. None: none."""
    calendars: SecretStr | None = Field(None, alias="AGENTIC_SALES_CALENDARS")
    """Calendars that answers offer free times of, by `;`: `mailbox=file`, `=URL` or `=caldav+URL env:NAME`."""
    resend_webhook_secret: SecretStr | None = Field(None, alias="RESEND_WEBHOOK_SECRET")
    """CSV of signing secrets (`whsec_…`) of Resend's webhooks; each is believed. None: every event is refused."""

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", alias="AGENTIC_SALES_LOG_LEVEL")
    """Least severe log event that is written."""
    log_format: Literal["auto", "json", "text"] = Field("auto", alias="AGENTIC_SALES_LOG_FORMAT")
    """Form of the log: JSON, text for people, or `auto`: text on a terminal, else JSON."""
    otlp_endpoint: str | None = Field(None, alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """OpenTelemetry collector. None: OpenTelemetry is off."""
    otel_service_name: str = Field("agentic-sales", alias="OTEL_SERVICE_NAME")
    """Name of this service in OpenTelemetry."""
    langsmith_tracing: bool = Field(False, alias="LANGSMITH_TRACING")
    """Send run trees to LangSmith."""
    langsmith_endpoint: str = Field("https://api.smith.langchain.com", alias="LANGSMITH_ENDPOINT")
    """URL of LangSmith's API."""
    langsmith_api_key: SecretStr | None = Field(None, alias="LANGSMITH_API_KEY")
    """Key of LangSmith. None: a server of your own that asks for none."""
    langsmith_project: str = Field("default", alias="LANGSMITH_PROJECT")
    """LangSmith's project of every pool that has none of its own."""
    langsmith_projects: ByPool = Field({}, alias="<POOL>_LANGSMITH_PROJECT")
    """LangSmith's project of a pool that does not use `LANGSMITH_PROJECT`."""
    trace_sample: Shares = Field({}, alias="AGENTIC_SALES_TRACE_SAMPLE")
    """Share of the traces that are kept, by the assistant that starts them: CSV of `id=0.05`, `*=…` for all others."""
    trace_payloads: CsvTuple = Field((), alias="AGENTIC_SALES_TRACE_PAYLOADS")
    """CSV of the assistants with redacted inputs and outputs on traces. Those of all others are hidden."""
    trace_model_baggage: bool = Field(False, alias="AGENTIC_SALES_TRACE_MODEL_BAGGAGE")
    """Model servers get `baggage` and `langsmith-trace` too, not `traceparent` alone; for a gateway of your own."""

    metrics_token: SecretStr | None = Field(None, alias="AGENTIC_SALES_METRICS_TOKEN")
    """Bearer token that opens the facade's `/metrics` and nothing else. None: only the facade's own token does."""
    metrics_host: str = Field("127.0.0.1", alias="AGENTIC_SALES_METRICS_HOST")
    """Address on which each worker serves its own `/metrics`, without a key."""
    metrics_port: int | None = Field(None, ge=1, le=65_520, alias="AGENTIC_SALES_METRICS_PORT")
    """TCP port of a worker's `/metrics`; each worker of a host takes the first free one of 16. None: off."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: Source,
        env_settings: Source,
        *others: Source,
        **more: Source,
    ) -> tuple[Source, ...]:
        """Read the environment with the pools' settings. No file is read.

        A variable is read under its alias alone. The name of a field, such as `LOG_LEVEL`, is a variable of others.
        """
        del others, more
        env_settings.config = {**env_settings.config, "populate_by_name": False}
        return init_settings, env_settings, _PoolEnvironment(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _gather_pools(cls, values: dict[str, object]) -> dict[str, object]:
        """Put the settings of each pool under the pool's prefix."""
        gathered = dict(values)
        for suffix in _POOL_SUFFIXES:
            told = {name.removesuffix(suffix): value for name, value in values.items() if _is_of_pool(name, suffix)}
            gathered |= {f"<POOL>{suffix}": told} if told else {}
        return gathered

    @field_validator(
        *(
            "cors_origins",
            "extra_registries",
            "extra_flows",
            "allow_private_hosts",
            "budgets",
            "model_prices",
            "trace_payloads",
        ),
        *("search_order", "dns_servers", "dkim_selectors", "board_keywords", "run_models"),
        mode="before",
    )
    @classmethod
    def _split_csv(cls, value: object) -> object:
        return tuple(entry.strip() for entry in value.split(",") if entry.strip()) if isinstance(value, str) else value

    @field_validator("dns_servers")
    @classmethod
    def _check_dns_servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        for server in servers if servers != ("off",) else ():
            address_of_server(server)
        return servers

    @field_validator("dkim_selectors")
    @classmethod
    def _check_selectors(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        for entry in entries:
            domain, _, selector = entry.partition("=")
            if not (domain.strip() and selector.strip()):
                raise ValueError(f"`{entry}` is not a domain, `=` and the selector of its key")
        return entries

    @field_validator("trace_sample", mode="before")
    @classmethod
    def _split_shares(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return dict(_share(entry.strip()) for entry in value.split(",") if entry.strip())

    @field_validator("source_limits", mode="before")
    @classmethod
    def _split_limits(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return dict(_limit(entry.strip()) for entry in value.split(",") if entry.strip())

    @field_validator("search_order")
    @classmethod
    def _known_searches(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(value) - _SEARCHES):
            raise ValueError(f"`{unknown[0]}` is no web search; there are {', '.join(sorted(_SEARCHES))}")
        return value

    @field_validator("auth_token", "metrics_token", *_SOURCE_KEYS)
    @classmethod
    def _can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        """Take the line break off a key that came from a file, and refuse a key that no header can carry."""
        key = None if value is None else value.get_secret_value().strip()
        if key is not None and not (key.isascii() and key.isprintable()):
            raise ValueError("a key has printable ASCII characters alone, in one line; else no caller could send it")
        return None if key is None else SecretStr(key)

    @field_validator("webhook_secret")
    @classmethod
    def _can_sign(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            Webhook(value.get_secret_value())
        return value

    @field_validator("resend_webhook_secret")
    @classmethod
    def _can_verify(cls, value: SecretStr | None) -> SecretStr | None:
        for secret in secrets_of(value):
            Webhook(secret)
        return value

    @field_validator(
        *("auth_token", "flower_basic_auth", "metrics_token", "webhook_secret"),
        *("resend_webhook_secret", "unsubscribe_secret"),
        *_SOURCE_KEYS,
        mode="before",
    )
    @classmethod
    def _blank_is_no_token(cls, value: object) -> object:
        """Compose files set a variable to nothing where there is none; such a key would keep nobody out."""
        return None if isinstance(value, str) and not value.replace(",", " ").strip() else value

    @property
    def is_traced(self) -> bool:
        """Tell whether anything records traces."""
        return bool(self.otlp_endpoint) or self.langsmith_tracing

    @property
    def job_intervals_s(self) -> Mapping[str, float]:
        """Interval of each job of beat in seconds. A job that is off is left out."""
        return intervals_s(
            tick_s=self.campaign_tick_s, boards_s=self.boards_every_s, freshness_s=self.freshness_every_s
        )

    def selectors_of(self, domain: str) -> tuple[str, ...]:
        """Return the selectors of the DKIM keys of a domain. Empty if none is told."""
        told = (entry.partition("=") for entry in self.dkim_selectors)
        return tuple(selector.strip() for of, _, selector in told if of.strip().lower() == domain)

    @property
    def broker_url(self) -> str:
        """URL of the message broker, in kombu's spelling."""
        return self.celery_broker_url or self.redis_url.replace("unix://", "redis+socket://", 1)

    @property
    def routing_env(self) -> dict[str, str]:
        """The routing overrides that are set, under their environment names."""
        return {
            **{f"{prefix}{QUEUE_SUFFIX}": queue for prefix, queue in self.worker_queues.items()},
            **{f"{prefix}{ASSISTANTS_SUFFIX}": csv for prefix, csv in self.worker_assistants.items()},
        }


def _share(entry: str) -> tuple[str, float]:
    """Read `name=share`; a `ValueError` names an entry that is none."""
    name, _, share = entry.partition("=")
    try:
        ratio = float(share)
    except ValueError:
        ratio = -1.0
    if not name.strip() or not 0.0 <= ratio <= 1.0:
        raise ValueError(f"`{entry}` is not a name, `=` and a share from 0 to 1")
    return name.strip(), ratio


def _limit(entry: str) -> tuple[str, tuple[int, float]]:
    """Read `name=calls/seconds`; a `ValueError` names an entry that is none."""
    name, _, limit = entry.partition("=")
    calls, _, seconds = limit.partition("/")
    try:
        read = int(calls), float(seconds)
    except ValueError:
        read = 0, 0.0
    if not name.strip() or read[0] < 1 or not 0 < read[1] <= _LONGEST_SPAN_S:
        raise ValueError(f"`{entry}` is not `service=calls/seconds` with 1 call or more, in up to {_LONGEST_SPAN_S} s")
    return name.strip(), read


def address_of_server(text: str) -> tuple[str, int]:
    """Read the IP address and port of a DNS server; a `ValueError` names a text that is none."""
    host, colon, port = text.rpartition(":")
    is_bare = not colon or (":" in host and not host.endswith("]"))  # An IPv6 address without a port.
    try:
        told = str(ip_address((text if is_bare else host).strip("[]"))), _DNS_PORT if is_bare else int(port)
    except ValueError:
        told = "", 0
    if not 0 < told[1] <= _LARGEST_PORT:
        raise ValueError(f"`{text}` is no DNS server; write its IP address, and its port if it is not {_DNS_PORT}")
    return told


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's configuration, read once.

    Raises:
        ConfigurationError: A variable has a value that it cannot have; all of them are named, and secrets not shown.
    """
    try:
        return Settings()
    except ValidationError as exc:
        secret = {field.alias for field in Settings.model_fields.values() if SecretStr in get_args(field.annotation)}
        shown = (("…" if e["loc"][0] in secret else repr(e["input"]), e) for e in exc.errors())
        problems = "; ".join(f"{e['loc'][0]}={value}: {e['msg']}" for value, e in shown)
        raise ConfigurationError(f"the environment is wrong: {problems}") from exc


def environment_secret(name: str) -> str:
    """Return a secret that a mailbox names by its variable. Empty if it is not set."""
    return os.environ.get(name, "").strip()  # noqa: TID251 - this is the one module that reads it


def child_environment(overrides: Mapping[str, str | None]) -> dict[str, str]:
    """Return the environment of a child process: this one's with `overrides`, and this interpreter's commands on PATH.

    Args:
        overrides: Names to values; None removes the name.
    """
    merged = {**os.environ, **overrides}  # noqa: TID251 - this is the one module that reads it
    environment = {name: value for name, value in merged.items() if value is not None}
    commands = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join(part for part in (commands, environment.get("PATH", "")) if part)
    return environment
