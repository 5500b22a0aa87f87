"""Make embeddings by the model that `AGENTIC_SALES_EMBEDDINGS` names. Without it there are none.

Why no local model is the default: `wordllama` 0.4.0, which a wheel carries, says MIT of its code. Its weights are made
of the token tables of Llama 2 and Phi-3, and the Llama 2 Community License restricts what is derived from them. So its
weights are not plainly free. Full text alone is the default, and the set `agentic_rag` holds it to the goals.
"""

import asyncio
import struct
from collections.abc import Sequence
from math import sqrt
from typing import Any

from langchain.embeddings import init_embeddings

from agentic_sales.errors import ModelMisconfigured, ProviderUnavailable
from agentic_sales.llm.prices import price_of
from agentic_sales.rules.passages import count_tokens
from agentic_sales.runs.purse import current_purse
from agentic_sales.settings import Settings

_REASON_CHARS = 300


async def embed_texts(configuration: Settings, texts: Sequence[str]) -> list[bytes]:
    """Return an embedding of length 1 for each text, as little-endian 32-bit floats.

    Raises:
        ModelMisconfigured: No model is named, its package or key is missing, or its answer does not fit.
        ProviderUnavailable: The model does not answer.
        BudgetExceeded: The money for this run or this day is spent.
    """
    model = configuration.embeddings
    if not model:
        raise ModelMisconfigured("", "AGENTIC_SALES_EMBEDDINGS names no model")
    purse, price = current_purse.get(), price_of(model, configuration.model_prices)
    if purse is not None:
        await purse.admit(model, is_priced=price is not None)
    vectors = await _answer(_build(model), model, texts, configuration.model_timeout_s)
    if purse is not None:
        read = sum(map(count_tokens, texts))
        await purse.pay(model, input_tokens=read, output_tokens=0, usd=price.usd(read, 0) if price else None)
    if len(vectors) != len(texts):
        raise ModelMisconfigured(model, f"it answered {len(vectors)} embeddings for {len(texts)} texts")
    return [_packed(model, vector) for vector in vectors]


def _build(model: str) -> Any:
    if ":" not in model:
        raise ModelMisconfigured(model, "expected `provider:model`, e.g. `openai:text-embedding-3-small`")
    # Texts go as they are: other servers of OpenAI's protocol do not know its token numbers.
    options: dict[str, Any] = {"check_embedding_ctx_length": False} if model.startswith("openai:") else {}
    try:
        return init_embeddings(model, **options)
    except ImportError as exc:
        provider = model.partition(":")[0]
        raise ModelMisconfigured(model, f"the package of provider `{provider}` is missing: {exc}") from exc
    except Exception as exc:  # the boundary: each provider's client raises classes of its own
        raise ModelMisconfigured(model, f"{type(exc).__name__}: {exc}"[:_REASON_CHARS]) from exc


async def _answer(built: Any, model: str, texts: Sequence[str], timeout_s: float) -> list[list[float]]:
    try:
        async with asyncio.timeout(timeout_s):
            found: list[list[float]] = await built.aembed_documents(list(texts))
    except TimeoutError as exc:
        raise ProviderUnavailable(model, f"no embeddings within {timeout_s:g} s") from exc
    except Exception as exc:  # the boundary, as above
        raise ProviderUnavailable(model, f"{type(exc).__name__}: {exc}"[:_REASON_CHARS]) from exc
    return found


def _packed(model: str, vector: Sequence[float]) -> bytes:
    length = sqrt(sum(number * number for number in vector))
    if not length:
        raise ModelMisconfigured(model, "it answered an embedding of length 0")
    return struct.pack(f"<{len(vector)}f", *(number / length for number in vector))
