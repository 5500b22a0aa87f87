"""What an answer says itself, in the forms that the labelled sets do not hold."""

import time

import pytest

from agentic_sales.rules.quotes import newest_text, own_words

HISTORIES = [
    "> Shall we call? To unsubscribe answer STOP.",
    "On Mon, 2 Mar 2026 at 09:00, Ada Example <ada@example.com> wrote:\nunsubscribe here",
    "Am 02.03.2026 um 09:00 schrieb Ada Example:\n> abmelden",
    "-----Original Message-----\nunsubscribe",
    "From: Ada Example <ada@example.com>\nSent: Monday\nunsubscribe",
    "________________________________\nunsubscribe",
    "Am 02.03.2026 um 09:00 schrieb Ada Example:\r\nabmelden",
    "*From:* Ada Example\n*Sent:* Monday\nunsubscribe",
    "De : Ada Example\nEnvoyé : lundi\nunsubscribe",
    "On Mon, Ada Example wrote:\n> unsubscribe",
    "Unsubscribe: https://acme.example/unsubscribe/abc",
    "Ada Example wrote:\nunsubscribe",
    "Quoting Ada Example <ada@x.example>:\nunsubscribe",
    "------------------ 原始邮件 ------------------\n发件人: Ada\nunsubscribe",
    "Ada Example <ada@x.example> wrote on 26/11/2026 09:14:\nunsubscribe",
    "From: Ada <ada@x.example> Sent: Monday To: Jo Subject: Hi\nunsubscribe",
    "On Wednesday, Ada Example wrote:\nunsubscribe",
    "[Original Message processed by david]\nHello 26-Nov-2026\nunsubscribe",
    "Среда, 25 ноября 2026, 14:02 +03:00 от Ada Example ada@x.example:\nunsubscribe",
    "-- \nAcme Ltd, 1 Example Street\nUnsubscribe:\nhttps://acme.example/unsubscribe/abc",
    "Acme Ltd\nUnsubscribe:\n<https://acme.example/unsubscribe/abc>",
]


@pytest.mark.parametrize("history", HISTORIES)
def test_headers_and_quoted_history_are_not_the_message(history: str) -> None:
    assert newest_text(f"Subject: Hello\nFrom: b@x.example\n\nNo need.\n\n{history}\nAre you free?").startswith(
        "No need."
    )
    assert "nsubscribe" not in own_words(f"No need.\n\n{history}")


@pytest.mark.parametrize(
    ("body", "own"),
    [
        ("> Would a call be useful?\n\nYes, sounds good.", "Yes, sounds good."),
        ("On 2 Mar 2026 at 09:00, Ada <ada@x.example> wrote:\n\nHi,\nshall we call?", ""),
        ("> all of it", ""),
        (
            "Please unsubscribe me https://acme.example/unsubscribe/abc",
            "Please unsubscribe me https://acme.example/unsubscribe/abc",
        ),
        ("- one\n- Stop writing to me", "- one\n- Stop writing to me"),
        ("Yes.\n-- \nStop Ltd", "Yes."),
        ("As I wrote:\n\nStop", "As I wrote:\n\nStop"),
        ("-- \nStop", "-- \nStop"),
        ("From: Monday\nTo: Friday\nwe are open.", "From: Monday\nTo: Friday\nwe are open."),
        ("Am Montag schrieb mein Anwalt:\nstopp", "Am Montag schrieb mein Anwalt:\nstopp"),
        ("As agreed at 9:30, two things:\n\nprice and date", "As agreed at 9:30, two things:\n\nprice and date"),
        ("> a line that a mail program broke because it was longer than it likes\nto have\n> them\n\nNo.", "No."),
    ],
)
def test_what_the_writer_wrote_is_kept_and_nothing_of_ours(body: str, own: str) -> None:
    assert own_words(body) == own


@pytest.mark.parametrize(
    "part",
    [
        "On 1:00 <a@b> ",
        "From: ",
        "-- a ",
        "> ",
        "\n",
        "wrote",
        " ",
        "_-",
        "a: ",
        "On Monday Ann Field wrote ",
        "1:00 a@b ",
    ],
)
def test_a_text_ten_times_as_long_takes_no_hundredfold_time(part: str) -> None:
    def took(length: int) -> float:
        text = part * (length // len(part))
        start = time.perf_counter()
        own_words(text)
        return time.perf_counter() - start

    own_words("warm")
    assert min(took(100_000) for _ in range(2)) < 40 * max(min(took(10_000) for _ in range(3)), 0.01)
