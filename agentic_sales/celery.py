"""Make the Celery app of the fleet; `celery -A agentic_sales …` finds it here.

It never imports a task or a graph: `celeryconfig.imports` names the task module, and only a worker loads it.
"""

from celery import Celery

app = Celery("agentic_sales", config_source="celeryconfig")
