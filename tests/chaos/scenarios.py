"""Name the scenarios, in the order in which they are run."""

from collections.abc import Callable, Mapping

from tests.chaos.arena import Arena
from tests.chaos.callers import foreign_messages, one_interrupt, one_key, poison
from tests.chaos.campaign_fleet import campaign_fleet
from tests.chaos.campaign_kills import campaign_kills
from tests.chaos.campaign_month import month_crowded, month_on_fleet, month_rehearsed
from tests.chaos.door_kills import door_kills
from tests.chaos.kills import frozen_worker, random_kills, rolling_restart
from tests.chaos.outages import postgresql_cuts, rabbitmq_cuts, redis_restarts
from tests.chaos.report import Report

Scenario = Callable[[Arena], Report]

SCENARIOS: Mapping[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        random_kills,
        frozen_worker,
        rolling_restart,
        redis_restarts,
        one_key,
        one_interrupt,
        poison,
        foreign_messages,
        rabbitmq_cuts,
        postgresql_cuts,
        door_kills,
        campaign_kills,
        campaign_fleet,
        month_rehearsed,
        month_crowded,
        month_on_fleet,
    )
}
