"""Hold the words by which companies tell what they are on their own sites: closed vocabularies, English and German.

Like a gazetteer, this is knowledge of the outside world, and nothing is decided here. No pattern may repeat without
a bound: pages are written by strangers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Category = Literal["CONSULTANCY", "STAFFING", "AGENCY", "PRODUCT", "UNKNOWN"]
RemotePolicy = Literal["remote", "hybrid", "onsite", "unknown"]
Industry = Literal[
    "agriculture",
    "automotive",
    "construction",
    "education",
    "energy",
    "financial_services",
    "food",
    "healthcare",
    "human_resources",
    "legal",
    "logistics",
    "manufacturing",
    "marketing",
    "media",
    "public_sector",
    "real_estate",
    "retail",
    "security",
    "software",
    "telecommunications",
    "travel",
    "unknown",
]


def whole_words(*phrases: str) -> re.Pattern[str]:
    """Compile alternatives into one pattern of whole words, in any case."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signs:
    """The phrases by which companies of one category can be told."""

    plain: re.Pattern[str]
    """Says outright what the company is or sells."""
    faint: re.Pattern[str]
    """Is common on such sites, and seen on others."""


CATEGORY_SIGNS: Mapping[Category, Signs] = {
    "STAFFING": Signs(
        whole_words(
            r"(?:staffing|recruitment|recruiting|employment|temp) "
            r"(?:agency|agencies|firm|company|partner|services|experts|specialists|consultants)",
            r"executive search|headhunt(?:ers?|ing)|temporary staff(?:ing)?|contract staffing|staff augmentation",
            r"permanent placements?|(?:permanent|contract|temporary) recruitment",
            r"we (?:place|recruit) (?:\w+ ){0,2}(?:candidates|talent|professionals|specialists)",
            r"personal(?:vermittlung|dienstleist\w+|beratung)|zeitarbeit\w*|arbeitnehmerüberlassung|leiharbeit\w*",
        ),
        whole_words(
            r"candidates?|job ?seekers?|hiring managers?|vacanc(?:y|ies)|(?:submit|upload) your cv|bewerber",
            r"find (?:a|your next) job",
        ),
    ),
    "AGENCY": Signs(
        whole_words(
            r"(?:digital|creative|marketing|advertising|design|branding|brand|web|seo|media|pr|content|performance|growth"
            r"|full[- ]service) agency",
            r"(?:design|creative|brand) studio|(?:werbe|digital|marketing|web|kreativ|media|internet|design)-?agentur",
        ),
        whole_words(
            r"campaigns?|branding|seo|creatives?|brands|our work|portfolio|social media|kampagnen?|marken",
        ),
    ),
    "CONSULTANCY": Signs(
        whole_words(
            r"consultanc(?:y|ies)|consulting (?:firm|company|group|partners?|services)|advisory firm|we advise",
            r"(?:management|technology|it|ai|data|strategy|business) consult(?:ing|ants?)",
            r"software (?:development|engineering) (?:company|firm|services)|software house|custom software",
            r"(?:unternehmens|it-|ki-|technologie-?|strategie)beratung|beratungs(?:haus|unternehmen)|wir beraten",
            r"individualsoftware",
        ),
        whole_words(
            r"consult(?:ing|ants?)|advisory|our clients|client projects|case studies|managed services|engagements",
            r"workshops|berater|beratung|kunden",
        ),
    ),
    "PRODUCT": Signs(
        whole_words(
            r"our (?:\w+ )?(?:product|platform|software|api)|(?:saas|cloud|software|ai|data) (?:platform|product)",
            r"free trial|try (?:\w+ ){0,3}free|start (?:\w+ ){0,3}free|(?:book|request|get|see) a (?:live )?demo",
            r"open[- ]source (?:library|engine|project)|our (?:\w+ )?(?:devices?|robots?|sensors?|machines?|hardware)",
            r"unsere (?:\w+ )?(?:plattform|software)|kostenlos testen|demo (?:buchen|anfragen)",
        ),
        whole_words(
            r"pricing|integrations?|apps?|api|sdk|changelog|docs|documentation|platform|software|features|preise|plattform",
        ),
    ),
}
"""Ordered: the more special category comes first and wins a tie."""

_AI = r"(?-i:AI|KI|GenAI|LLMs?|GPT(?:-?\d\w{0,3})?)"
AI_MENTION = whole_words(
    _AI,
    r"artificial intelligence|machine[- ]learning|deep learning|neural networks?|(?:large )?language models?",
    r"computer vision|natural language processing|chatgpt|künstliche\w* intelligenz|maschinelle\w* lernen",
)
"""Names artificial intelligence. Abbreviations only in capitals: `ai` is a word of other languages."""
AI_NATIVE = whole_words(
    rf"{_AI}[- ](?:native|first)|(?-i:AI) (?:company|start-?up|lab|laboratory|consultancy|studio)|generative ai",
    r"foundation models?|we (?:build|train|develop) (?:\w+ ){0,3}(?:language models|ai models|(?-i:AI|LLMs))",
    r"(?-i:KI)-(?:unternehmen|beratung|labor|start-?up)",
)
"""Says that the company is about artificial intelligence."""
AI_OFFER = whole_words(
    r"(?-i:AI) (?:agents?|assistants?|copilots?|platform|models?|engineers?|software|consulting|solutions?|that|for)",
    rf"(?:built on|powered by) {_AI}",
    r"(?-i:KI)-?(?:agenten?|plattform|modelle?|assistent\w*|software|lösung\w*)",
)
"""Names something made of artificial intelligence, which may be all or a part of what is sold."""

INDUSTRY_SIGNS: Mapping[Industry, re.Pattern[str]] = {
    "agriculture": whole_words(r"agricultur\w+|agritech|farm(?:s|ers?|ing)|crops?|landwirtschaft\w*"),
    "automotive": whole_words(r"automotive|car (?:makers?|dealers?)|vehicles?|electric cars?|automobil\w*|fahrzeug\w*"),
    "construction": whole_words(r"construction|building sites?|contractors|architects|bauunternehmen|baustellen?"),
    "education": whole_words(r"education|edtech|schools?|universit(?:y|ies)|students?|e-?learning|bildung|schulen"),
    "energy": whole_words(
        r"energy|solar|wind (?:farms?|power)|utilities|renewables?|power grids?|energie\w*|stromnetz"
    ),
    "financial_services": whole_words(
        r"fintech|banks?|banking|financial services|payments?|insur(?:ance|ers?|tech)|lending|wealth management",
        r"banken|versicherung\w*|zahlungsverkehr",
    ),
    "food": whole_words(
        r"baker(?:y|ies)|bread|restaurants?|catering|caf[eé]s?|food|beverages?|bäckerei\w*|brot|brötchen|lebensmittel",
    ),
    "healthcare": whole_words(
        r"health ?care|hospitals?|patients?|clinic(?:s|al)?|medical|medtech|biotech|pharma\w*|kliniken?|medizin\w*",
    ),
    "human_resources": whole_words(
        r"recruit(?:ment|ing|ers?)|staffing|human resources|hr tech|talent acquisition|payroll|zeitarbeit",
        r"personal(?:vermittlung|dienstleist\w+|beratung|wesen)",
    ),
    "legal": whole_words(r"legal(?:tech)?|law firms?|lawyers?|kanzlei\w*|rechtsanw\w+"),
    "logistics": whole_words(
        r"logistics|freight|shippers?|supply chains?|warehous(?:e|es|ing)|forwarders?|carriers?|logistik\w*",
        r"spedition\w*|lieferketten?",
    ),
    "manufacturing": whole_words(r"manufactur\w+|factor(?:y|ies)|industrial|machinery|maschinenbau|fertigung"),
    "marketing": whole_words(r"marketing|advertising|branding|campaigns?|seo|werbung|werbeagentur|kampagnen"),
    "media": whole_words(r"media company|publish(?:ers?|ing)|news(?:rooms?|papers?)|broadcast\w*|podcasts?|verlage?"),
    "public_sector": whole_words(r"public sector|governments?|municipal\w*|citizens|ministr(?:y|ies)|behörden"),
    "real_estate": whole_words(r"real estate|proptech|propert(?:y|ies)|landlords?|tenants?|immobilien\w*"),
    "retail": whole_words(
        r"retail(?:ers?)?|e-?commerce|online (?:shop|store)s?|merchants?|shoppers|shop now|free shipping|new arrivals",
        r"einzelhandel|onlineshops?|warenkorb",
    ),
    "security": whole_words(r"cyber ?security|infosec|threat (?:detection|intelligence)|penetration test\w*"),
    "software": whole_words(r"software|saas|developers?|apis?|devops|cloud|data (?:platform|engineering)|it-beratung"),
    "telecommunications": whole_words(r"telecom\w*|mobile operators?|broadband|5g|telekommunikation"),
    "travel": whole_words(r"travel\w*|hotels?|airlines?|tourism|hospitality|reisen"),
}
GENERAL_INDUSTRIES: frozenset[Industry] = frozenset({"software", "marketing"})
"""Industries whose words stand on the sites of all the others."""

REMOTE_SIGNS: Sequence[tuple[RemotePolicy, re.Pattern[str]]] = (
    (
        "remote",
        whole_words(
            r"(?:fully|100 ?%|all)[- ]remote|remote[- ](?:first|only)|work from anywhere|distributed (?:team|company)",
            r"all (?:our )?(?:roles|jobs|positions) are remote|vollständig remote|ortsunabhängig",
        ),
    ),
    (
        "hybrid",
        whole_words(
            r"hybrid (?:work(?:ing|place)?|roles?|jobs?|team|company|office|setup|policy)|hybrides arbeiten",
            r"(?:one|two|three|four|[1-4]|a few) days (?:a|per|each) week (?:in|at|from) (?:the|our|home)",
            r"home ?office[ -](?:tage|möglich)|teilweise (?:remote|home ?office)",
        ),
    ),
    (
        "remote",
        whole_words(r"remote (?:team|company|jobs?|roles?|positions?|work(?:ing)?)|work remotely|remote-arbeit"),
    ),
    (
        "onsite",
        whole_words(r"(?:work|working|roles|jobs|team) (?:is |are )?on-?site|in[- ]office (?:culture|team|role)"),
    ),
)
"""How a company itself works, wherever it says so; ordered: the first that is found decides."""
REMOTE_WORDS: Sequence[tuple[RemotePolicy, re.Pattern[str]]] = (
    ("hybrid", whole_words(r"hybrid|home ?office")),
    ("remote", whole_words(r"remote|remotely")),
    ("onsite", whole_words(r"on-?site|in[- ]office|in person|vor ort|in präsenz")),
)
"""Words that say it on a careers page, and something else (`hybrid cloud`) on others; ordered as above."""

_ROLES = (
    r"engineer|developer|designer|scientist|manager|analyst|consultant|recruiter|architect|assistant|representative"
    r"|entwickler(?:in)?|berater(?:in)?"
)
ROLE_LISTED = re.compile(
    r"\((?:all genders|[mfwdx](?: ?/ ?[mfwdx*]){1,3})\)"
    rf"|^[^\n.!?,]{{0,50}}\b(?:{_ROLES})\b[^\n.!?]{{0,40}}$",
    re.IGNORECASE | re.MULTILINE,
)
"""A line of a careers page that is the title of a job."""
NO_ROLES = whole_words(
    r"no (?:\w+ ){0,2}(?:roles|positions|vacancies|openings|jobs)|nothing open",
    r"(?:not|\w{2,5}n['\u2019]t) (?:\w+ )?hiring",
    r"keine (?:\w+ ){0,2}(?:stellen|jobs|vakanzen)",
)
"""Says that there is no open role."""
ROLES_INVITED = whole_words(
    r"open (?:roles|positions|jobs)|current (?:openings|vacancies)|we(?:['\u2019]re| are) (?:\w+ )?hiring",
    r"join our team|offene (?:\w+ )?(?:stellen|positionen)|stellenangebote|wir stellen ein",
)
"""Says that there are open roles, without naming one."""

DENIED = re.compile(
    r"(?:\b(?:no|not|non|never|without|nor|kein\w{0,3}|nicht|ohne)|n['\u2019]t)\b(?!\s+(?:only|just|nur))(?:\s+\w+){0,2}[\s-]*$",
    re.IGNORECASE,
)
"""Ends the text before a phrase that is denied: `we are not a staffing agency`."""
SERVED = re.compile(
    r"(?<!partner )(?<!experts )(?<!experten )(?<!spezialist )\b(?:for|für|helps?|unlike|than)(?:\s+\w+){0,2}[\s-]*$",
    re.IGNORECASE,
)
"""Ends the text before a phrase that names customers or others: `software for staffing agencies`."""

CAREERS_PATH = re.compile(
    r"/(?:careers?|jobs?|join(?:-us|-our-team)?|work-(?:with|for)-us|open-(?:roles|positions)|vacancies|hiring"
    r"|we-are-hiring|karriere|stellenangebote|offene-stellen|stellen)(?:\.\w{2,5})?/?$",
    re.IGNORECASE,
)
"""Ends the path of a careers page."""
JOB_BOARD_HOST = re.compile(
    r"(?:^|\.)(?:ashbyhq\.com|greenhouse\.io|lever\.co|workable\.com|personio\.(?:de|com)|recruitee\.com|teamtailor\.com"
    r"|smartrecruiters\.com|breezy\.hr|bamboohr\.com|join\.com)$"
)
"""Ends the host of the services on which companies keep their careers pages."""
