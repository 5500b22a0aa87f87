"""Documents become passages by their headings, none longer than stated, and each found by its terms."""

from itertools import pairwise

from agentic_sales.rules.passages import MOST_TOKENS, OVERLAP_TOKENS, count_tokens, indexed_parts, parts_of
from agentic_sales.rules.search_terms import terms_of

SENTENCE = "The supplier keeps record number {n} of every delivery for ten years."


def test_a_passage_knows_the_headings_above_it_and_a_line_of_code_is_none() -> None:
    text = "Intro.\n\n# Terms\n\nOne.\n\n## Notice\n\n90 days.\n\n```sh\n# no heading\n```\n\nFees\n====\n\nTwo."
    parts = parts_of(text)
    assert [part.heading_path for part in parts] == [(), ("Terms",), ("Terms", "Notice"), ("Fees",)]
    assert (parts[0].text, parts[1].text, parts[3].text) == ("Intro.", "One.", "Two.")
    assert parts[2].text.startswith("90 days.")
    assert "no heading" in parts[2].text


def test_a_long_section_becomes_passages_within_the_limit_that_overlap_and_lose_nothing() -> None:
    told = [SENTENCE.format(n=number) for number in range(400)]
    parts = parts_of("# Records\n\n" + " ".join(told))
    assert len(parts) > 3
    assert all(count_tokens(part.text) <= MOST_TOKENS for part in parts)
    for before, after in pairwise(parts):
        shared = [sentence for sentence in told if sentence in before.text and sentence in after.text]
        assert 0 < count_tokens(" ".join(shared)) <= OVERLAP_TOKENS
    assert all(any(sentence in part.text for part in parts) for sentence in told)


def test_a_text_without_ends_of_sentences_is_cut_within_the_limit() -> None:
    parts = parts_of("word " * 5_000)
    assert all(count_tokens(part.text) <= MOST_TOKENS for part in parts)
    assert sum(part.text.count("word") for part in parts) >= 5_000


def test_a_menu_of_links_is_no_part_of_a_page() -> None:
    menu = "[Home](https://a.example/) [Pricing](https://a.example/p) [Jobs](https://a.example/j)"
    assert [part.text for part in parts_of(f"{menu}\n\nWe sell pumps. See [Pricing](https://a.example/p).")] == [
        "We sell pumps. See Pricing."
    ]


def test_a_passage_is_found_by_the_host_of_its_page_and_by_other_forms_of_its_words() -> None:
    [part] = indexed_parts("Pricing", "https://www.moon-quay.example/pricing", "Licences cost 1,200 euros.")
    assert set(terms_of("Moon Quay licence costs 1200")) <= set(part.terms)


def test_scripts_without_spaces_are_found_by_a_part_of_a_sentence() -> None:
    [part] = indexed_parts("会社", "", "工場の不良品を画像で見つけるソフトウェア")
    assert set(terms_of("不良品")) <= set(part.terms)
