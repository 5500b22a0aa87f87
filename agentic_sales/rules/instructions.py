"""Turn a sender's instructions into the words of a mail: sentences in the first person, and one question."""

import re

from agentic_sales.rules.wording import sentences

MAX_PITCH_SENTENCES = 3
FIRST_PERSON = {
    "congratulate": "I would like to congratulate",
    "describe": "Let me describe",
    "discuss": "I would like to discuss",
    "emphasize": "I should mention",
    "explain": "Let me explain",
    "highlight": "I should mention",
    "intro": "I would like to introduce",
    "introduce": "I would like to introduce",
    "invite": "I would like to invite",
    "mention": "I should mention",
    "offer": "I would like to offer",
    "pitch": "I would like to introduce",
    "present": "I would like to present",
    "promote": "I would like to introduce",
    "propose": "I would like to propose",
    "say": "I should say",
    "share": "I would like to share",
    "show": "I would like to show",
    "suggest": "I would like to suggest",
    "tell": "I would like to tell",
    "thank": "I would like to thank",
}
"""Verb of an instruction to how its writer says the same; instructions with other verbs are about style."""
ASKING = ("arrange", "ask", "book", "get", "invite", "offer", "propose", "request", "schedule", "suggest")
"""Verbs of an instruction that may ask for a meeting."""
SECOND_PERSON = {"them": "you", "they": "you", "their": "your", "theirs": "yours", "they're": "you are"}

_IS_STATEMENT = re.compile(r"(?:we|our|i|my|i'm|we're|i've|we've)\b", re.IGNORECASE)
_MEETING = re.compile(
    r"\b(?:(?P<minutes>\d{1,2})[\s-]*min(?:ute)?s?[\s-]+)?"
    r"(?P<kind>(?:(?:short|quick|brief|intro|introductory|video|phone|product) ){0,2}"
    r"(?:call|chat|demo|meeting|coffee))\b"
    r"(?P<topic> (?:about|on|to|next|this|with) [^.?!;\n]{2,80})?",
    re.IGNORECASE,
)
_ASK_WHETHER = re.compile(
    r"ask (?:them |him |her )?(?P<what>whether|if|how|what|when|where|which|who|why) (?P<rest>.{3,200})", re.IGNORECASE
)
_CLAUSE_END = re.compile(
    rf",? and (?=(?:{'|'.join((*FIRST_PERSON, *ASKING))}) )|, (?=(?:{'|'.join(ASKING)}) )", re.IGNORECASE
)
_THIRD_PERSON = re.compile(r"\b(?:they're|they|them|theirs|their)\b", re.IGNORECASE)


def read_instructions(instructions: str) -> tuple[list[str], str]:
    """Return the statements of the instructions, in the first person, and their question."""
    pitch: list[str] = []
    question = ""
    for clause in (clause for sentence in sentences(instructions) for clause in _CLAUSE_END.split(sentence)):
        asked = _meeting_question(clause) or _plain_question(clause)
        if asked and not question:
            question = asked
        elif said := _in_first_person(clause):
            pitch.append(said)
    return pitch[:MAX_PITCH_SENTENCES], question or "Would a 15-minute call next week be useful?"


def _meeting_question(clause: str) -> str:
    verb = clause.partition(" ")[0].lower()
    found = _MEETING.search(clause)
    if found is None or _IS_STATEMENT.match(clause) or (verb in FIRST_PERSON and verb not in ASKING):
        return ""
    minutes, kind, topic = found["minutes"], found["kind"].lower(), _to_the_reader(found["topic"] or "")
    length = f"{minutes}-minute " if minutes else ""
    article = "an" if re.match(r"[aeio]|8|11-|18-", length + kind) else "a"
    return f"Would you be open to {article} {length}{kind}{topic.rstrip(' ,')}?"


def _plain_question(sentence: str) -> str:
    found = _ASK_WHETHER.match(sentence)
    return f"May I ask {found['what'].lower()} {_to_the_reader(found['rest']).rstrip(' .!?')}?" if found else ""


def _in_first_person(sentence: str) -> str:
    """Turn an instruction into a sentence of its writer. Empty: it is about style, or not understood."""
    if _IS_STATEMENT.match(sentence):
        return sentence if sentence[-1] in ".!?" else f"{sentence}."
    verb, _, rest = sentence.partition(" ")
    said = FIRST_PERSON.get(verb.lower().rstrip(",:"))
    return f"{said} {_to_the_reader(rest).rstrip(' .!?')}." if said and rest else ""


def _to_the_reader(text: str) -> str:
    return _THIRD_PERSON.sub(lambda found: SECOND_PERSON[found[0].lower()], text)
