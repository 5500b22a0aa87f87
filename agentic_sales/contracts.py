"""Define the wire types of HTTP and the queue. Types inside a process are not here.

Nothing here does I/O. Ids are `NewType`s, so a run is never passed where a thread is meant.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, NewType

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

RunId = NewType("RunId", str)
AssistantId = NewType("AssistantId", str)
CompanyId = NewType("CompanyId", str)
ContactId = NewType("ContactId", str)
CampaignId = NewType("CampaignId", str)
MailboxId = NewType("MailboxId", str)
TouchId = NewType("TouchId", str)
ApprovalId = NewType("ApprovalId", str)
PersonId = NewType("PersonId", str)
LeadId = NewType("LeadId", str)

SubjectKind = Literal["company", "person", "product", "opening", "repository", "paper", "channel", "document"]
"""Kinds of subjects that the book knows something about."""

CampaignState = Literal["draft", "running", "paused", "stopped", "finished"]
"""State of a campaign."""
EnrollmentState = Literal["active", "finished", "stopped", "parked"]
"""State of a person in a campaign. `parked` means an error that a person must look at."""
ApprovalState = Literal["pending", "approved", "rejected", "edited", "expired", "outdated"]
"""State of a question about a message. `edited` means that another question took its place."""
TouchState = Literal["pending", "dispatching", "sent", "failed", "ambiguous", "suppressed", "deferred"]
"""State of a touch. `ambiguous`: nobody knows whether it was sent. A person or the provider's word ends that."""
StopReason = Literal["replied", "bounced", "complained", "unsubscribed", "suppressed", "stopped"]
"""Reason for sending nothing more to a person. `suppressed`: on the provider's own list. `stopped`: by hand."""
ConsentBasis = Literal["consent", "contract", "legitimate_interest"]
"""Lawful basis for writing to a person."""


class Subject(NamedTuple):
    """Something that the book knows facts about."""

    kind: SubjectKind
    """Its kind."""
    id: str
    """Its id within the kind."""

    def __str__(self) -> str:
        """Return it as `company:0199…`."""
        return f"{self.kind}:{self.id}"


RunStatus = Literal["pending", "running", "success", "error", "timeout", "interrupted"]
"""LangGraph's words for the status of a run."""
ENDED: frozenset[RunStatus] = frozenset({"success", "error", "timeout", "interrupted"})

ErrorKind = Literal["auth", "timeout", "backend", "client", "unknown"]
"""Kinds of errors by the caller's remedy, as existing callers know them."""

TRACE_HEADERS = ("traceparent", "tracestate", "baggage", "langsmith-trace")
"""The four headers that cross every hop."""


StreamMode = Literal[
    "values", "updates", "messages", "messages-tuple", "custom", "events", "debug", "tasks", "checkpoints"
]
"""LangGraph's words for the streams of a run."""

MultitaskStrategy = Literal["reject", "enqueue", "interrupt", "rollback"]
"""LangGraph's words for the fate of a run on a thread with another run at work."""


Priority = Literal["interactive", "batch"]
"""The lane of a run in its pool."""
LONGEST_DELAY_S = 604_800.0
"""Longest that a run may be held back, a week. Longer waits belong into a schedule."""


_INTERNAL_PREFIX = "__pregel_"
"""Begin of the names that LangGraph keeps for itself. Some of them change the work of a graph or break it."""


def _refuse_internal(values: dict[str, Any]) -> dict[str, Any]:
    if internal := next((name for name in values if name.startswith(_INTERNAL_PREFIX)), None):
        raise PydanticCustomError("internal_name", "`{name}` is LangGraph's own and cannot be set", {"name": internal})
    return values


Writable = Annotated[dict[str, Any], AfterValidator(_refuse_internal)]
"""An object whose names a caller may choose, but for LangGraph's own."""


class Checkpoint(BaseModel):
    """The chosen state of a thread, in LangGraph's words."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    checkpoint_id: str | None = Field(default=None, description="Id of the state; none: the latest.")
    checkpoint_ns: str = Field(default="", description="Subgraph that it is of. Empty: the graph itself.")
    checkpoint_map: dict[str, str] | None = Field(default=None, description="Ids of the states of the graphs around.")


class Configurable(BaseModel):
    """Values that graphs and LangGraph read from a run's config. Further names are the graph's own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    thread_id: str | None = None
    """Ignored, because the path names the thread of a run."""
    checkpoint_id: str | None = None
    """Id of the older state to start from."""
    checkpoint_ns: str | None = None
    """Ignored, because a run is one of the graph itself."""
    checkpoint_map: dict[str, str] | None = None
    """Ids of the states of the graphs around."""

    @model_validator(mode="after")
    def _leave_internal_names(self) -> "Configurable":
        _refuse_internal(self.model_extra or {})
        return self


class RunConfig(BaseModel):
    """LangGraph's config of a run, as far as a caller sets it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    tags: list[str] | None = Field(default=None, description="Put on its trace.")
    metadata: dict[str, Any] | None = Field(default=None, description="As the request's own `metadata`.")
    recursion_limit: int | None = Field(default=None, ge=1, le=1_000_000, description="Most steps of the graph.")
    max_concurrency: int | None = Field(default=None, ge=1, le=10_000, description="Most nodes of it at a time.")
    configurable: Configurable | None = Field(default=None, description="Values that its nodes read.")


class SendTo(BaseModel):
    """A node to go to and its input."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    node: str
    """Its name."""
    input: Any = None
    """Its input in place of the state."""


class RunCommand(BaseModel):
    """A run's work on a thread in place of an input."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    resume: Any = Field(default=None, description="Answer to an interrupt; an object of ids and answers to several.")
    goto: str | SendTo | list[str | SendTo] | None = Field(default=None, description="Nodes to go on with.")
    update: Writable | list[tuple[str, Any]] | None = Field(default=None, description="Written into the state first.")

    @model_validator(mode="after")
    def _do_something(self) -> "RunCommand":
        if self.resume is None and self.goto is None and self.update is None:
            raise PydanticCustomError("empty_command", "give `resume`, `goto` or `update`")
        return self


class RunRequest(BaseModel):
    """Body of every request that starts a run. Unknown fields are ignored, as the LangGraph SDKs expect."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    assistant_id: str = Field(description="Name of the workflow, or the UUID that LangGraph derives from it.")
    input: dict[str, Any] | None = Field(
        default=None, description="Input of the graph; its schema is at /assistants/{id}/schemas."
    )
    config: RunConfig | None = Field(
        default=None, description="LangGraph config: `recursion_limit`, `tags`, `configurable`."
    )
    metadata: dict[str, Any] | None = Field(
        default=None, description="Free-form; kept with the run and put on its trace."
    )
    context: dict[str, Any] | None = Field(default=None, description="LangGraph runtime context of the run.")
    stream_mode: StreamMode | list[StreamMode] = Field(
        default="values", description="Modes of the stream, if the run is streamed at all."
    )
    stream_subgraphs: bool = Field(default=False, description="Stream the frames of subgraphs too.")
    priority: Priority = Field(
        default="interactive",
        description="`batch`: the run takes only the capacity that interactive runs of its pool leave.",
    )
    after_seconds: float = Field(
        default=0.0,
        ge=0,
        le=LONGEST_DELAY_S,
        description="Hold the run back for so long; it can be cancelled meanwhile.",
    )
    webhook: str | None = Field(
        default=None, max_length=2048, description="URL that is told of the run's end, signed as Standard Webhooks say."
    )
    on_disconnect: Literal["cancel", "continue"] = Field(
        default="continue",
        description="Whether the run is cancelled or continues after the caller has left before the answer.",
    )
    command: RunCommand | None = Field(
        default=None,
        description="On a thread, in place of an input: `resume` answers an interrupt; `goto` and `update` move on.",
    )
    checkpoint: Checkpoint | None = Field(default=None, description="Older state of the thread to start from.")
    checkpoint_id: str | None = Field(default=None, description="Id of the older state to start from.")
    interrupt_before: Literal["*"] | list[str] | None = Field(
        default=None, description="Nodes before which a resumable graph waits; `*`: each."
    )
    interrupt_after: Literal["*"] | list[str] | None = Field(
        default=None, description="Nodes after which a resumable graph waits; `*`: each."
    )
    multitask_strategy: MultitaskStrategy = Field(
        default="enqueue",
        description="For a thread with a run at work. `reject`: this run is refused (409). `enqueue`: it waits for the "
        "others. `interrupt`: the others end and their results stay. `rollback`: the others end and their "
        "results are undone.",
    )
    if_not_exists: Literal["create", "reject"] = Field(
        default="reject", description="For a thread that does not exist: create it, or refuse the run."
    )
    on_completion: Literal["delete", "keep"] = Field(
        default="delete", description="Whether the state of a run without a thread is deleted or kept at its end."
    )
    durability: Literal["sync", "async", "exit"] | None = Field(
        default=None, description="Accepted; the state of a resumable graph is always kept step by step (`sync`)."
    )

    @property
    def stream_modes(self) -> tuple[StreamMode, ...]:
        """Return the stream modes, each once, in the order given. React's `useStream` sends none for the default."""
        modes = self.stream_mode if isinstance(self.stream_mode, list) else [self.stream_mode]
        return tuple(dict.fromkeys(modes)) or ("values",)


class FeedbackRequest(BaseModel):
    """Body of a request that rates a run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(
        pattern=r"^[\w.:-]{1,100}$", description="Subject of the rating, such as `user_score`: letters, digits, `_.:-`."
    )
    score: bool | float = Field(
        ge=-99_999.0, le=99_999.0, description="How good it was: a number, or true and false for 1 and 0."
    )
    comment: str | None = Field(default=None, max_length=10_000, description="In words; kept redacted.")


LONGEST_TEXT_CHARS = 4_000
"""Kept characters of a text from a stranger's code, such as the message of an exception."""


def plain_text(value: object, write: Callable[[object], str] = str) -> str:
    """Return the text of an object as every database and JSON reader takes it, and never raise.

    The text is bounded and stays as it is when it is passed again. NUL and half surrogate pairs are escaped. An
    object that fails to make its text is told by its class.
    """
    try:
        text = write(value)
    except BaseException as exc:  # noqa: BLE001 - a stranger's class may raise anything here, an exit too
        text = f"a {type(value).__name__} whose text raises {type(exc).__name__}"
    kept = text[: LONGEST_TEXT_CHARS + 1].encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")
    if len(kept) <= LONGEST_TEXT_CHARS:
        return kept
    end = " … (shortened)"
    return kept[: LONGEST_TEXT_CHARS - len(end)] + end


PlainText = Annotated[str, BeforeValidator(plain_text)]
"""Text of any author that cannot fail to be recorded."""


class RunFailure(BaseModel):
    """The reason of a failed run in a form that crosses the queue. Exceptions do not."""

    model_config = ConfigDict(frozen=True)

    code: PlainText
    """Stable snake_case code of the error as in `errors`. Anything unexpected has `bug`."""
    message: PlainText
    """A sentence for people."""
    is_retryable: bool
    """True when the same request can succeed later."""
    error: PlainText
    """Class name of the exception, as LangGraph's `__error__.error` has it."""


class ErrorBody(BaseModel):
    """Body of every answer that is not a success."""

    detail: str
    """A sentence for people that names the thing, the value and the cure."""
    code: str
    """Stable snake_case code for programs."""
    kind: ErrorKind
    """Kind of the error by the caller's remedy."""
    run_id: str | None = None
    """The run of the error, if there is one."""


def error_kind(status: int) -> ErrorKind:
    """Sort an HTTP status into the kinds that callers know."""
    if status in {401, 403}:
        return "auth"
    if status in {408, 504}:
        return "timeout"
    if status >= 500:
        return "backend"
    if 400 <= status < 500:
        return "client"
    return "unknown"
