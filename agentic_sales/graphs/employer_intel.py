"""Find the skills that a job description asks for.

`extract_stack`: `START → segment_jd → mine_mentions → canonicalize → score_levels → synthesize → END`

The rules cut the description into sections and find skills by a table. A model finds them too. Such a mention counts
only if its quote stands in the description and the table has its skill. Without a usable model the rules answer alone.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.additions import with_additions
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import job_skills as rules
from agentic_sales.rules.forms import Form, dumped
from agentic_sales.rules.job_sections import split_sections, texts_of
from agentic_sales.rules.skill_mentions import LONGEST_TEXT_CHARS, SkillMention, mentions_in
from agentic_sales.rules.skill_words import SkillWords, skill_words
from agentic_sales.settings import settings

PROMPTS = load_prompts(__file__)
PROMPT = PROMPTS["mine_mentions"]


class Input(Form):
    """Input of a run."""

    raw_jd: str = Field(max_length=50_000, description="Job description, text or Markdown; 16,000 characters are read.")
    title: str = Field(default="", max_length=500, description="Title of the job.")


class Output(ModelOutput):
    """Output of a run."""

    skills: list[rules.JobSkill] = Field(default_factory=list, description="At most 30, the required ones first.")
    required: list[str] = Field(default_factory=list, description="Tags of the required skills.")
    nice_to_have: list[str] = Field(default_factory=list, description="Tags of the skills that are nice to have.")
    summary: str = Field(default="", description="The demands in one line.")
    confidence: float = Field(default=0.0, description="Mean confidence of the skills, 0-1.")
    model: str = Field(default="rules", description="Name of the model that read the description, or `rules`.")
    sections: dict[str, str] = Field(
        default_factory=dict, description="Text of required, nice_to_have, responsibilities and other."
    )
    raw_mentions: list[SkillMention] = Field(default_factory=list, description="At most 80, in order.")
    canonical: list[SkillMention] = Field(
        default_factory=list, description="Each skill of the table once, at its strongest mention."
    )


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {
    "title": "Backend Engineer",
    "raw_jd": "Requirements\n- 5 years of Python\n- PostgreSQL and Redis\n\nNice to have\n- Go or Rust\n- Kafka",
}


async def segment_jd(state: State) -> dict[str, Any]:
    """Cut the description into its sections."""
    text = _text(state)
    return {"sections": texts_of(text, split_sections(text, _words().headings))}


async def mine_mentions(state: State) -> dict[str, Any]:
    """Find the places that name a skill, by a model or by the rules. A model's inventions are dropped."""
    text, words = _text(state), _words()
    if not text.strip():
        return {"raw_mentions": []}
    answer = await ask(
        PROMPT,
        rules.ReadSkills,
        fallback=lambda: rules.ReadSkills(skills=[]),
        temperature=0.0,
        title=fenced(state.title or "(none)"),
        description=fenced(text),
    )
    by_rules, found = mentions_in(text, words, state.title), list[SkillMention]()
    if answer.source == "llm":
        found = rules.backed_mentions(answer.value, text, words)
    is_by_model = answer.source == "llm" and bool(any(one.tag for one in found) or not by_rules)
    return {
        "raw_mentions": dumped(found if is_by_model else by_rules),
        "model": str(answer.graph_meta.get("model") or "rules") if is_by_model else "rules",
        **answer.report,
        **({} if is_by_model else {"source": "rules"}),
    }


async def canonicalize(state: State) -> dict[str, Any]:
    """Keep the mentions of skills in the table. A phrase that it does not have is dropped."""
    return {"canonical": dumped(one for one in state.raw_mentions if one.tag)}


async def score_levels(state: State) -> dict[str, Any]:
    """Keep each skill once, at its strongest mention."""
    return {"canonical": dumped(rules.strongest(state.canonical))}


async def synthesize(state: State) -> dict[str, Any]:
    """Order the skills and sum them up."""
    words = _words()
    skills = rules.skills_of(state.canonical, words)
    return {
        "skills": dumped(skills),
        "required": [one.tag for one in skills if one.level == "required"],
        "nice_to_have": [one.tag for one in skills if one.level == "nice_to_have"],
        "summary": rules.summary_of(skills, words),
        "confidence": round(sum(one.confidence for one in skills) / len(skills), 3) if skills else 0.0,
    }


def _text(state: Input) -> str:
    return state.raw_jd[:LONGEST_TEXT_CHARS]


def _words() -> SkillWords:
    return with_additions("skills", skill_words, settings().rules_dir)


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([segment_jd, mine_mentions, canonicalize, score_levels, synthesize])
    builder.add_edge(START, "segment_jd")
    builder.add_edge("synthesize", END)
    return builder.compile(checkpointer=checkpointer, name="extract_stack")


graph = build_graph()
