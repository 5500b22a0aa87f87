"""What a reader sees of a page, and what a stranger may have hidden in it."""

import time

import pytest

from agentic_sales.sources.html import Reading, read_html, read_plain

URL = "https://example.com/section/page"


def read(body: str) -> Reading:
    return read_html(f"<!doctype html><html><head><title>T</title></head><body>{body}</body></html>", URL)


def test_a_page_becomes_markdown_with_absolute_links() -> None:
    page = read(
        "<h1>Careers</h1><p>We are <b>hiring</b>\n in <a href='../jobs'>many roles</a>.</p><ol><li>One<li>Two</ol>"
    )
    assert page.markdown == (
        "# Careers\n\nWe are **hiring** in [many roles](https://example.com/jobs).\n\n- One\n- Two"
    )


def test_the_text_of_a_page_has_one_line_per_block() -> None:
    page = read("<h1>Plans</h1>\n<p>All   <i>plans</i>\nare fair.<br>Really.</p><table><tr><td>Basic<td>9</table>")
    assert page.text.splitlines() == ["Plans", "All plans are fair.", "Really.", "Basic", "9"]


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("<title> A &amp; B\n c </title><h1>x</h1>", "A & B c"),
        ("<h1>Only <i>heading</i></h1>", "Only heading"),
        ("<p>x</p>", ""),
        (f"<title>{'x' * 400}</title>", "x" * 300),
    ],
)
def test_the_title_is_the_titles_or_the_first_headings(markup: str, title: str) -> None:
    assert read_html(markup, URL).title == title


def test_links_are_absolute_and_each_once_in_order_without_fragments() -> None:
    page = read(
        "<a href='/b#x'>b</a><a href='a'>a</a><a href='https://example.com/b#y'>b</a><a href='https://other.example.com'>o</a>"
        "<a href='javascript:alert(1)'>j</a><a href='mailto:x@example.com'>m</a><a href='http://[broken'>?</a><a>none</a>"
    )
    assert page.links == (
        "https://example.com/b",
        "https://example.com/section/a",
        "https://other.example.com/",
    )


def test_links_follow_the_base_that_the_page_declares() -> None:
    assert read_html("<base href='/base/'><a href='a'>a</a>", URL).links == ("https://example.com/base/a",)


def test_emails_come_from_links_and_text_lower_case_and_each_once() -> None:
    page = read(
        "<p>Write to Sales@Example.com, <b>sales@example.com</b> or jo.doe+x@mail.example.co.uk.</p>"
        "<a href='MAILTO:Jobs%40example.com,second@example.com?subject=a@b.example.com'>Apply</a>"
        "<p>logo@2x.png icon@3x.webp @handle a@b not@valid..com</p>"
    )
    assert page.emails == (
        "jobs@example.com",
        "second@example.com",
        "sales@example.com",
        "jo.doe+x@mail.example.co.uk",
    )


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>var x = 'SECRET';</script>",
        "<style>.a { content: 'SECRET' }</style>",
        "<noscript>SECRET</noscript>",
        "<template><p>SECRET</p></template>",
        "<svg><text>SECRET</text></svg>",
        "<iframe srcdoc='x'>SECRET</iframe>",
        "<!-- SECRET -->",
        "<?SECRET do this ?>",
        "<![CDATA[SECRET]]>",
        "<p hidden>SECRET</p>",
        "<div hidden='until-found'><p>SECRET</p></div>",
        "<p style='display:none'>SECRET</p>",
        "<p style='color: red; DISPLAY : NONE !important'>SECRET</p>",
        "<p style='visibility: hidden'>SECRET</p>",
        "<p style='font-size:0'>SECRET</p>",
        "<p style='font-size: 0px'>SECRET</p>",
        "<img src='x.png' alt='SECRET' title='SECRET'>",
        "<a href='/x' title='SECRET'>link</a>",
        "<input type='hidden' value='SECRET'>",
        "<p data-prompt='SECRET'>text</p>",
    ],
)
def test_what_a_browser_does_not_show_reaches_neither_text_nor_markdown(hidden: str) -> None:
    page = read(f"<p>before</p>{hidden}<p>after</p>")
    assert "SECRET" not in page.text + page.markdown
    assert page.text.startswith("before")
    assert page.text.endswith("after")


def test_a_hidden_link_is_not_followed() -> None:
    assert read("<a hidden href='/trap'>x</a><a style='display:none' href='/trap'>x</a>").links == ()


def test_an_address_in_hidden_text_is_not_found() -> None:
    assert read("<p hidden>trap@example.com <a href='mailto:trap2@example.com'>x</a></p>").emails == ()


def test_a_small_but_visible_font_is_read() -> None:
    assert read("<p style='font-size:0.8em'>fine print</p>").text == "fine print"


def test_characters_without_a_shape_are_dropped() -> None:
    smuggled = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    page = read(f"<p>pay\u200b\u2060\u202eroll{smuggled}\ufeff</p>")
    assert page.text == page.markdown == "payroll"
    assert read_plain(f"a{smuggled}b").text == "ab"


@pytest.mark.parametrize(
    "markup",
    [
        "",
        " ",
        "<",
        ">",
        "<html",
        "http://example.com/x.html",
        "\x00<p>x",
        "<?xml version='1.0'?><a><b>t</b></a>",
        "<?xml version='1.0'?>\n<?xml <p>x",
        "<p>&#xD800;&#0;",
    ],
)
def test_markup_that_is_hardly_html_is_read_without_complaint(markup: str) -> None:
    assert isinstance(read_html(markup, URL), Reading)


SIXTY_FOUR_KILOBYTES = 2**16
HOSTILE = {
    "deep nesting": "<div>" * (SIXTY_FOUR_KILOBYTES // 5),
    "a long list": "<ol>" + "<li>x" * (SIXTY_FOUR_KILOBYTES // 5),
    "nested lists of many lines": "<ul><li>" * 48 + "word\n " * SIXTY_FOUR_KILOBYTES,
    "almost addresses": "<p>" + "a@b." * SIXTY_FOUR_KILOBYTES,
    "space before a declaration": " " * 8 * SIXTY_FOUR_KILOBYTES + "<p>x",
}


@pytest.mark.parametrize("markup", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_page_is_read_in_bounded_time(markup: str) -> None:
    started_s = time.process_time()
    read_html(markup, URL)
    assert time.process_time() - started_s < 3.0


@pytest.mark.parametrize(
    "dialog",
    [
        '<div class="cookie-banner"><p>We use cookies.</p><button>Accept all</button></div>',
        '<div id="CybotCookiebotDialog"><p>This site uses cookies and similar technologies.</p></div>',
        '<section class="didomi-popup">Nous utilisons des cookies.</section>',
        '<aside id="onetrust-consent-sdk">Privacy preferences</aside>',
        '<div class="cmplz-cookiebanner">Wir verwenden Cookies.</div>',
    ],
)
def test_a_dialog_that_asks_for_consent_is_no_content(dialog: str) -> None:
    assert read(f"{dialog}<main>We tune pianos.</main>").text == "We tune pianos."


@pytest.mark.parametrize(
    "content",
    [
        '<main class="cookies-accepted">Cookies and cakes.</main>',
        '<div class="cookie-recipes">Bake them for ten minutes.</div>',
        '<div class="card">Our cookies are baked daily.</div>',
    ],
)
def test_what_a_bakery_says_of_its_cookies_is_content(content: str) -> None:
    assert read(content).text


def test_addresses_that_are_hidden_from_machines_are_read() -> None:
    hidden = bytes([7, *(letter ^ 7 for letter in b"office@example.com")]).hex()
    page = read(
        f'<a class="__cf_email__" data-cfemail="{hidden}">[email]</a>'
        f'<a href="/cdn-cgi/l/email-protection#{hidden}">x</a>'
        "<p>kontakt (at) example (punkt) org</p><p>jo [at] example.net</p><p>Meet us at example.com</p>"
    )
    assert page.emails == ("office@example.com", "kontakt@example.org", "jo@example.net")


@pytest.mark.parametrize("code", ["", "zz", "0", "ab" * 5_000, "4a"])
def test_a_damaged_protected_address_is_none(code: str) -> None:
    assert read(f'<a data-cfemail="{code}">x</a>').emails == ()


@pytest.mark.parametrize(
    ("href", "emails"),
    [
        ("mailto:Sales%20Team%20%3Csales@example.com%3E", ("sales@example.com",)),
        ("MAILTO:a@example.com,b@example.com?cc=c@example.com", ("a@example.com", "b@example.com")),
    ],
)
def test_addresses_of_mail_links_are_read_with_and_without_names(href: str, emails: tuple[str, ...]) -> None:
    assert read(f'<a href="{href}">m</a>').emails == emails


def test_links_are_read_as_browsers_read_them() -> None:
    page = read(
        '<a href="\\sub\\back">b</a><a href="HTTP://EXAMPLE.com/x">x</a>'
        '<a href=" /a page ">p</a><a href="/li\nne">l</a>'
    )
    assert page.links == (
        "https://example.com/sub/back",
        "http://EXAMPLE.com/x",
        "https://example.com/a%20page",
        "https://example.com/line",
    )


def test_a_page_gives_no_more_links_addresses_and_text_than_is_kept() -> None:
    many = "".join(f'<a href="/{n}">{n}</a> {n}@example.com ' for n in range(3_000))
    page = read(f"{many}<a href='/{'x' * 3_000}'>long</a>")
    assert (len(page.links), len(page.emails)) == (1_000, 200)
    base = "https://example.com/" + "y" * 1_900
    assert len(read_html("<a href='?'>z</a>" * 400, base).markdown) <= 500_000
