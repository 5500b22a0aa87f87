"""Name every span and attribute of the traces once.

OpenTelemetry's semantic conventions give the names where they have one (messaging, gen_ai, error). Our own names begin
with `langgraph.` or `agentic.`. Attributes that identify a span's run hold ids but never payloads.
"""

from opentelemetry.context import create_key

RUN_ATTRIBUTES = create_key("agentic-sales-run")
"""Key of the context that holds the attributes of every span of a run."""

ASSISTANT_ID = "langgraph.assistant_id"
"""The join key for roll-ups of cost and latency. The metrics' label has the same meaning."""
RUN_ID = "langgraph.run_id"
THREAD_ID = "langgraph.thread_id"
NODE = "langgraph.node"
STEP = "langgraph.step"
INPUT = "langgraph.input"
OUTPUT = "langgraph.output"
QUEUE = "agentic.queue"
ATTEMPT = "agentic.attempt"
PROMPT = "agentic.prompt"
PROMPT_SHA256 = "agentic.prompt_sha256"

ERROR_TYPE = "error.type"

MESSAGING_SYSTEM = "messaging.system"
MESSAGING_OPERATION_NAME = "messaging.operation.name"
MESSAGING_OPERATION_TYPE = "messaging.operation.type"
MESSAGING_DESTINATION = "messaging.destination.name"
MESSAGING_MESSAGE_ID = "messaging.message.id"
MESSAGING_CONVERSATION_ID = "messaging.message.conversation_id"

GEN_AI_OPERATION = "gen_ai.operation.name"
GEN_AI_PROVIDER = "gen_ai.provider.name"
GEN_AI_WORKFLOW = "gen_ai.workflow.name"
GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id"
GEN_AI_REQUEST_MODEL = "gen_ai.request.model"
GEN_AI_REQUEST_TEMPERATURE = "gen_ai.request.temperature"
GEN_AI_RESPONSE_MODEL = "gen_ai.response.model"
GEN_AI_FINISH_REASONS = "gen_ai.response.finish_reasons"
GEN_AI_INPUT_TOKENS = "gen_ai.usage.input_tokens"
GEN_AI_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
GEN_AI_INPUT_MESSAGES = "gen_ai.input.messages"
GEN_AI_OUTPUT_MESSAGES = "gen_ai.output.messages"


def publish(queue: str) -> str:
    """Name the span that puts a run on its queue."""
    return f"publish {queue}"


def process(queue: str) -> str:
    """Name the span of a worker's work on one message."""
    return f"process {queue}"


def invoke_workflow(assistant_id: str) -> str:
    """Name the span of one attempt of a workflow."""
    return f"invoke_workflow {assistant_id}"


def node(name: str) -> str:
    """Name the span of one node of a graph."""
    return f"node {name}"


def chat(model: str) -> str:
    """Name the span of one request to a model."""
    return f"chat {model}"
