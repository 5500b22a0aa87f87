"""Name the scenarios, in the order in which they are run."""

from collections.abc import Callable, Mapping

from tests.chaos.arena import Arena
from tests.chaos.callers import foreign_messages, one_interrupt, one_key, poison
from tests.chaos.campaign_fleet import campaign_fleet
from tests.chaos.campaign_kills import campaign_kills
from tests.chaos.campaign_month import month_crowded, month_on_fleet, month_rehearsed
from tests.chaos.door_kills import door_kills
from tests.chaos.kills import frozen_worker, random_kills, rolling_restart
from tests.chaos.month_logins import month_of_logins
from tests.chaos.outages import postgresql_cuts, rabbitmq_cuts, redis_restarts
from tests.chaos.report import Report
from tests.chaos.slots import shared_children

Scenario = Callable[[Arena], Report]

ON_A_FLEET: tuple[Scenario, ...] = (
    random_kills,
    frozen_worker,
    rolling_restart,
    redis_restarts,
    one_key,
    one_interrupt,
    poison,
    shared_children,
    foreign_messages,
    rabbitmq_cuts,
    postgresql_cuts,
)
"""Scenarios that break the fleet of the arena."""
SENDERS: tuple[Scenario, ...] = (door_kills,)
"""Scenarios that kill senders. They need no fleet."""
CAMPAIGNS: tuple[Scenario, ...] = (campaign_kills, campaign_fleet)
"""Scenarios that kill campaigns. They start what they need."""
MONTHS: tuple[Scenario, ...] = (month_rehearsed, month_crowded, month_on_fleet, month_of_logins)
"""Scenarios of simulated months. They start what they need."""
SCENARIOS: Mapping[str, Scenario] = {
    scenario.__name__: scenario for scenario in (*ON_A_FLEET, *SENDERS, *CAMPAIGNS, *MONTHS)
}
