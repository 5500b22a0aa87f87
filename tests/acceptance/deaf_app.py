"""The product's Celery app with two more control commands: they take a worker's hearing, and give it back.

A deaf worker is what kombu left behind after a reconnect more than once: the process lives, its event loop turns, it
answers a ping and believes that it consumes, but it no longer asks Redis for messages.
"""

from typing import Any

from celery.worker.control import control_command

from agentic_sales.celery import app

__all__ = ["app", "go_deaf", "hear_again"]


@control_command()
def go_deaf(state: Any) -> dict[str, str]:
    """Forget which lists to ask for."""
    state.consumer.task_consumer.channel._queue_cycle.update(())
    return {"ok": "deaf"}


@control_command()
def hear_again(state: Any) -> dict[str, str]:
    """Remember them."""
    channel = state.consumer.task_consumer.channel
    channel._queue_cycle.update(channel.active_queues)
    return {"ok": "hears"}
