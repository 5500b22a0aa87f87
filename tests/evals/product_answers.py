"""Answers of a competent model to the questions of the product writers.

A person wrote for each case what such a model finds, in `replayed_products.json`. Here is added what every such answer
has: a quote is the sentence of the texts that has the words, and the rest is said without numbers.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Found = Mapping[str, Any]
FOUND: Mapping[str, Mapping[str, Found]] = json.loads(
    Path(__file__).with_name("replayed_products.json").read_text("utf-8")
)
SAME_CASES = {"icp_team": "deep_icp"}
"""Rows with the cases of another row."""
PRODUCT_ROWS = [*FOUND, *SAME_CASES]
HELD_BACK = {"positioning": 4, "product_intel": 9}
"""Cases whose source is `rules` in spite of good answers, by row.

No position passes the hard checks without a competitor and three differences. The parts of a report are sub-runs, whose
questions are answered in the sets of their own rows and left to the rules here.
"""
CRITERIA = [
    "segment_clarity",
    "buyer_persona_specificity",
    "pain_solution_fit",
    "distribution_gtm_signal",
    "anti_icp_clarity",
]


def answers_for(name: str, case_id: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the answers to every question of a case, by field."""
    row = SAME_CASES.get(name, name)
    found = FOUND[row][case_id.rpartition("-")[2]]
    return {"deep_icp": _icp, "pricing": _pricing, "positioning": _positioning, "gtm": _gtm, "product_intel": _intel}[
        row
    ](found, _sentences(given))


def _sentences(value: Any) -> list[str]:
    match value:
        case str():
            return re.split(r"(?<=[.!?])\s+", value)
        case Mapping():
            return [line for one in value.values() for line in _sentences(one)]
        case list():
            return [line for one in value for line in _sentences(one)]
        case _:
            return []


def _quote(words: str, lines: list[str]) -> str:
    return next((line for line in lines if words and words in line), "")


def _line(words: str, lines: list[str]) -> dict[str, str]:
    return {"text": words, "quote": _quote(words, lines)}


def _icp(found: Found, lines: list[str]) -> Mapping[str, Any]:
    return {
        "segments": [
            {"name": name, "stage": stage, "fit": 0.9, "reasoning": "It is named.", "quote": _quote(name, lines)}
            for name, stage in found["segments"]
        ],
        "personas": [{"title": title, "quote": _quote(title, lines)} for title in found["personas"]],
        "anti_icp": [{"text": _quote(words, lines), "quote": _quote(words, lines)} for words in found["not_for"]],
        "deal_breakers": [
            {"name": _quote(words, lines), "severity": severity, "quote": _quote(words, lines)}
            for severity, words in found["conditions"]
        ],
        "criteria_scores": {
            name: {"score": score, "confidence": 0.7, "justification": "The words say so.", "evidence": lines[1:2]}
            for name, score in zip(CRITERIA, found["scores"], strict=True)
        },
    }


def _pricing(found: Found, lines: list[str]) -> Mapping[str, Any]:
    tiers = [
        {
            "name": name,
            "price_monthly_usd": price,
            "billing_unit": unit,
            "upgrade_trigger": "The team grows.",
            "price_justification": "It is near the known prices.",
        }
        for name, price, unit in found["tiers"]
    ]
    return {
        "value_metric": found["metric"],
        "value_metric_reasoning": "The texts count it.",
        "model_type": found["type"],
        "model_type_reasoning": "The texts charge so.",
        "quote": _quote(found["quote"], lines),
        "free_offer": found["free"],
        "tiers": tiers,
        "discounting_strategy": found.get("discount", ""),
        "value_basis": {"text": "It helps its buyers.", "quote": lines[1]},
        "risks": [],
        "recommendation": "Ask buyers before the prices are published.",
    }


def _positioning(found: Found, lines: list[str]) -> Mapping[str, Any]:
    return {
        "category": _line(found["category"], lines),
        "category_conventions": [{"text": text, "quote": _quote(words, lines)} for text, words in found["conventions"]],
        "white_space": [{"text": text, "quote": _quote(words, lines)} for text, words in found["white"]],
        "differentiators": [{"text": _quote(words, lines), "quote": _quote(words, lines)} for words in found["apart"]],
        "positioning_axes": [],
        "positioning_statement": found["statement"],
        "narrative_hooks": [_line(words, lines) for words in found["hooks"]],
        "passes": True,
        "objections": [],
    }


def _gtm(found: Found, lines: list[str]) -> Mapping[str, Any]:
    channels = [
        {
            "name": name,
            "why": "The texts say so.",
            "tactics": ["Write to one buyer a day."],
            "effort": "low",
            "quote": _quote(words, lines),
        }
        for name, words in found["channels"]
    ]
    messages = [
        {
            "channel": channels[0]["name"],
            "persona": role,
            "hook": f"Much work of {role} is done by hand.",
            "body": f"Hi {{{{name}}}},\n\n{found['pillars'][0][0]}",
            "cta": "Shall I show it to you?",
        }
        for role in found["roles"]
    ]
    return {
        "channels": channels,
        "messaging_pillars": [
            {"theme": theme, "proof_points": [_quote(theme, lines)], "avoid_when": avoid}
            for theme, avoid in found["pillars"]
        ],
        "outreach_templates": messages,
        "discovery_questions": found.get("questions", []),
        "objections": [
            {"objection": said, "response": "Say plainly how it is.", "evidence_to_show": []}
            for said in found.get("objections", [])
        ],
        "battlecards": {},
        "first_90_days": [f"Days 1 to 30: set up {one['name']}." for one in channels],
    }


def _intel(found: Found, lines: list[str]) -> Mapping[str, Any]:
    return {
        "one_liner": {"text": lines[1], "quote": lines[1]},
        "core_jobs": [_line(words, lines) for words in found["jobs"]],
        "key_features": [],
        "stated_audience": _line(found["audience"], lines),
        "visible_pricing": [_line(words, lines) for words in found["prices"]],
        "tech_signals": [_line(words, lines) for words in found["tech"]],
        "tldr": lines[1],
        "top_3_priorities": ["Talk to buyers."],
        "key_risks": found["risks"],
        "quick_wins": found["wins"],
    }
