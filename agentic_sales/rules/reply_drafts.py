"""Read the wish of an email and answer it by words alone. Mend a draft that breaks the rules of a reply."""

import re
from collections.abc import Mapping
from typing import Literal, Protocol

from pydantic import BaseModel, Field

from agentic_sales.rules.inventions import fault_of, invented_numbers
from agentic_sales.rules.names import greeting
from agentic_sales.rules.optouts import OptOut, OptOutWords, opt_out
from agentic_sales.rules.quotes import newest_text
from agentic_sales.rules.sign_offs import without_notices

MAX_WORDS = 119
"""Longest reply without calendar link and signature. The promise is fewer than 120."""
MAX_ASK_LETTERS = 200
INFORMAL_TONES = frozenset({"casual", "friendly", "informal", "warm"})

Intent = Literal["question", "meeting_request", "objection", "info_share", "other"]
Sentiment = Literal["positive", "neutral", "negative"]

_SUBJECT = re.compile(r"^subject: *(?P<subject>[^\n]*\S)", re.IGNORECASE | re.MULTILINE)
_REPLY_MARKS = re.compile(r"^(?:(?:re|aw|sv|fwd?|wg): *)+", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[[A-Z][^\]\n]{1,40}\](?!\()|\{\{?\w+\}?\}")
_STATEMENT = re.compile(r"(?:we|our|i|my|i'm|we're)\b", re.IGNORECASE)
_OBJECTION = re.compile(
    r"\b(?:not interested|no interest|no need|not a (?:fit|priority)|not the right (?:time|fit)|no budget|"
    r"too expensive|too pricey|already (?:use|have|using|work with)|happy with (?:our|what)|"
    r"(?:have to|will|must) (?:pass|decline)|not convinced|concern(?:ed|s)? (?:about|with))\b",
    re.IGNORECASE,
)
_MEETING = re.compile(
    r"\b(?:(?:schedule|set up|arrange|book|have|jump on|hop on|do|join|up for) (?:a |an |the |another )?(?:[\w-]+ )?"
    r"(?:call|meeting|demo|chat|conversation)|(?:are you|i am|i'm|we are|we're) (?:free|available)|"
    r"your (?:availability|calendar)|time slots?|(?:call|meet|talk|speak) (?:on|next|this|tomorrow))\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"\?|\b(?:could|can|would) you (?:tell|send|share|explain|confirm|let)\b", re.IGNORECASE)
_INFORMATION = re.compile(
    r"\b(?:attached|enclosed|fyi|for your information|here (?:is|are)|as promised|please find|sharing|see below)\b",
    re.IGNORECASE,
)
_INTENTS: tuple[tuple[Intent, re.Pattern[str]], ...] = (
    ("objection", _OBJECTION),
    ("meeting_request", _MEETING),
    ("question", _QUESTION),
    ("info_share", _INFORMATION),
)
"""Intents in the order in which they win, with the words that tell them."""
ANSWERS: Mapping[Intent, tuple[str, str]] = {
    "question": ("Thank you for your question.", "I will find out and come back to you with a clear answer."),
    "meeting_request": ("I would be glad to talk.", ""),
    "objection": ("Thank you for the frank answer.", "I understand that this does not fit at the moment."),
    "info_share": ("Thank you for sending this.", "I will read it and write if I have questions."),
    "other": ("Thank you for your message.", "I will come back to you about it."),
}
"""The rules' answers: an opening, and the text that follows if there are no details."""
_POSITIVE = re.compile(
    r"\b(?:great|glad|happy to|love|excited|perfect|interesting|interested|impressed|excellent|wonderful)\b",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(
    r"\b(?:not interested|unsubscribe|stop|annoy\w*|disappoint\w*|unhappy|frustrat\w*|spam|too expensive|never|wrong|"
    r"complain\w*|remove me|not convinced|unacceptable)\b",
    re.IGNORECASE,
)


class EmailIntent(BaseModel):
    """The wish of an email's writer."""

    intent: Intent = Field(description="What the email is.")
    sentiment: Sentiment = Field(description="The writer's mood towards the reader.")
    key_ask: str = Field(description="The one thing they want, in one sentence. Empty: nothing.")


class ReplyDraft(BaseModel):
    """A reply without its calendar line and signature."""

    subject: str = Field(min_length=3, max_length=200, description='Subject that begins with "Re:".')
    body: str = Field(min_length=2, description="The reply from the greeting to the last sentence.")


class Polished(BaseModel):
    """A mended reply."""

    body: str = Field(min_length=2, description="The whole reply from the greeting to the last sentence.")


class ReplyBrief(Protocol):
    """The material for a reply. See the input of `email_reply`."""

    original_email: str
    sender: str
    instructions: str
    tone: str
    reply_type: str
    include_calendly: bool
    calendly_url: str
    additional_details: str


NOTHING_KNOWN = EmailIntent(intent="other", sentiment="neutral", key_ask="")


def wish_to_be_left_alone(original_email: str, words: OptOutWords | None = None) -> OptOut | None:
    """Return the opt-out of an email. None if it has none."""
    return opt_out(without_notices(newest_text(original_email)), told_subject(original_email), words)


def why_silent(wish: OptOut) -> str:
    """Return why such an email is not answered, for people."""
    if wish.is_certain:
        return f"the email asks to be left alone: `{wish.words}`"
    return f"the email may ask to be left alone, and a person must read it: `{wish.words}`"


def analyze_by_rules(original_email: str, words: OptOutWords | None = None) -> EmailIntent:
    """Read an email by its words."""
    text = newest_text(original_email)
    by_words: Intent = next((intent for intent, told in _INTENTS if told.search(text)), "other")
    intent: Intent = "objection" if wish_to_be_left_alone(original_email, words) else by_words
    return EmailIntent(intent=intent, sentiment=_sentiment(text), key_ask=_key_ask(text, intent))


def _sentiment(text: str) -> Sentiment:
    balance = len(_POSITIVE.findall(text)) - 2 * len(_NEGATIVE.findall(text))
    if balance == 0:
        return "neutral"
    return "positive" if balance > 0 else "negative"


def _key_ask(text: str, intent: Intent) -> str:
    asked = [sentence for sentence in _sentences(text) if sentence.endswith("?")]
    patterns = [words for name, words in _INTENTS if name == intent]
    told = [sentence for sentence in _sentences(text) if any(words.search(sentence) for words in patterns)]
    found = (asked if intent in {"question", "meeting_request"} else []) or told
    return found[0][:MAX_ASK_LETTERS] if found else ""


def _sentences(text: str) -> list[str]:
    return [" ".join(sentence.split()) for sentence in re.split(r"(?<=[.!?])\s+|\n\s*\n", text) if sentence.strip()]


def told_subject(original_email: str) -> str:
    """Return the subject that an email tells in a line of its own. Empty if it tells none."""
    found = _SUBJECT.search(original_email)
    return found["subject"] if found else ""


def subject_of_thread(original_email: str) -> str:
    """Return the subject of a reply in the same thread. Empty if the email does not tell its subject."""
    subject = told_subject(original_email)
    return f"Re: {_REPLY_MARKS.sub('', subject)[:MAX_ASK_LETTERS]}" if subject else ""


def calendar_line(given: ReplyBrief) -> str:
    """Return the line with the page on which to pick a time. Empty if none is wanted."""
    is_wanted = given.include_calendly and given.calendly_url
    return f"You can pick a time that suits you here: {given.calendly_url}" if is_wanted else ""


def reply_by_rules(given: ReplyBrief, intent: Intent) -> ReplyDraft:
    """Answer from the details and the instructions alone, and promise only to come back."""
    said = [sentence for sentence in _sentences(given.instructions) if _STATEMENT.match(sentence)]
    details = " ".join([*_sentences(given.additional_details), *said])
    paragraphs = [_greeting(given), *_answer(given, intent, details)]
    body = tidy_by_rules("\n\n".join(paragraph for paragraph in paragraphs if paragraph))
    return ReplyDraft(subject=subject_of_thread(given.original_email) or "Re: your message", body=body)


def _greeting(given: ReplyBrief) -> str:
    hello = "Hi" if given.tone.lower() in INFORMAL_TONES else "Hello"
    return greeting(hello, given.sender)


def _answer(given: ReplyBrief, intent: Intent, details: str) -> tuple[str, ...]:
    if given.reply_type.lower().startswith("decline"):
        return ("Thank you for your message.", details or "This is not a fit for us at the moment.")
    opening, without_details = ANSWERS[intent]
    is_time_open = intent == "meeting_request" and not calendar_line(given)
    closing = "Which two or three times suit you best?" if is_time_open else ""
    return (opening, details or without_details, closing)


def find_faults(body: str) -> list[str]:
    """Return the rules that a reply breaks, worded as instructions to an editor. Empty if it breaks none."""
    faults = [f"it holds the placeholder {found[0]}; say it without one" for found in _PLACEHOLDER.finditer(body)]
    if (words := len(body.split())) > MAX_WORDS:
        faults.append(f"it has {words} words; use at most {MAX_WORDS}")
    return faults


def faults_of(body: str, given: ReplyBrief, intent: Intent) -> list[str]:
    """Return the rules that a reply breaks, and the numbers in it that nobody gave."""
    return [*find_faults(body), *map(fault_of, inventions_in(body, given, intent))]


def inventions_in(text: str, given: ReplyBrief, intent: Intent) -> list[str]:
    """Return the numbers of a reply that nobody gave. The rules' reply to the same email may have numbers."""
    told = [given.original_email, given.sender, given.instructions, given.additional_details]
    return invented_numbers(text, [*told, given.tone, given.reply_type, reply_by_rules(given, intent).body])


def settled(body: str, given: ReplyBrief, intent: Intent) -> tuple[str, bool]:
    """Return a reply that may stand, and whether it is the given one. An invention gives way to the rules' reply."""
    if inventions_in(body, given, intent):
        return reply_by_rules(given, intent).body, False
    return (tidy_by_rules(body), False) if find_faults(body) else (body, True)


def with_known_numbers(told: EmailIntent, by_words: EmailIntent, original_email: str) -> EmailIntent:
    """Return the wish of an email's writer. A wish with numbers that the email does not have is left out."""
    is_invented = invented_numbers(told.key_ask, [original_email])
    return told.model_copy(update={"key_ask": by_words.key_ask}) if is_invented else told


def subject_for(given: ReplyBrief, told: str) -> str:
    """Return the subject of a reply: that of the thread, else the told one unless it has invented numbers."""
    plain = "Re: your message" if inventions_in(told, given, "other") else told
    return subject_of_thread(given.original_email) or plain


def tidy_by_rules(body: str) -> str:
    """Remove every breach of the rules: sentences with a placeholder, and those after the last allowed word."""
    left = MAX_WORDS
    paragraphs = []
    for paragraph in body.split("\n\n"):
        kept, left = _fitting(paragraph, left)
        paragraphs.append(kept)
    tidied = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return tidied or " ".join(_PLACEHOLDER.sub("", body).split()[:MAX_WORDS])


def _fitting(paragraph: str, words: int) -> tuple[str, int]:
    """Return the sentences of a paragraph that fit into so many words, and how many words are left."""
    if not find_faults(paragraph) and len(paragraph.split()) <= words:
        return paragraph, words - len(paragraph.split())
    kept: list[str] = []
    for sentence in _sentences(paragraph):
        if _PLACEHOLDER.search(sentence):
            continue
        if (length := len(sentence.split())) > words:
            return " ".join(kept), 0
        kept.append(sentence)
        words -= length
    return " ".join(kept), words
