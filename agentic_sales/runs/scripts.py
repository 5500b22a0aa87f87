"""Load the Lua scripts of the ledger. Each is one atomic step in the life of a run and one file of `lua/`, by its act.

Times are the server's own (`TIME`) in epoch seconds. So the clocks of two machines are never compared. A run is one
hash. `attempt` is its fence. A finish must name the attempt that claimed the run. A run that waits for a worker stands
in `agentic:pending:<queue>`. A run that a worker holds stands in `agentic:running`. Its score is the end of its lease.
A run whose workers died too often stands in `agentic:dead`. Each step counts its own effects (`observability.metrics`).
Runs of one thread take turns in the same steps (`lua/parts/turns.lua`).

The head of a file says what the step does, what it returns and what `KEYS` and `ARGV` are. Its line `-- parts:` names
the files of `lua/parts/` that stand before it, because Redis gives a script no way to include another.
"""

import re
from importlib.resources import files

from agentic_sales.observability import metrics

_LUA = files("agentic_sales.runs").joinpath("lua")
_NAMES_PARTS = re.compile(r"^-- parts: (.+)$", re.MULTILINE)
_METRICS = (
    *("RUNS", "FAILURES", "DURATION", "QUEUE_WAIT", "RECOVERED"),
    *("LLM_CALLS", "LLM_TOKENS", "LLM_COST"),
)


def _constants() -> str:
    names = ", ".join(f"{name} = '{getattr(metrics, name).name}'" for name in _METRICS)
    bounds = ", ".join(f"{bound:g}" for bound in metrics.BUCKETS_S)
    return (
        f"local COUNTS_KEY, SUM, BEYOND = '{metrics.COUNTS_KEY}', '{metrics.SUM}', '{metrics.BEYOND}'\n"
        f"local BUCKETS_S, METRIC = {{{bounds}}}, {{{names}}}\n"
    )


def _gather(name: str, found: dict[str, str]) -> dict[str, str]:
    text = _LUA.joinpath(f"{name}.lua").read_text("utf-8")
    for part in (named[1] if (named := _NAMES_PARTS.search(text)) else "").split():
        if f"parts/{part}" not in found:
            found = _gather(f"parts/{part}", found)
    return {**found, name: _constants() + text if name == "parts/count" else text}


def _script(act: str) -> str:
    return "\n".join(_gather(act, {}).values())


RECORD = _script("record")
CLAIM = _script("claim")
RENEW = _script("renew")
LOSE = _script("lose")
RELEASE = _script("release")
SPARE = _script("spare")
DEFER = _script("defer")
FINISH = _script("finish")
CANCEL = _script("cancel")
REVIVE = _script("revive")
FORGET = _script("forget")
DISCARD_RUN = _script("discard_run")
ADMIT = _script("admit")
APPEND = _script("append")
SPEND = _script("spend")
STANDING = _script("standing")
HEAL = _script("heal")
FORGET_THREAD = _script("forget_thread")
SETTLE_THREADS = _script("settle_threads")
CLAIM_WEBHOOKS = _script("claim_webhooks")
PUT_OFF_WEBHOOK = _script("put_off_webhook")
PUT_FEEDBACK = _script("put_feedback")
TAKE_FEEDBACK = _script("take_feedback")
REMOVE_FEEDBACK = _script("remove_feedback")
PUT_FEEDBACK_BACK = _script("put_feedback_back")
