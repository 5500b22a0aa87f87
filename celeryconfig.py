"""Configure Celery: every setting that differs from its default, each with its reason.

Figures are measured on two cores with everything (load, facade, Redis, worker) sharing them.
"""

from kombu import Exchange, Queue

from agentic_sales.control import control_plane
from agentic_sales.schedule import beat_entries
from agentic_sales.settings import settings

_settings = settings()
_is_redis = not _settings.broker_url.startswith(("amqp", "pyamqp"))

# --- What crosses the broker: JSON and nothing else. A pickled message is refused, not loaded.
task_serializer = "json"
result_serializer = "json"
event_serializer = "json"
accept_content = ["json"]
result_accept_content = ["json"]

# --- Queues: one per capability, derived from the routing contract. A queue that is not there is an error, not a
# queue that nobody consumes. RabbitMQ gets quorum queues, which survive the loss of a node.
broker_url = _settings.broker_url
broker_transport = "agentic_sales.transport:Transport" if _is_redis else None
_exchange = Exchange("agentic_sales", type="direct")
_queue_arguments = None if _is_redis else {"x-queue-type": "quorum"}
task_queues = tuple(
    Queue(name, _exchange, routing_key=name, queue_arguments=_queue_arguments) for name in control_plane().queues
)
task_default_queue = control_plane().default_queue
task_default_exchange = _exchange.name
task_default_routing_key = task_default_queue
task_create_missing_queues = False

# --- Tasks. The module registers `run.<assistant_id>` for every registry row; no graph before a worker starts.
imports = (
    "agentic_sales.workers.preload",
    "agentic_sales.workers.task",
    "agentic_sales.workers.maintenance",
    "agentic_sales.workers.webhooks",
)
task_ignore_result = True  # the ledger is the truth about a run; there is no result backend to disagree with it
task_acks_late = True  # costs 9 % of the throughput; early acknowledgement loses every run that a dying worker holds
task_reject_on_worker_lost = True  # a killed child's run goes back to the queue; the ledger counts its attempts
task_acks_on_failure = True  # the ledger has the failure by then
task_acks_on_timeout = True  # as above
worker_prefetch_multiplier = 1  # 4 gains nothing, and prefetched runs wait behind a slow one

# --- Broker connection.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None  # a worker outlives any outage of its broker
broker_connection_timeout = 1.0  # a publisher must know within the two seconds of a 503
broker_transport_options = (
    {
        # A short visibility timeout that a consumer bootstep keeps young (`workers/parent/lease.py`). It measures the
        # time since the worker was last alive, not since delivery. A dead worker's runs come back in seconds, and a
        # long run is never delivered twice.
        "visibility_timeout": 15,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "global_keyprefix": "agentic:queue:",  # two applications on one Redis would share kombu's unacked keys
        "socket_connect_timeout": 1.0,
        "socket_timeout": 10.0,
        "socket_keepalive": True,
        "health_check_interval": 15,
    }
    if _is_redis
    else {"confirm_publish": True}  # a publish returns when RabbitMQ has the message, not when it was written
)

# --- Worker processes. Prefork: the only pool with hard time limits, child kills and isolation from a busy graph.
worker_pool = "agentic_sales.workers.parent.pool:SlotPool"  # with one slot a child it is Celery's own, unchanged
worker_consumer = "agentic_sales.workers.parent.reception:Reception"  # looks at a message before Celery believes it
worker_concurrency = _settings.worker_concurrency
worker_max_tasks_per_child = _settings.max_tasks_per_child
worker_proc_alive_timeout = 30.0  # many children start at once on few cores; the default of 4 s kills them
worker_soft_shutdown_timeout = 10.0  # SIGTERM: running runs get this long before they go back to the queue
worker_enable_soft_shutdown_on_idle = False  # an idle worker has nothing to wait for: no task of ours has an ETA
worker_cancel_long_running_tasks_on_connection_loss = False  # measured: it doubles runs on a Redis restart
worker_hijack_root_logger = False  # logs are configured once, by `observability.logs`
worker_redirect_stdouts = False

# --- Events: Flower shows them; they cost 15-20 % of the throughput, so they are a switch.
worker_send_task_events = _settings.task_events
task_send_sent_event = _settings.task_events

# --- Beat. Core does the jobs; two beats may run, each slot of a job is used once (`workers/maintenance.py`).
beat_schedule = beat_entries(control_plane().default_queue, _settings.job_intervals_s)
beat_scheduler = "agentic_sales.workers.parent.beat:FiledScheduler"  # makes the directory of its file
beat_schedule_filename = str(_settings.state_dir / "beat-schedule")
timezone = "UTC"
