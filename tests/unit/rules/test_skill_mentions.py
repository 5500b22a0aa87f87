"""A word is a skill by its context, and required or nice to have by its section and its sentence."""

import pytest

from agentic_sales.rules.job_sections import split_sections, texts_of
from agentic_sales.rules.skill_mentions import mentions_in
from agentic_sales.rules.skill_words import skill_words, tag_for

WORDS = skill_words.own


def found(text: str, title: str = "") -> dict[str, str]:
    """Return the level of each skill."""
    return {one.tag: one.level for one in mentions_in(text, WORDS, title)}


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("You go the extra mile.", "go"),
        ("Go the extra mile with us.", "go"),
        ("You React quickly.", "react"),
        ("React quickly to incidents.", "react"),
        ("Start in Spring.", "spring"),
        ("We give swift feedback.", "swift"),
        ("Our R&D team grows.", "r"),
        ("You report to the C-level.", "c"),
        ("You express ideas well.", "express"),
        ("You excel in teams.", "excel"),
        ("A Chef with a heart.", "chef"),
        ("You Spark joy.", "spark"),
    ],
)
def test_an_ordinary_word_is_no_skill(text: str, tag: str) -> None:
    assert tag not in found(text)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("Experience with Go.", "go"),
        ("Python or Go", "go"),
        ("Services written in Go and deployed weekly.", "go"),
        ("Strong React skills", "react"),
        ("Requirements: Chef or Ansible", "chef"),
        ("Spring developers know this.", "spring"),
        ("- R\n- SQL", "r"),
        ("Good knowledge of C.", "c"),
        ("Excel is a must.", "excel"),
        ("Kenntnisse in Excel.", "excel"),
        ("Snowflake-Kenntnisse", "snowflake"),
        ("Maîtrise d'Excel.", "excel"),
        ("Conocimientos de Spark", "spark"),
    ],
)
def test_an_ordinary_word_is_a_skill_where_the_words_around_it_say_so(text: str, tag: str) -> None:
    assert tag in found(text)


def test_a_title_confirms_an_ordinary_word_only_as_the_name_of_a_skill() -> None:
    assert "go" in found("You write Go all day.", "Go Engineer")
    assert "chef" not in found("The Chef will teach you.", "Chef de partie")


def test_the_longest_name_at_a_place_counts_alone() -> None:
    assert found("SQL Server, React Native, Spring Boot, GitLab CI") == dict.fromkeys(
        ("sql-server", "react-native", "spring-boot", "gitlab-ci"), "required"
    )


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("Requirements\n- Kafka", "required"),
        ("Nice to have\n- Kafka", "nice_to_have"),
        ("Requirements\n- Kafka is a plus", "nice_to_have"),
        ("Requirements\n- Python\n- Ideally Kafka", "nice_to_have"),
        ("Responsibilities\n- You run Kafka", "optional"),
        ("Responsibilities\n- You must know Kafka", "required"),
        ("Our stack: Kafka", "optional"),
        ("What would make you stand out: Kafka", "nice_to_have"),
        ("WHAT'S GREAT TO HAVE\n- Kafka", "nice_to_have"),
        ("Das solltest du mitbringen\n- Kafka", "required"),
        ("Requirements\n- Kafka, but it is not essential, only desirable", "nice_to_have"),
        ("Von Vorteil: Kafka", "nice_to_have"),
        ("Les plus :\n- Kafka", "nice_to_have"),
        ("Meriterande med Kafka.", "nice_to_have"),
        ("You have run Kafka in production.", "required"),
        ("You will run Kafka.", "optional"),
    ],
)
def test_the_wording_of_a_sentence_decides_over_the_section(text: str, grade: str) -> None:
    assert found(text)["kafka"] == grade


@pytest.mark.parametrize(
    "text",
    [
        "No Java required.",
        "Java is not required.",
        "Sie brauchen kein Java.",
        "You do not need to know Java.",
        "Java? Not needed.",
    ],
)
def test_a_skill_that_nobody_needs_is_left_out(text: str) -> None:
    assert found(text) == {}


def test_a_skill_besides_others_is_not_denied() -> None:
    assert found("Not only Java, but also Kotlin is required.") == {"java": "required", "kotlin": "required"}


def test_each_mention_has_the_sentence_that_names_it() -> None:
    [mention] = mentions_in("We sell ships. You know Python 3.11 well. Apply!", WORDS)
    assert (mention.phrase, mention.sentence) == ("Python 3.11", "You know Python 3.11 well.")


def test_a_description_is_cut_by_whole_lines_and_by_words_before_a_colon() -> None:
    text = "Hello.\n## What you'll do\nBuild.\nRequirements: Go. Bonus: Rust.\nAbout us\nWe sail."
    assert texts_of(text, split_sections(text, WORDS.headings)) == {
        "required": "Go.",
        "nice_to_have": "Rust.",
        "responsibilities": "Build.",
        "other": "Hello.\nWe sail.",
    }


@pytest.mark.parametrize(
    ("phrase", "tag"),
    [("Node JS", "nodejs"), ("k8s", "kubernetes"), ("Go", "go"), ("spring-boot", "spring-boot"), ("juggling", "")],
)
def test_a_phrase_that_somebody_wrote_has_a_tag_or_none(phrase: str, tag: str) -> None:
    assert tag_for(phrase, WORDS) == tag


def test_every_skill_has_words_and_a_label() -> None:
    cased = set(WORDS.cased_tags.values())
    assert all(skill.label and (tag in WORDS.plain_of or tag in cased) for tag, skill in WORDS.skills.items())


def test_a_long_description_of_one_word_is_read_in_time() -> None:
    assert len(mentions_in("Go, " * 4_000, WORDS)) <= 80
