import re
from typing import Any

import pytest

from agentic_sales.graphs.email_compose import EXAMPLE, PROMPT_VERSION, Input, Output, graph
from agentic_sales.rules.first_mails import ComposedEmail, draft_by_rules, find_faults, finish, tidy_by_rules
from agentic_sales.rules.wording import MARKERS
from tests.support.graph_runs import assert_is_complete, run_by_rules, run_with_model
from tests.support.model_server import Reply, answer, dropped

SIGNATURE = "Thanks,\nAda Example"
GIVEN = {
    "company_name": "Harbor Robotics",
    "instructions": "Ask for a call about test rigs.",
    "recipient_context": "Leads firmware. Costs are $5 per $unit.",
    "sender_name": "Ada Example",
}
CLEAN = "Hi {{name}},\n\nYour firmware team tests by hand. Would a call next week help?"
CLICHE = "Hi {{name}},\n\nI hope this finds you well. Would a call next week help?"


def mail(subject: str = "Test rigs at Harbor", body: str = CLEAN) -> Reply:
    return answer({"subject": subject, "body": body})


def email(subject: str = "Test rigs at Harbor", body: str = CLEAN) -> ComposedEmail:
    return ComposedEmail.model_construct(subject=subject, body=body)


class TestTheChecks:
    @pytest.mark.parametrize("marker", MARKERS)
    def test_find_every_marker_in_any_case_and_spacing(self, marker: str) -> None:
        said = marker.upper().replace(" ", "\n ", 1)
        assert [marker in fault for fault in find_faults(email(body=f"{CLEAN} {said}"))] == [True]

    @pytest.mark.parametrize("length", [3, 50])
    def test_accept_a_subject_at_the_limits(self, length: int) -> None:
        assert find_faults(email(subject="x" * length)) == []

    @pytest.mark.parametrize("length", [2, 51])
    def test_name_the_length_of_a_subject_beyond_the_limits(self, length: int) -> None:
        assert find_faults(email(subject="x" * length)) == [f"the subject has {length} characters; use 3 to 50"]

    def test_refuse_a_body_that_says_nothing(self) -> None:
        assert find_faults(email(body="Hi {{name}}, call?")) == ["the body has fewer than 20 characters"]


class TestTheEndOfAMail:
    @pytest.mark.parametrize(
        "ending", ["", "\n\nThanks,\nAda Example", "\n\nBest regards,\nAda\nHarbor Inc", "\n\nThanks!\n[Your name]"]
    )
    def test_is_signed_once_whatever_the_model_signed_with(self, ending: str) -> None:
        assert finish(CLEAN + ending, SIGNATURE) == f"{CLEAN}\n\n{SIGNATURE}"

    @pytest.mark.parametrize(
        "greeting", ["", "Hi Grace,\n\n", "Dear Ms. Example,\n", "Hi {name},\n\n", "Hi [Name],\n\n"]
    )
    def test_greets_the_placeholder_whatever_the_model_greeted(self, greeting: str) -> None:
        assert finish(f"{greeting}Would a call help?", "Thanks") == "Hi {{name}},\n\nWould a call help?\n\nThanks"


class TestTheRules:
    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"company_name": "Acme", "instructions": "Pitch our rigs and ask for a call next week"},
            {"company_name": "A" * 300, "instructions": "I wanted to reach out. Keep it short."},
            {"linkedin_post_content": "Hope this finds you well! https://x.example\nWe test all releases by hand."},
            {"recipient_context": "Internal: never quote the budget.\nLeads firmware at a maker of robots.", **EXAMPLE},
            {"linkedin_post_content": "word " * 9_000, "instructions": "ask " * 900},
        ],
        ids=["nothing", "instructions", "marker in instructions", "marker in post", "private context", "huge"],
    )
    def test_write_a_mail_that_passes_every_check(self, given: dict[str, str]) -> None:
        written = draft_by_rules(Input(**given))
        greeting, opening, *_, question = written.body.split("\n\n")
        assert find_faults(written) == []
        assert greeting == "Hi {{name}},"
        assert len(re.findall(r"[.!?](?=\s|$)", opening)) <= 3
        assert question.endswith("?")
        assert written.body.count("?") == 1
        assert len(written.body.split()) <= 120

    def test_quote_the_post_and_turn_the_instructions_into_an_offer_and_one_question(self) -> None:
        written = draft_by_rules(Input(**EXAMPLE))
        assert written.subject == "Regression testing at Harbor Robotics"
        assert '"Every firmware release takes us three days of manual testing."' in written.body
        assert "\n\nWe build test rigs for warehouse robots.\n\n" in written.body
        assert written.body.endswith("Would you be open to a 20-minute call about regression testing?")

    @pytest.mark.parametrize(
        ("instructions", "said"),
        [
            ("Offer them an 8 minute demo of our rigs.", "Would you be open to an 8-minute demo?"),
            ("Ask whether they use Kafka.", "May I ask whether you use Kafka?"),
            ("Mention that we know their market. Be brief.", "I should mention that we know your market."),
            ("Invite them to our webinar", "I would like to invite you to our webinar."),
        ],
    )
    def test_speak_to_the_reader_where_the_instructions_speak_of_them(self, instructions: str, said: str) -> None:
        assert said in draft_by_rules(Input(instructions=instructions)).body

    def test_drop_instructions_on_style(self) -> None:
        assert "short" not in draft_by_rules(Input(instructions="Keep it short. Use a warm tone.")).body

    def test_never_quote_what_looks_like_a_note_to_oneself(self) -> None:
        assert "churn" not in draft_by_rules(Input(recipient_context="Likely to churn from our competitor soon.")).body

    def test_tidy_a_faulty_mail_by_leaving_out_only_the_fault(self) -> None:
        tidied = tidy_by_rules(email("A subject that is far too long for the fifty characters", CLICHE))
        assert tidied.subject == "A subject that is far too long for the fifty"
        assert tidied.body == "Hi {{name}},\n\nWould a call next week help?"
        assert find_faults(tidied) == []


async def test_the_example_runs_to_the_end_without_a_model() -> None:
    final = await run_by_rules(graph, EXAMPLE)
    assert_is_complete(final, Output)
    assert (final["source"], final["refine_status"], final["refine_attempts"], final["model"]) == ("rules", "ok", 1, "")
    assert final["body"].startswith("Hi {{name}},\n\n")
    assert final["body"].endswith("\n\nThanks,\nAda Example")
    assert final["prompt_version"] == PROMPT_VERSION


async def test_an_empty_input_still_gives_a_whole_mail() -> None:
    final = await run_by_rules(graph, {})
    assert_is_complete(final, Output)
    assert final["body"].endswith("\n\nThanks")


async def test_a_model_drafts_and_refines_with_the_senders_words_and_the_fenced_context() -> None:
    run = await run_with_model(graph, GIVEN, mail("First version"), mail("Second version"))
    assert_is_complete(run.final, Output)
    assert (run.final["subject"], run.final["draft_subject"]) == ("Second version", "First version")
    assert run.final["draft"] == f"Subject: First version\n\n{CLEAN}\n\n{SIGNATURE}"
    assert run.final["body"] == f"{CLEAN}\n\n{SIGNATURE}"
    assert (run.final["source"], run.final["refine_status"], run.final["refine_attempts"]) == ("llm", "ok", 1)
    assert [request.body["temperature"] for request in run.requests] == [0.5, 0.2]
    for request in run.requests:
        assert "Ask for a call about test rigs." in request.prompt
        assert re.search(r"<(untrusted-\w+)>\nCompany: Harbor.*\$5 per \$unit\.\n</\1>", request.prompt, re.DOTALL)
        assert "`Hi {{name}},`" in request.prompt


async def test_usage_is_counted_over_both_steps_and_names_the_model() -> None:
    run = await run_with_model(graph, GIVEN, mail(), mail())
    assert (run.final["prompt_tokens"], run.final["completion_tokens"]) == (200, 20)
    assert run.final["model"] == "openai:gpt-test"
    assert set(run.final["graph_meta"]["telemetry"]) == {"draft", "refine"}


async def test_a_cliche_is_named_to_the_editor_and_gone_after_the_second_try() -> None:
    run = await run_with_model(graph, GIVEN, mail(), mail(body=CLICHE), mail("Third version"))
    assert (run.final["subject"], run.final["refine_status"], run.final["refine_attempts"]) == (
        "Third version",
        "ok",
        2,
    )
    assert run.final["faults"] == []
    _, first, second = run.requests
    assert 'it says "hope this finds you well"' not in first.prompt
    assert 'it says "hope this finds you well"' in second.prompt
    assert "I hope this finds you well. Would a call" in second.prompt
    assert SIGNATURE not in second.prompt


async def test_a_mail_that_stays_faulty_gives_way_to_the_draft() -> None:
    run = await run_with_model(graph, GIVEN, mail("The draft"), mail(body=CLICHE), mail("x" * 60))
    assert (run.final["subject"], run.final["body"]) == ("The draft", f"{CLEAN}\n\n{SIGNATURE}")
    assert (run.final["refine_status"], run.final["refine_attempts"], run.final["source"]) == ("fallback", 2, "llm")
    assert_is_complete(run.final, Output)


async def test_a_faulty_draft_that_is_returned_is_told_with_its_faults() -> None:
    run = await run_with_model(graph, GIVEN, mail(body=CLICHE), mail(body=CLICHE), mail(body=CLICHE))
    assert run.final["refine_status"] == "fallback"
    assert [MARKERS[0] in fault for fault in run.final["faults"]] == [True]


INVENTED = "Hi {{name}},\n\nOur rigs cut testing by 37 % for 212 teams. Would a call next week help?"


async def test_a_number_that_nobody_gave_is_named_to_the_editor_and_gone_after_the_edit() -> None:
    run = await run_with_model(graph, GIVEN, mail(body=INVENTED), mail("Refined"))
    assert (run.final["subject"], run.final["refine_status"], run.final["source"]) == ("Refined", "ok", "llm")
    assert 'it states "37 %"' in run.requests[1].prompt
    assert 'it states "212"' in run.requests[1].prompt
    assert "37" not in run.final["draft"]


async def test_a_number_that_stays_invented_gives_way_to_the_draft_of_the_rules() -> None:
    run = await run_with_model(graph, GIVEN, mail(body=INVENTED), mail(body=INVENTED), mail(body=INVENTED))
    assert (run.final["refine_status"], run.final["refine_attempts"], run.final["source"]) == ("fallback", 2, "rules")
    plain = draft_by_rules(Input(**GIVEN))
    assert (run.final["subject"], run.final["body"]) == (plain.subject, f"{plain.body}\n\n{SIGNATURE}")
    assert run.final["faults"] == []
    assert_is_complete(run.final, Output)


async def test_a_number_that_only_the_editor_invents_gives_way_to_the_models_draft() -> None:
    run = await run_with_model(graph, GIVEN, mail("The draft"), mail(body=INVENTED), mail(body=INVENTED))
    assert (run.final["subject"], run.final["refine_status"], run.final["source"]) == ("The draft", "fallback", "llm")


async def test_a_malformed_draft_is_written_by_the_rules_and_then_refined_by_the_model() -> None:
    run = await run_with_model(graph, GIVEN, answer("Sure! Here it is"), answer({"subject": 1}), mail("Refined"))
    assert (run.final["subject"], run.final["source"]) == ("Refined", "rules")
    assert run.final["draft_subject"] == "Test rigs at Harbor Robotics"


async def test_a_model_that_dies_after_a_faulty_draft_leaves_it_tidied_by_the_rules() -> None:
    run = await run_with_model(graph, GIVEN, mail(body=CLICHE), dropped())
    assert run.final["body"] == f"Hi {{{{name}}}},\n\nWould a call next week help?\n\n{SIGNATURE}"
    assert (run.final["source"], run.final["refine_status"]) == ("rules", "ok")


async def test_a_given_signature_ends_the_mail_as_it_is() -> None:
    given: dict[str, Any] = {**GIVEN, "signature": "Best,\nA. Example\nHead of Rigs"}
    run = await run_with_model(graph, given, mail(body=f"{CLEAN}\n\nBest,\nA. Example\nHead of Rigs"), mail())
    assert run.final["draft_body"] == f"{CLEAN}\n\nBest,\nA. Example\nHead of Rigs"
    assert run.final["body"] == run.final["draft_body"]
