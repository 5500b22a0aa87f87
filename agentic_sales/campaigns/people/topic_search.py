"""Ask the sources of a topic for people: by the workflows that fill the book, and by a web search for posts."""

from collections.abc import Sequence

from agentic_sales.errors import AgenticSalesError
from agentic_sales.llm.progress import tell_event
from agentic_sales.rules import topics
from agentic_sales.rules.company_search import sort_hits
from agentic_sales.runs.subruns import SubRun, run_assistant, run_each
from agentic_sales.settings import settings
from agentic_sales.sources.search import search_each
from agentic_sales.sources.service import Unavailable

FIRMS_AT_ONCE = 4
Found = tuple[list[topics.TopicPerson], list[str]]
"""People, and the failures."""


async def found_by(source: topics.TopicSource, form: topics.TopicForm) -> Found:
    """Return the people of a source, and the failures. Each person is told to the readers of the stream."""
    try:
        people, errors = await _asked(source, form)
    except AgenticSalesError as exc:
        return [], [f"{source}: {exc}"]
    for person in people:
        tell_event("found", who=person.who, source=source, url=person.url)
    return people, errors


async def _asked(source: topics.TopicSource, form: topics.TopicForm) -> Found:
    match source:
        case "papers":
            answer = await run_assistant("lead_papers", topics.question_for(source, form))
            return topics.people_of_papers(answer.output), list(answer.output["unavailable_sources"])
        case "channels":
            answer = await run_assistant("youtube_discovery", topics.question_for(source, form))
            return topics.people_of_channels(answer.output), list(answer.output["unavailable_sources"])
        case "repositories":
            answer = await run_assistant("gh_ai_repos", topics.question_for(source, form))
            people, errors = await _people_of(topics.firms_of_repositories(answer.output), form)
            return people, [*answer.output["unavailable_sources"], *errors]
        case "posts":
            gone = Unavailable()
            hits = await search_each(settings(), topics.post_queries(form.topic), gone)
            people, errors = await _people_of(topics.firms_of_posts(sort_hits(hits).candidates), form)
            return people, [*gone.told, *errors]


async def _people_of(firms: Sequence[topics.TopicFirm], form: topics.TopicForm) -> Found:
    some, people, errors = firms[: topics.MOST_FIRMS], list[topics.TopicPerson](), list[str]()
    asked = [{"domain": firm.domain, "name": firm.name, "dry_run": form.dry_run} for firm in some]
    for firm, answer in zip(some, await run_each("contact_discovery", asked, at_once=FIRMS_AT_ONCE), strict=True):
        if isinstance(answer, SubRun):
            people += topics.people_of_firm(firm, answer.output)
            errors += [f"{firm.name}: {problem}" for problem in answer.output["unavailable_sources"]]
        else:
            errors.append(f"{firm.name}: {answer}")
    return people, errors
