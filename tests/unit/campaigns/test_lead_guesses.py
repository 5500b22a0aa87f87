"""A guessed address counts only if a check says that this very mailbox is there."""

import pytest

from agentic_sales.campaigns.leads.guesses import MOST_GUESSES, confirmed_guess
from agentic_sales.sources.mailboxes import MailboxVerdict, Verdict


class Server:
    """A mail server as a check tells of it."""

    def __init__(self, *mailboxes: str, others: Verdict = "undeliverable") -> None:
        self.mailboxes, self.others = mailboxes, others
        self.asked: list[str] = []

    async def check(self, address: str) -> MailboxVerdict:
        """Tell of an address."""
        self.asked.append(address)
        return MailboxVerdict(address, "deliverable" if address in self.mailboxes else self.others, ())


async def test_the_first_mailbox_that_is_there_counts() -> None:
    server = Server("ada@acme.example")
    found = await confirmed_guess("Ada Lovelace", "acme.example", server.check)
    assert found is not None
    assert found.address == "ada@acme.example"
    assert server.asked == ["ada.lovelace@acme.example", "ada@acme.example"]


@pytest.mark.parametrize("others", ["risky", "unknown"])
async def test_a_server_that_tells_no_mailboxes_apart_confirms_nothing_and_is_asked_once(others: Verdict) -> None:
    server = Server(others=others)
    assert await confirmed_guess("Ada Lovelace", "acme.example", server.check) is None
    assert len(server.asked) == 1


async def test_a_person_whose_mailbox_is_elsewhere_has_no_address_after_a_few_guesses() -> None:
    server = Server()
    assert await confirmed_guess("Ada Lovelace", "acme.example", server.check) is None
    assert len(server.asked) == MOST_GUESSES


async def test_a_name_of_one_word_is_no_guess() -> None:
    server = Server()
    assert await confirmed_guess("ada", "acme.example", server.check) is None
    assert server.asked == []
