"""Find the video channels of a topic: `START → plan_searches → find_channels → read_words → persist → END`.

A model or the rules write the searches. YouTube answers with channels, their numbers and their newest videos. The rules
read a channel's own site, its sponsors and its address for business. A model or the rules tell its maker and the
maker's needs. Everything that is not a number of the service comes with words of the channel. A search takes one of 100
a day of all workers. So no more is made than the channels need.
"""

import asyncio
from itertools import count
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.book.found_channels import save_channels
from agentic_sales.llm.ask import Answer, ModelOutput, ask, report_of
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import video_channels
from agentic_sales.rules.forms import Form
from agentic_sales.settings import settings
from agentic_sales.side_by_side import ask_each
from agentic_sales.sources.service import Unavailable
from agentic_sales.sources.youtube import YouTube, YouTubeFeeds
from agentic_sales.sources.youtube_channels import channels_about, read_channels

PROMPTS = load_prompts(__file__)
READ_AT_ONCE = 4


class Input(Form):
    """Input of a run."""

    topic: str = Field(min_length=2, max_length=200, description="Subject of the channels: `retrieval and agents`.")
    max_channels: int = Field(default=20, ge=1, le=50, description="Most channels that are read.")
    max_searches: int = Field(default=4, ge=1, le=10, description="Most searches that are taken of the day's 100.")
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(ModelOutput):
    """Output of a run."""

    queries: list[str] = Field(default_factory=list, description="Words that were searched with.")
    channels: list[video_channels.FoundChannel] = Field(
        default_factory=list, description="Channels, the nearest first."
    )
    companies: list[video_channels.LinkedCompany] = Field(
        default_factory=list, description="Their companies and sponsors."
    )
    people: list[video_channels.FoundPerson] = Field(default_factory=list, description="Makers of the channels.")
    left_out: list[str] = Field(default_factory=list, description="Titles of channels that are not about the topic.")
    quota_spent: dict[str, int] = Field(
        default_factory=dict, description="Searches of 100 and units of 10,000 a day that the run took."
    )
    inserted: dict[str, int] = Field(default_factory=dict, description="New companies and people in the book.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


class State(Input, Output):
    """Input and output."""


EXAMPLE: dict[str, Any] = {"topic": "machine learning", "max_channels": 5}


async def plan_searches(state: State) -> dict[str, Any]:
    """Write the searches."""
    answer = await ask(
        PROMPTS["plan_searches"],
        video_channels.TopicQueries,
        fallback=lambda: video_channels.TopicQueries(queries=[state.topic]),
        topic=fenced(state.topic),
    )
    return {"queries": list(dict.fromkeys(answer.value.queries)), **answer.report}


async def find_channels(state: State) -> dict[str, Any]:
    """Search, and read the channels that were found. Leave out those of other topics."""
    gone, done = Unavailable(), count(1)
    async with YouTube(settings()) as youtube, YouTubeFeeds(settings()) as feeds:
        ids = await channels_about(
            youtube,
            state.queries,
            gone,
            most=state.max_channels,
            max_searches=state.max_searches,
            searched=lambda query: tell_progress("search", 0, 0, query),
        )
        texts = await read_channels(
            youtube, feeds, ids, gone, read=lambda title: tell_progress("find_channels", next(done), len(ids), title)
        )
        spent = {"searches": youtube.spent["search"], "units": youtube.spent["units"]}
    read = await asyncio.to_thread(lambda: [video_channels.read_channel(text, state.topic) for text in texts])
    near = [channel for channel in read if channel.relevance >= video_channels.LEAST_RELEVANCE]
    near.sort(key=lambda channel: (-channel.relevance, -(channel.subscribers or 0), channel.channel_id))
    return {
        "channels": [channel.model_dump(mode="json") for channel in near],
        "companies": [company.model_dump() for channel in near for company in video_channels.companies_of(channel)],
        "left_out": [channel.title for channel in read if channel.relevance < video_channels.LEAST_RELEVANCE],
        "quota_spent": spent,
        "unavailable_sources": list(gone.told),
    }


async def read_words(state: State) -> dict[str, Any]:
    """Read the maker and the maker's needs from the words of each channel. A field without words is dropped."""
    done = count(1)

    async def one(channel: video_channels.FoundChannel) -> Answer[video_channels.ChannelReading]:
        answer = await ask(
            PROMPTS["read_words"],
            video_channels.ChannelReading,
            fallback=lambda: video_channels.read_words(channel),
            temperature=0.0,
            channel=fenced(video_channels.words_of(channel)),
        )
        tell_progress("read_words", next(done), len(state.channels), channel.title)
        return answer

    answers = await ask_each(state.channels, one, at_once=READ_AT_ONCE)
    read = [
        video_channels.heard(each, answer.value, answer.source)
        for each, answer in zip(state.channels, answers, strict=True)
    ]
    return {
        "channels": [channel.model_dump(mode="json") for channel, _ in read],
        "people": [person.model_dump() for _, people in read for person in people],
        **report_of(answers),
    }


async def persist(state: State) -> dict[str, Any]:
    """Write the channels with their companies and people."""
    channels = [] if state.dry_run else state.channels
    return {"inserted": await save_channels("youtube_discovery", channels, state.companies, state.people)}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([plan_searches, find_channels, read_words, persist])
    builder.add_edge(START, "plan_searches")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="youtube_discovery")


graph = build_graph()
