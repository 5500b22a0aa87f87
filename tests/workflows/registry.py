"""Rows of the workflows that only tests and the benchmark run: each behaves in one way that a fleet must survive."""

from agentic_sales.registry import GraphSpec

GRAPHS = (
    GraphSpec("echo", "tests.workflows.echo", effect="pure"),
    GraphSpec("sleepy", "tests.workflows.sleepy", effect="pure"),
    GraphSpec("burn", "tests.workflows.burn", effect="pure"),
    GraphSpec("boom", "tests.workflows.boom", effect="pure"),
    GraphSpec("leave", "tests.workflows.leave", effect="write"),
    GraphSpec("leave_resumable", "tests.workflows.leave", effect="write", resumable=True),
    GraphSpec("stuck", "tests.workflows.stuck", effect="pure", time_limit_s=1.0),
    GraphSpec("overlong", "tests.workflows.sleepy", effect="pure", time_limit_s=1.0),
    GraphSpec("poison", "tests.workflows.poison", effect="pure"),
    GraphSpec("poison_send", "tests.workflows.poison", effect="send"),
    GraphSpec("broken_import", "tests.workflows.broken_import", effect="pure"),
    GraphSpec("steps", "tests.workflows.steps", effect="pure", resumable=True),
    GraphSpec("ask_human", "tests.workflows.ask_human", effect="pure", resumable=True),
    GraphSpec("ask_below", "tests.workflows.ask_below", effect="pure", resumable=True),
    GraphSpec("strange", "tests.workflows.strange", effect="pure", resumable=True),
    GraphSpec("ask_core", "tests.workflows.ask_core", effect="pure"),
    GraphSpec("ask_sources", "tests.workflows.ask_sources", effect="read"),
    GraphSpec("loud", "tests.workflows.existing", compiled_attr="loud", builder_attr=None, effect="pure"),
    GraphSpec("soft", "tests.workflows.existing", compiled_attr="soft", builder_attr=None, effect="pure"),
)
