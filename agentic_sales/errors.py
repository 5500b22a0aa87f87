"""Name the possible failures, so that retry, HTTP status and metrics follow from a class.

    AgenticSalesError                 code: stable snake_case (metric label, API field, log key)
    ├── RequestError                  the caller is wrong; never retried
    │   ├── UnknownAssistant          no registry row has this id
    │   ├── UnknownFlow               no table of flows has this id
    │   ├── UnknownRun                the ledger does not have this run, or no longer
    │   ├── UnknownThread             there is no thread of this id
    │   ├── ThreadExists              a thread of this id was made before
    │   ├── ThreadBusy                a run is at work on the thread, or too many wait for it
    │   ├── ThreadOfAnother           the thread holds the state of another assistant
    │   ├── RunNotEnded               only a run that has ended can be removed
    │   ├── RunNotDead                only a run of the dead list can be retried or discarded
    │   ├── NotTraced                 feedback on a run that LangSmith does not have
    │   ├── IdempotencyConflict       an Idempotency-Key was used for another request
    │   ├── DocumentUnreadable        a file for the documents has no text that can be read
    │   ├── InvalidRequest            the request is not one (not JSON, a field of the wrong type)
    │   ├── InvalidInput              the input does not fit the assistant's schema
    │   ├── InvalidUpdate             the graph does not take this update of its state
    │   ├── NotResumable              the assistant keeps no state that could be asked for or continued
    │   ├── NothingToResume           the thread waits at no interrupt, or not at the one named
    │   ├── UnknownCheckpoint         the thread has no such checkpoint
    │   ├── UnknownRecord             the store does not have this row
    │   ├── SiteUnknown               the book knows no web site of this company
    │   ├── StateConflict             the row is in another state than this needs, or somebody was faster
    │   ├── InvalidAddress            this is no e-mail address that mail can be sent to
    │   ├── InvalidMessage            no mail can be made of this
    │   ├── NotPermitted              this person must not be written to
    │   ├── ModelNotAllowed           a run names a model that runs of this fleet may not name
    │   ├── BadSignature              an event lacks the signature of its sender
    │   └── SubRunRefused             a graph asked for a sub-run that could deadlock the fleet
    ├── TransientError                the world is busy; retrying later can help
    │   ├── PoolUnavailable           no live worker consumes the queue
    │   ├── QueueFull                 as many runs wait for the pool as may wait
    │   ├── TooManyReaders            as many streams are read as this process serves
    │   ├── BrokerUnavailable         Redis or the broker cannot be reached
    │   ├── StateUnavailable          the database of the threads' state does not answer
    │   ├── GraphUnavailable          the worker could not import or build the graph
    │   ├── ProviderUnavailable       a model or an outside service does not answer
    │   ├── LoginRefused              a mailbox cannot log in, until somebody mends its login
    │   ├── RateLimited               an outside service asked for a pause
    │   └── QuotaSpent                the quota of an outside service per day or plan is used up
    └── PermanentError                this run cannot succeed; it fails once
        ├── RunTimeout                the run went over its row's time limit
        ├── LoopBlocked               the run kept its child's other runs from going on
        ├── WaitTimeout               the caller waited too long; the run goes on
        ├── ClaimLost                 another worker holds the run by now
        ├── EffectExceeded            a graph does more than the effect of its row allows
        ├── ResultTooLarge            a run left more than may be kept
        ├── Misrouted                 a run reached a pool that the contract does not give it
        ├── BudgetExceeded            a budget for models is used up
        ├── ModelNotConfigured        a model is needed and none is configured
        ├── ModelMisconfigured        a model is configured and cannot work as it is: package, key or name
        ├── ModelRefused              the model's answer does not fit, also after the repair
        ├── FetchRefused              the fetcher may not, or will not, read this address
        ├── NotFound                  an outside service says that it does not have this
        ├── Blocked                   an outside service has it and does not hand it out
        ├── BadQuery                  an outside service does not take this question
        ├── CredentialMissing         an outside service needs a key and none is set
        ├── CredentialRefused         an outside service does not take the key
        ├── AnswerChanged             the answer of an outside service has another form than its client reads
        ├── StateUnreadable           a thread's state does not fit its graph, which was changed since
        ├── PlanUnreadable            a campaign's plan does not fit this release
        ├── QuestionFailed            the database did not answer a statement about the book
        ├── RunFailed                 a run ended with a failure that its worker recorded
        └── PromptMismatch            a prompt and the values given to it disagree
    ConfigurationError                outside the tree: the process must not start
    └── ExtraMissing                  a setting needs an extra of this package that is not installed

The three branches are the retry policy; nothing else decides. Bugs are not in the tree: they propagate, and the
task records them with the code `bug`. Exceptions know nothing of HTTP (the facade has one table) and never
cross the broker (the task converts them to a `RunFailure`).
"""

from collections.abc import Iterable

__all__ = [
    "AgenticSalesError",
    "AnswerChanged",
    "BadQuery",
    "BadSignature",
    "Blocked",
    "BrokerUnavailable",
    "BudgetExceeded",
    "ClaimLost",
    "ConfigurationError",
    "CredentialMissing",
    "CredentialRefused",
    "DocumentUnreadable",
    "EffectExceeded",
    "ExtraMissing",
    "FetchRefused",
    "GraphUnavailable",
    "IdempotencyConflict",
    "InvalidAddress",
    "InvalidInput",
    "InvalidMessage",
    "InvalidRequest",
    "InvalidUpdate",
    "LoginRefused",
    "LoopBlocked",
    "Misrouted",
    "ModelMisconfigured",
    "ModelNotAllowed",
    "ModelNotConfigured",
    "ModelRefused",
    "NotFound",
    "NotPermitted",
    "NotResumable",
    "NotTraced",
    "NothingToResume",
    "PermanentError",
    "PlanUnreadable",
    "PoolUnavailable",
    "PromptMismatch",
    "ProviderUnavailable",
    "QuestionFailed",
    "QueueFull",
    "QuotaSpent",
    "RateLimited",
    "RequestError",
    "ResultTooLarge",
    "RunFailed",
    "RunNotDead",
    "RunNotEnded",
    "RunTimeout",
    "SiteUnknown",
    "StateConflict",
    "StateUnavailable",
    "StateUnreadable",
    "SubRunRefused",
    "ThreadBusy",
    "ThreadExists",
    "ThreadOfAnother",
    "TooManyReaders",
    "TransientError",
    "UnknownAssistant",
    "UnknownCheckpoint",
    "UnknownFlow",
    "UnknownRecord",
    "UnknownRun",
    "UnknownThread",
    "WaitTimeout",
]


class ConfigurationError(Exception):
    """Raised when the deployment is wrong: the process must not start."""


class ExtraMissing(ConfigurationError):
    """Raised when a setting asks for packages that are an extra of this one and not installed."""

    def __init__(self, setting: str, what: str, extra: str) -> None:
        super().__init__(
            f"{setting} names {what}, but its packages are not installed; run `pip install 'agentic-sales[{extra}]'`"
        )


class AgenticSalesError(Exception):
    """Base of everything that this product raises on purpose."""

    code: str = "error"
    is_retryable: bool = False
    """Whether the same request can succeed later."""


class RequestError(AgenticSalesError):
    """Raised when the caller is wrong; trying again cannot help."""

    code = "invalid_request"


class TransientError(AgenticSalesError):
    """Raised when the world is busy; the same request can succeed later."""

    code = "unavailable"
    is_retryable = True
    retry_after_s: float | None = None
    """Seconds to wait before the next try; None: unknown."""


class PermanentError(AgenticSalesError):
    """Raised when this run cannot succeed."""

    code = "failed"


class UnknownAssistant(RequestError):
    """Raised when no registry row has the id."""

    code = "unknown_assistant"

    def __init__(self, assistant_id: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown assistant `{assistant_id}`; this fleet has {', '.join(sorted(known))}")


class UnknownFlow(RequestError):
    """Raised when no table of flows has the id."""

    code = "unknown_flow"

    def __init__(self, flow_id: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown flow `{flow_id}`; this fleet has {', '.join(known)}")


class UnknownRun(RequestError):
    """Raised when the ledger does not have a run, or has expired it."""

    code = "unknown_run"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"unknown run `{run_id}`; it never was, or its record has expired")


class UnknownThread(RequestError):
    """Raised when there is no thread of an id."""

    code = "unknown_thread"

    def __init__(self, thread_id: str) -> None:
        super().__init__(
            f"unknown thread `{thread_id}`; make it by POST /threads, or send `if_not_exists: create` with the run"
        )


class ThreadExists(RequestError):
    """Raised when a thread is to be made under an id that has one."""

    code = "thread_exists"

    def __init__(self, thread_id: str) -> None:
        super().__init__(f"there is a thread `{thread_id}`; send `if_exists: do_nothing` to get it instead")


class ThreadBusy(RequestError):
    """Raised when a thread cannot take a run, or be changed, because of the runs that it has."""

    code = "thread_busy"

    def __init__(self, thread_id: str, reason: str) -> None:
        super().__init__(f"thread `{thread_id}` is busy: {reason}; wait for it, or cancel it")


class ThreadOfAnother(RequestError):
    """Raised when a resumable workflow is to run on a thread that holds the state of another one."""

    code = "thread_of_another"

    def __init__(self, thread_id: str, *, owner: str, asked: str) -> None:
        super().__init__(
            f"thread `{thread_id}` holds the state of `{owner}`, which `{asked}` cannot go on with; use a thread of "
            "its own for each assistant"
        )


class RunNotEnded(RequestError):
    """Raised when a run is to be removed that waits or runs."""

    code = "run_not_ended"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run `{run_id}` has not ended, so it cannot be removed; cancel it first")


class RunNotDead(RequestError):
    """Raised when a run is to be retried or discarded that is not on the dead list."""

    code = "run_not_dead"

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"run `{run_id}` is not on the dead list, so it can be neither retried nor discarded; GET /runs/dead, or "
            "`agentic-sales runs dead`, lists the runs that are"
        )


class NotTraced(RequestError):
    """Raised when feedback is given on a run that LangSmith does not have."""

    code = "not_traced"

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"LangSmith does not have run `{run_id}`: it has not ended, its trace was not kept, or LangSmith is off"
        )


class IdempotencyConflict(RequestError):
    """Raised when an `Idempotency-Key` comes back with another request."""

    code = "idempotency_conflict"

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"this Idempotency-Key belongs to run `{run_id}`, which another request started; use a new key for a new "
            "request"
        )


class DocumentUnreadable(RequestError):
    """Raised when a file that is to be added to the documents has no text that can be read."""

    code = "document_unreadable"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"`{name[:200]}` cannot be added: {reason}")


class InvalidRequest(RequestError):
    """Raised when the request itself cannot be read."""

    code = "invalid_request"


class InvalidInput(RequestError):
    """Raised when the input does not fit the assistant's schema."""

    code = "invalid_input"

    def __init__(self, assistant_id: str, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        """(JSON pointer into the input, problem there), one per problem."""
        told = "; ".join(f"{pointer or '/'}: {problem}" for pointer, problem in self.problems)
        super().__init__(f"the input does not fit `{assistant_id}`: {told}")


class InvalidUpdate(RequestError):
    """Raised when a graph does not take an update of its state."""

    code = "invalid_update"

    def __init__(self, assistant_id: str, reason: object) -> None:
        super().__init__(f"`{assistant_id}` does not take this update of its state: {reason}")


class NotResumable(RequestError):
    """Raised when durable state is asked of an assistant that keeps none."""

    code = "not_resumable"

    def __init__(self, assistant_id: str, asked: str) -> None:
        super().__init__(
            f"`{assistant_id}` is not resumable, so a run of it keeps no state for `{asked}`; its registry row says so"
        )


class NothingToResume(RequestError):
    """Raised when a run is to be resumed at an interrupt at which its thread does not wait."""

    code = "nothing_to_resume"

    def __init__(self, thread_id: str, reason: str) -> None:
        super().__init__(f"thread `{thread_id}` cannot be resumed like this: {reason}")


class UnknownCheckpoint(RequestError):
    """Raised when a thread does not have a checkpoint, or no longer."""

    code = "unknown_checkpoint"

    def __init__(self, thread_id: str, checkpoint_id: str) -> None:
        super().__init__(
            f"thread `{thread_id}` has no checkpoint `{checkpoint_id}`; it never had, or it has been pruned"
        )


class UnknownRecord(RequestError):
    """Raised when the store does not have a row."""

    code = "unknown_record"

    def __init__(self, kind: str, record_id: str) -> None:
        super().__init__(f"unknown {kind} `{record_id}`")


class SiteUnknown(RequestError):
    """Raised when a workflow needs the web site of a company, and the book does not know one."""

    code = "site_unknown"

    def __init__(self, company_id: str, name: str) -> None:
        super().__init__(f"the book knows no web site of company `{company_id}` (`{name}`); give `url`")


class StateConflict(RequestError):
    """Raised when a row is in another state than this needs, because it always was or because somebody was faster."""

    code = "state_conflict"

    def __init__(self, kind: str, record_id: str, reason: str) -> None:
        super().__init__(f"{kind} `{record_id}` cannot be changed so: {reason}")


class InvalidAddress(RequestError):
    """Raised when a text is no e-mail address that mail can be sent to."""

    code = "invalid_address"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"`{address[:100]}` is not an e-mail address: {reason}")


class InvalidMessage(RequestError):
    """Raised when no mail can be made of the given values."""

    code = "invalid_message"

    def __init__(self, header: str, reason: str) -> None:
        super().__init__(f"the message's `{header}` cannot be sent: {reason}")


class NotPermitted(RequestError):
    """Raised when a person must not be written to."""

    code = "not_permitted"

    def __init__(self, contact_id: str, reason: str) -> None:
        super().__init__(f"contact `{contact_id}` must not be written to: {reason}")


class ModelNotAllowed(RequestError):
    """Raised when a run names a model that runs of this fleet may not name."""

    code = "model_not_allowed"

    def __init__(self, model: str, allowed: Iterable[str]) -> None:
        told = ", ".join(f"`{name}`" for name in sorted(allowed)) or "no model"
        super().__init__(
            f"a run may not name the model `{model}`; this fleet allows {told}; "
            "add it to AGENTIC_SALES_RUN_MODELS of the facade"
        )


class BadSignature(RequestError):
    """Raised when an event from outside lacks the signature of its sender, or is too old."""

    code = "bad_signature"

    def __init__(self, source: str, reason: object) -> None:
        super().__init__(f"this event is not from `{source}`: {reason}")


class SubRunRefused(RequestError):
    """Raised when a graph asks for a sub-run that its pool may not wait for."""

    code = "sub_run_refused"

    def __init__(self, assistant_id: str, queue: str, *, asked_from: str) -> None:
        super().__init__(
            f"a run on the queue `{asked_from}` may not wait for `{assistant_id}` on `{queue}`: core waits for the "
            f"other pools, so they would wait for each other; give `{assistant_id}` a pool of its own"
        )


class PoolUnavailable(TransientError):
    """Raised when no live worker consumes the queue."""

    code = "pool_unavailable"
    retry_after_s = 5.0

    def __init__(self, queue: str, assistant_id: str) -> None:
        super().__init__(f"no live worker consumes the queue `{queue}`, so `{assistant_id}` cannot run now")


class QueueFull(TransientError):
    """Raised when as many runs wait for a pool as may wait."""

    code = "queue_full"
    retry_after_s = 5.0

    def __init__(self, queue: str, waiting: int) -> None:
        super().__init__(f"{waiting} runs wait on the queue `{queue}`, which is its cap; try again later")


class TooManyReaders(TransientError):
    """Raised when a process serves as many streams as it may."""

    code = "too_many_readers"
    retry_after_s = 5.0

    def __init__(self, most: int) -> None:
        super().__init__(
            f"{most} streams are being read, which is this facade's limit (AGENTIC_SALES_STREAM_READERS); try again "
            "later, or start the run in the background and join it"
        )


class BrokerUnavailable(TransientError):
    """Raised when Redis or the message broker cannot be reached."""

    code = "broker_unavailable"
    retry_after_s = 2.0

    def __init__(self, doing: str, reason: object) -> None:
        super().__init__(f"the broker cannot be reached while {doing}: {reason}")


class StateUnavailable(TransientError):
    """Raised when the database of durable state does not answer: threads, campaigns, checkpoints."""

    code = "state_unavailable"
    retry_after_s = 5.0

    def __init__(self, reason: object) -> None:
        super().__init__(f"the database cannot be used: {reason}")


class GraphUnavailable(TransientError):
    """Raised when the worker could not import or build the graph of an assistant."""

    code = "graph_unavailable"
    retry_after_s = 60.0

    def __init__(self, assistant_id: str, reason: str) -> None:
        super().__init__(f"the graph of `{assistant_id}` cannot be loaded: {reason}")


class ProviderUnavailable(TransientError):
    """Raised when a model or another outside service does not answer."""

    code = "provider_unavailable"

    def __init__(self, provider: str, reason: object) -> None:
        super().__init__(f"`{provider}` is not available: {reason}")


class LoginRefused(TransientError):
    """Raised when a mailbox cannot log in. Its mail waits until somebody has mended the login."""

    code = "login_refused"

    def __init__(self, mailbox_id: str, reason: object) -> None:
        super().__init__(f"mailbox `{mailbox_id}` cannot log in: {reason}")


class RateLimited(TransientError):
    """Raised when an outside service asked for a pause."""

    code = "rate_limited"

    def __init__(self, provider: str, retry_after_s: float | None) -> None:
        self.retry_after_s = retry_after_s
        pause = "a while" if retry_after_s is None else f"{retry_after_s:g} s"
        super().__init__(f"`{provider}` asked for a pause of {pause}")


class QuotaSpent(TransientError):
    """Raised when the allowance of an outside service is used up. It is back at a known time or with a larger plan."""

    code = "quota_spent"

    def __init__(self, service: str, what: str, retry_after_s: float | None) -> None:
        self.service, self.retry_after_s = service, retry_after_s
        again = "it does not say when there is more" if retry_after_s is None else f"back in {retry_after_s:.0f} s"
        super().__init__(f"the quota of `{service}` for {what} is used up; {again}")


class RunTimeout(PermanentError):
    """Raised when a run goes over its row's time limit."""

    code = "timeout"

    def __init__(self, assistant_id: str, time_limit_s: float) -> None:
        super().__init__(f"`{assistant_id}` was still running after its time limit of {time_limit_s:g} s")


class LoopBlocked(PermanentError):
    """Raised inside a run that computes or blocks for so long that the other runs of its child stand still."""

    code = "loop_blocked"

    def __init__(self, assistant_id: str, blocked_s: float) -> None:
        super().__init__(
            f"`{assistant_id}` kept the event loop of its child from going on for {blocked_s:.1f} s; await its "
            "slow calls, move its computation to `asyncio.to_thread`, or set `slots=1` in its registry row"
        )


class WaitTimeout(PermanentError):
    """Raised when the caller waited too long; the run itself goes on."""

    code = "wait_timeout"

    def __init__(self, assistant_id: str, run_id: str, waited_s: float) -> None:
        super().__init__(f"`{assistant_id}` has not ended after {waited_s:g} s of waiting; run `{run_id}` goes on")


class ClaimLost(PermanentError):
    """Raised in a worker that finds that another one holds its run by now."""

    code = "claim_lost"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"another worker holds run `{run_id}` by now; the work of this one does not count")


class EffectExceeded(PermanentError):
    """Raised before a graph does more than the effect of its row allows."""

    code = "effect_exceeded"

    def __init__(self, assistant_id: str, effect: str, act: str, *, needed: str) -> None:
        super().__init__(
            f'`{assistant_id}` has the effect "{effect}" and may not {act}: that needs the effect "{needed}" in its '
            "registry row"
        )


class ResultTooLarge(PermanentError):
    """Raised when a run leaves more than may be kept of it."""

    code = "result_too_large"

    def __init__(self, what: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"{what} has {size_bytes} bytes; at most {limit_bytes} are kept (AGENTIC_SALES_MAX_RESULT_BYTES). Return "
            "less, or keep large values elsewhere and return where they are"
        )


class Misrouted(PermanentError):
    """Raised when a run reaches a pool that the contract does not give it."""

    code = "misrouted"

    def __init__(self, assistant_id: str, queue: str, expected_queue: str) -> None:
        super().__init__(
            f"`{assistant_id}` reached the queue `{queue}`, but the routing contract gives it `{expected_queue}`; "
            "the sender's routing overrides differ from this worker's"
        )


class BudgetExceeded(PermanentError):
    """Raised before a model is called for which there is no money left."""

    code = "budget_exceeded"

    def __init__(self, who: str, since: str, spent_usd: float, limit_usd: float) -> None:
        super().__init__(f"{who} has spent {spent_usd:.6g} USD on models {since}; the budget is {limit_usd:.6g} USD")


class ModelNotConfigured(PermanentError):
    """Raised when a model is needed and none is configured."""

    code = "model_not_configured"

    def __init__(self, prompt: str) -> None:
        super().__init__(f"prompt `{prompt}` needs a model; set AGENTIC_SALES_MODEL, e.g. `openai:gpt-4.1-mini`")


class ModelMisconfigured(PermanentError):
    """Raised when the configured model cannot work as it is: its package, key, name or address is wrong."""

    code = "model_misconfigured"

    def __init__(self, model: str, reason: object) -> None:
        super().__init__(f"model `{model}` cannot be used as it is configured: {reason}")


class ModelRefused(PermanentError):
    """Raised when the model's answer does not fit the schema, also after the repair attempt, or it declines."""

    code = "model_refused"

    def __init__(self, prompt: str, model: str, reason: object) -> None:
        super().__init__(f"`{model}` gave no usable answer to prompt `{prompt}`: {reason}")


class FetchRefused(PermanentError):
    """Raised when the fetcher may not, or will not, read an address."""

    code = "fetch_refused"

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"will not fetch `{url}`: {reason}")


class NotFound(PermanentError):
    """Raised when an outside service answers that it does not have the requested thing."""

    code = "not_found"

    def __init__(self, service: str, what: str) -> None:
        self.service = service
        super().__init__(f"`{service}` has no {what}")


class Blocked(PermanentError):
    """Raised when an outside service refuses to hand something out."""

    code = "blocked"

    def __init__(self, service: str, what: str, reason: str) -> None:
        self.service, self.reason = service, reason
        super().__init__(f"`{service}` does not hand out {what}: {reason}")


class BadQuery(PermanentError):
    """Raised when an outside service does not take a question as it is."""

    code = "bad_query"

    def __init__(self, service: str, what: str, reason: str) -> None:
        self.service = service
        super().__init__(f"`{service}` does not take {what}: {reason}")


class CredentialMissing(PermanentError):
    """Raised when an outside service needs a key and none is set."""

    code = "credential_missing"

    def __init__(self, service: str, setting: str) -> None:
        self.service, self.setting = service, setting
        super().__init__(f"`{service}` cannot be asked: {setting} is not set")


class CredentialRefused(PermanentError):
    """Raised when an outside service does not take the configured key."""

    code = "credential_refused"

    def __init__(self, service: str, setting: str) -> None:
        self.service, self.setting = service, setting
        super().__init__(f"`{service}` does not take the key in {setting}; it is wrong, withdrawn or out of date")


class AnswerChanged(PermanentError):
    """Raised when the answer of an outside service has another form than its client reads."""

    code = "answer_changed"

    def __init__(self, service: str, what: str, problems: Iterable[tuple[str, str]]) -> None:
        self.service, self.problems = service, tuple(problems)
        told = "; ".join(f"`{field}`: {problem}" for field, problem in self.problems)
        super().__init__(f"`{service}` answered {what} in a form that its client does not know: {told}")


class StateUnreadable(PermanentError):
    """Raised when the stored state of a thread does not fit its graph, because the graph was changed since."""

    code = "state_unreadable"

    def __init__(self, assistant_id: str, problems: Iterable[tuple[str, str]]) -> None:
        told = "; ".join(f"`{field}`: {problem}" for field, problem in problems)
        super().__init__(
            f"the stored state does not fit the graph of `{assistant_id}`: {told}; deploy a graph that reads it, then "
            "let it go on"
        )


class PlanUnreadable(PermanentError):
    """Raised when the stored plan of a campaign does not fit this release."""

    code = "plan_unreadable"

    def __init__(self, campaign_id: str, problems: Iterable[tuple[str, str]]) -> None:
        told = "; ".join(f"`{field}`: {problem}" for field, problem in problems)
        super().__init__(
            f"the stored plan of campaign `{campaign_id}` does not fit this release: {told}; deploy one that reads it, "
            "then let its people go on"
        )


class QuestionFailed(PermanentError):
    """Raised when the database does not answer a statement that may be run."""

    code = "question_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the database did not answer the question: {reason}")


class RunFailed(PermanentError):
    """Raised to a waiter when the run ended with a failure that its worker recorded."""

    def __init__(self, run_id: str, code: str, message: str, *, is_retryable: bool) -> None:
        self.run_id, self.code, self.is_retryable = run_id, code, is_retryable
        super().__init__(message)


class PromptMismatch(PermanentError):
    """Raised when a prompt and the values given to it disagree."""

    code = "prompt_mismatch"

    def __init__(self, prompt: str, *, missing: Iterable[str] = (), surplus: Iterable[str] = ()) -> None:
        parts = [f"missing {', '.join(f'`{n}`' for n in sorted(missing))}" if missing else ""]
        parts.append(f"surplus {', '.join(f'`{n}`' for n in sorted(surplus))}" if surplus else "")
        super().__init__(
            f"values for prompt `{prompt}` do not fit its placeholders: {'; '.join(p for p in parts if p)}"
        )
