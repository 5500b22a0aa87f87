import re
from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError

from agentic_sales.graphs.email_reply import EXAMPLE, Input, Output, State, graph
from agentic_sales.rules.reply_drafts import (
    EmailIntent,
    analyze_by_rules,
    find_faults,
    reply_by_rules,
    subject_of_thread,
    tidy_by_rules,
)
from tests.support.graph_runs import assert_is_complete, run_by_rules, run_with_model
from tests.support.model_server import Reply, answer, dropped

LINK = "https://calendar.example/ada"
GIVEN: dict[str, Any] = {
    "original_email": "Subject: Re: Rigs\n\nWhat do ten rigs cost? Ours broke for $5 and ${unit}.",
    "sender": "Grace Example <grace@harbor.example>",
    "instructions": "Name the price, which is 40 for ten.",
    "sender_name": "Ada Example",
}
ANALYSIS = answer({"intent": "question", "sentiment": "neutral", "key_ask": "Tell the price of ten rigs"})


def reply(body: str, subject: str = "Re: another subject") -> Reply:
    return answer({"subject": subject, "body": body})


class TestTheAnalysisByRules:
    @pytest.mark.parametrize(
        ("email", "intent"),
        [
            ("What does it cost?", "question"),
            ("Could you send me the price list.", "question"),
            ("Are you free for a call next Tuesday?", "meeting_request"),
            ("Let's set up a demo.", "meeting_request"),
            ("We already use another tool. Would you say yours is better?", "objection"),
            ("Thanks, but we are not interested.", "objection"),
            ("Please remove me from this list.", "objection"),
            ("As promised, the deck is attached.", "info_share"),
            ("I am out of office until Monday.", "other"),
        ],
    )
    def test_tells_the_intent(self, email: str, intent: str) -> None:
        assert analyze_by_rules(email).intent == intent

    @pytest.mark.parametrize(
        ("email", "sentiment"),
        [
            ("This looks great, I love it.", "positive"),
            ("It arrived on Monday.", "neutral"),
            ("I am disappointed, although the box was great.", "negative"),
        ],
    )
    def test_tells_the_sentiment(self, email: str, sentiment: str) -> None:
        assert analyze_by_rules(email).sentiment == sentiment

    def test_names_the_question_that_was_asked(self) -> None:
        assert analyze_by_rules("Good morning. What do ten cost? Bye.").key_ask == "What do ten cost?"

    @pytest.mark.parametrize(
        "history", ["> Shall we call?", "On Mon, 3 May 2027 Ada <a@x.example> wrote:", "-----Original Message-----"]
    )
    def test_reads_no_quoted_history_and_no_headers(self, history: str) -> None:
        email = f"Subject: Hello\nFrom: b@x.example\n\nNo need.\n\n{history}\nAre you free for a call?"
        assert analyze_by_rules(email).intent == "objection"


@pytest.mark.parametrize(
    ("email", "subject"),
    [
        ("Subject: Rigs\n\nHello", "Re: Rigs"),
        ("From: a@x.example\nSUBJECT: RE: AW: Fwd: Rigs\n\nHello", "Re: Rigs"),
        ("Hello, the subject is missing", ""),
    ],
)
def test_a_reply_stays_in_the_thread(email: str, subject: str) -> None:
    assert subject_of_thread(email) == subject


class TestTheReplyByRules:
    @pytest.mark.parametrize("intent", ["question", "meeting_request", "objection", "info_share", "other"])
    @pytest.mark.parametrize("details", ["", "It costs 5 euros.", "It costs 5 euros. " * 60, "word " * 2_000])
    def test_keeps_the_rules_for_every_intent(self, intent: Any, details: str) -> None:
        state = State(original_email="Hello", additional_details=details)
        state.analysis = EmailIntent(intent=intent, sentiment="neutral", key_ask="")
        body = reply_by_rules(state, state.analysis.intent).body
        assert find_faults(body) == []
        assert body.startswith("Hello,\n\n")
        assert len(body.split("\n\n")) >= 2

    def test_answers_with_the_details_and_with_what_the_instructions_state(self) -> None:
        state = State(
            original_email="x", additional_details="It costs 5 euros.", instructions="Be nice. We ship today."
        )
        assert "It costs 5 euros. We ship today." in reply_by_rules(state, state.analysis.intent).body
        assert "Be nice" not in reply_by_rules(state, state.analysis.intent).body


class TestThePolishByRules:
    def test_counts_words_up_to_119(self) -> None:
        assert find_faults("word " * 119) == []
        assert find_faults("word " * 120) == ["it has 120 words; use at most 119"]

    def test_names_each_placeholder_but_takes_no_link_for_one(self) -> None:
        assert len(find_faults("Hi [Name], see {{link}} and [this page](https://x.example).")) == 2

    def test_leaves_out_whole_sentences_only(self) -> None:
        body = f"Hello,\n\nI am [Your Name]. We ship today.\n\n{'One two three four. ' * 40}"
        tidied = tidy_by_rules(body)
        assert tidied.startswith("Hello,\n\nWe ship today.\n\nOne two three four.")
        assert tidied.endswith("four.")
        assert find_faults(tidied) == []

    @pytest.mark.parametrize("body", ["word " * 300, "[Your Name]'s answer follows"])
    def test_never_leaves_nothing(self, body: str) -> None:
        assert tidy_by_rules(body)
        assert find_faults(tidy_by_rules(body)) == []


@pytest.mark.parametrize("given", [{}, {"original_email": ""}, {"original_email": " \n"}, {"calendly_url": "calendar"}])
def test_an_input_that_cannot_be_answered_is_refused_by_model_and_schema(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"original_email|calendly_url"):
        Input(**given)
    assert not jsonschema_rs.is_valid(Input.model_json_schema(), given)


async def test_the_example_runs_to_the_end_without_a_model() -> None:
    final = await run_by_rules(graph, EXAMPLE)
    assert_is_complete(final, Output)
    assert (final["source"], final["subject"], final["analysis"]["intent"]) == ("rules", "Re: Test rigs", "question")
    assert final["body"].endswith(f"You can pick a time that suits you here: {LINK}\n\nThanks,\nAda Example")


@pytest.mark.parametrize(
    "given",
    [
        {"include_calendly": True},
        {"calendly_url": LINK},
    ],
    ids=["no link", "not wanted"],
)
async def test_no_calendar_line_is_added_without_link_and_wish(given: dict[str, Any]) -> None:
    assert "pick a time" not in (await run_by_rules(graph, {**GIVEN, **given}))["body"]


@pytest.mark.parametrize(
    "email",
    [
        "Please stop.",
        "Subject: unsubscribe\n\n.",
        "Bitte keine weiteren E-Mails mehr.",
        "配信停止をお願いします。",
        "I never signed up for this.",
    ],
)
async def test_a_wish_to_be_left_alone_is_never_answered_nor_shown_to_a_model(email: str) -> None:
    told = {
        "original_email": email,
        "include_calendly": True,
        "calendly_url": LINK,
        "instructions": "We have a discount.",
    }
    run = await run_with_model(graph, told, ANALYSIS, reply("Hello, let us talk."))
    assert_is_complete(run.final, Output)
    assert (run.final["subject"], run.final["body"], run.final["draft"]) == ("", "", "")
    assert "left alone" in run.final["skip_reason"]
    assert run.requests == []


async def test_a_model_analyzes_and_drafts_and_a_clean_draft_costs_no_third_call() -> None:
    run = await run_with_model(graph, GIVEN, ANALYSIS, reply("Hello Grace,\n\nTen rigs cost 40.\n\nBest,\nAda"))
    assert_is_complete(run.final, Output)
    assert run.final["body"] == "Hello Grace,\n\nTen rigs cost 40.\n\nThanks,\nAda Example"
    assert run.final["subject"] == "Re: Rigs"
    assert (run.final["source"], len(run.requests)) == ("llm", 2)
    drafting = run.requests[1].prompt
    assert re.search(
        r"<(untrusted-\w+)>\nSubject: Re: Rigs\n\nWhat .* \$5 and \$\{unit\}\.\n</\1>", drafting, re.DOTALL
    )
    assert "Tell the price of ten rigs" in drafting


async def test_the_models_subject_is_used_where_the_email_tells_none() -> None:
    run = await run_with_model(graph, {"original_email": "Price?"}, ANALYSIS, reply("Forty.", "Re: price"))
    assert run.final["subject"] == "Re: price"


async def test_a_link_that_the_model_wrote_is_not_added_again() -> None:
    given = {**GIVEN, "include_calendly": True, "calendly_url": LINK}
    run = await run_with_model(graph, given, ANALYSIS, reply(f"Pick a time: {LINK}"))
    assert run.final["body"].count(LINK) == 1


async def test_a_faulty_draft_is_polished_with_its_faults_named() -> None:
    run = await run_with_model(graph, GIVEN, ANALYSIS, reply("long " * 130), answer({"body": "Ten rigs cost 40."}))
    assert run.final["body"] == "Ten rigs cost 40.\n\nThanks,\nAda Example"
    assert run.final["source"] == "llm"
    assert "it has 130 words; use at most 119" in run.requests[2].prompt
    assert run.final["draft"] == ("long " * 130).strip()


async def test_a_polish_that_leaves_a_fault_is_tidied_by_the_rules_and_says_so() -> None:
    mended = answer({"body": "Ten rigs cost 40. Yours, [Your Name]."})
    run = await run_with_model(graph, GIVEN, ANALYSIS, reply("I am [Your Name]."), mended)
    assert run.final["body"] == "Ten rigs cost 40.\n\nThanks,\nAda Example"
    assert run.final["source"] == "rules"


async def test_a_number_that_nobody_gave_is_named_to_the_editor_and_gone_after_the_polish() -> None:
    mended = answer({"body": "Ten rigs cost 40."})
    run = await run_with_model(graph, GIVEN, ANALYSIS, reply("Ten rigs cost 40, with 15% off."), mended)
    assert 'it states "15%"' in run.requests[2].prompt
    assert (run.final["body"], run.final["source"]) == ("Ten rigs cost 40.\n\nThanks,\nAda Example", "llm")
    assert run.final["draft"] == "Ten rigs cost 40."


async def test_a_number_that_stays_invented_gives_way_to_the_reply_of_the_rules() -> None:
    lie = "Ten rigs cost 39."
    run = await run_with_model(graph, GIVEN, ANALYSIS, reply(lie), answer({"body": lie}))
    assert run.final["body"].startswith("Hello Grace,\n\nThank you for your question.")
    assert (run.final["source"], "39" in run.final["draft"]) == ("rules", False)


async def test_a_wish_with_numbers_that_the_email_does_not_have_is_read_from_its_words() -> None:
    told = answer({"intent": "question", "sentiment": "neutral", "key_ask": "Send the price of 500 rigs"})
    run = await run_with_model(graph, GIVEN, told, reply("I will find out."))
    assert run.final["analysis"]["key_ask"] == "What do ten rigs cost?"


async def test_a_malformed_draft_is_written_by_the_rules() -> None:
    run = await run_with_model(graph, GIVEN, ANALYSIS, answer("Dear Grace"), answer({"text": "Dear Grace"}))
    assert_is_complete(run.final, Output)
    assert run.final["source"] == "rules"
    assert run.final["body"].startswith("Hello Grace,\n\nThank you for your question.")


async def test_a_model_that_is_down_leaves_a_whole_reply_by_rules() -> None:
    run = await run_with_model(graph, GIVEN, dropped(), dropped())
    assert_is_complete(run.final, Output)
    assert (run.final["source"], run.final["analysis"]["intent"]) == ("rules", "question")
