"""Make the Celery app of the fleet. `celery -A agentic_sales …` finds it here.

It never imports a task or a graph. `celeryconfig.imports` names the task module, and only a worker loads it.

`celeryconfig` comes from the working directory or the path, as the repository's or a team's own. Otherwise it is the
one in the wheel. A team's own can begin with `from agentic_sales._packaged.celeryconfig import *`.
"""

import sys

from celery import Celery

from agentic_sales.packaged import extend_path

extend_path()
app = Celery("agentic_sales", config_source="celeryconfig")


def configuration_file() -> str:
    """Return the path of the file that configures the app."""
    app.conf.get("imports")  # Celery reads the file when a setting is first asked for
    return str(sys.modules["celeryconfig"].__file__)
