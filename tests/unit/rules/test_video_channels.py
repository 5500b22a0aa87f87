"""A channel names its own site, its sponsors, its makers and its address for business. Nothing is guessed."""

from datetime import UTC, datetime, timedelta

import pytest

from agentic_sales.rules.video_channels import (
    ChannelText,
    ChannelVideo,
    business_address,
    own_company,
    read_channel,
    read_words,
    relevance,
    sponsors,
)


def channel(description: str = "", *videos: str, title: str = "Acme Talks") -> ChannelText:
    """Return a channel with videos of these descriptions, a week apart."""
    start = datetime(2026, 1, 30, tzinfo=UTC)
    newest = [
        ChannelVideo(
            title="A talk", url=f"https://v.example/{n}", description=text, published_at=start - timedelta(days=7 * n)
        )
        for n, text in enumerate(videos)
    ]
    return ChannelText(channel_id="UC1", title=title, url="https://c.example/1", description=description, newest=newest)


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("Visit https://www.acme.example/talks today.", "acme.example"),
        ("Slides: https://slides.example/\nUs: https://acme.example/", "acme.example"),
        ("Patreon: https://patreon.com/acme https://www.linkedin.com/in/acme", None),
        ("Sponsored by Foo: https://foo.example", None),
        ("https://foo.example - use code ACME for 10% off", None),
        ("Our site https://acme.example, sponsored by https://foo.example", "acme.example"),
        ("", None),
    ],
)
def test_the_own_site_is_the_one_that_nobody_pays_for(text: str, site: str | None) -> None:
    found = own_company(channel(text))
    assert (found.domain if found else None) == site


def test_a_site_that_half_of_the_videos_link_to_is_the_channels_own() -> None:
    assert (
        own_company(channel("", "https://works.example", "https://works.example/x", "https://other.example"))
        is not None
    )
    assert own_company(channel("", "https://works.example", "https://other.example", "https://third.example")) is None


def test_a_sponsor_is_named_once_with_the_words_that_say_so() -> None:
    text = "This video is sponsored by Foo: https://foo.example/acme"
    [found] = sponsors(channel("https://acme.example", text, text))
    assert (found.domain, found.relation, found.quote) == ("foo.example", "sponsor", text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Business inquiries: Hello@Acme.example", "hello@acme.example"),
        ("press@acme.example", "press@acme.example"),
        ("Geschäftliche Anfragen an team@acme.example", "team@acme.example"),
        ("My mother is ada@home.example", None),
        ("Business questions go to our form.", None),
    ],
)
def test_an_address_for_business_is_one_that_is_printed_as_such(text: str, address: str | None) -> None:
    found = business_address(channel(text))
    assert (found[0] if found else None) == address


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hosted by Wilma Exampleton and friends.", ["Wilma Exampleton"]),
        ("Hi, I'm Otto van der Sample, and I sell.", ["Otto van der Sample"]),
        ("Mein Name ist Jürgen Mustermann.", ["Jürgen Mustermann"]),
        ("I'm building agents.", []),
        ("Hosted by Acme.", []),
        ("Our guest today: Wilma Exampleton.", []),
        ("My name is Wilma.", []),
    ],
)
def test_a_maker_is_named_with_first_and_family_name(text: str, names: list[str]) -> None:
    assert [person.name for person in read_words(channel(text)).people] == names


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("We're hiring an editor.", ["hiring"]),
        ("We are not hiring.", []),
        ("We just raised a seed round.", ["scaling"]),
        ("Want to sponsor the show? Become a sponsor.", ["sponsoring"]),
        ("We are evaluating vector databases.", ["buying"]),
        ("A talk about hiring.", []),
    ],
)
def test_what_the_makers_want_is_what_they_say(text: str, kinds: list[str]) -> None:
    assert [intent.kind for intent in read_words(channel(text)).intents] == kinds


def test_the_cadence_is_the_median_of_the_days_between_videos() -> None:
    assert read_channel(channel("", "", "", ""), "talks").cadence_days == 7.0
    assert read_channel(channel("", ""), "talks").cadence_days is None


def test_relevance_counts_the_words_of_the_topic_in_their_forms() -> None:
    about = channel("We build agents for retrieval.")
    assert relevance(about, "retrieval agent") == 1.0
    assert relevance(about, "the retrieval of orchids") == 0.5
    assert relevance(about, "growing orchids") == 0.0
