"""Answer as arXiv does. Errors are feeds, too."""

import re
from xml.sax.saxutils import escape

from agentic_sales.local.world.companies import WorldCompany, WorldPaper
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_text, matches
from agentic_sales.local.world.meters import Rate

_RATE = Rate(1, 3)
_NOT_WANTED = 0.5


def respond(asked: Asked) -> WorldAnswer:
    """Answer `/api/query`, also errors, as a feed."""
    if asked.count("all", _RATE, "").is_over:
        return as_text("Rate exceeded.", 429)
    ids = [part for part in asked.first("id_list").split(",") if part]
    if any(not re.fullmatch(r"\d{4}\.\d{4,5}(v\d+)?", wanted) for wanted in ids):
        return _feed([_error(f"incorrect id format for {ids[0]}")], 1, 400)
    start, size = asked.number("start", 0), asked.number("max_results", 10)
    if start + size > 30_000:  # noqa: PLR2004 - its depth
        return _feed([_error("max_results must be at most 30000")], 1, 400)
    found = [(c, p) for c, p in asked.world.papers if p.arxiv and _fits(asked, ids, p)]
    found.sort(key=lambda pair: pair[1].published, reverse=asked.first("sortOrder") == "descending")
    entries = [_entry(c, p) for c, p in found[start : start + size]]
    return _feed(entries, len(found))


def _fits(asked: Asked, ids: list[str], paper: WorldPaper) -> bool:
    if ids:
        return paper.arxiv in {wanted.partition("v")[0] for wanted in ids}
    query = asked.first("search_query")
    terms = re.findall(r'(\w+):(?:"([^"]*)"|(\S+))', query)
    return bool(terms) and all(_term(field, quoted or word, paper) for field, quoted, word in terms)


def _term(field: str, value: str, paper: WorldPaper) -> bool:
    match field:
        case "au":
            return any(matches(value, name) == 1 for name in paper.authors)
        case "cat":
            return value == paper.arxiv_category
        case _:
            return matches(value, f"{paper.title} {paper.abstract}") >= _NOT_WANTED


def _entry(company: WorldCompany, paper: WorldPaper) -> str:
    authors = "".join(
        f"<author><name>{escape(name)}</name>"
        + (f"<arxiv:affiliation>{escape(company.name)}</arxiv:affiliation>" if n == 0 else "")
        + "</author>"
        for n, name in enumerate(paper.authors)
    )
    doi = f"<arxiv:doi>{escape(paper.doi)}</arxiv:doi>" if paper.doi else ""
    return (
        f"<entry><id>http://arxiv.org/abs/{paper.arxiv}v1</id><published>{paper.published}T00:00:00Z</published>"
        f"<title>{escape(paper.title)}</title><summary>\n  {escape(paper.abstract)}\n</summary>{authors}{doi}"
        f'<arxiv:primary_category term="{paper.arxiv_category}"/>'
        f'<link title="pdf" href="http://arxiv.org/pdf/{paper.arxiv}v1" rel="related"/></entry>'
    )


def _error(reason: str) -> str:
    return (
        f"<entry><id>http://arxiv.org/api/errors#1</id><title>Error</title><summary>{escape(reason)}</summary></entry>"
    )


def _feed(entries: list[str], total: int, status: int = 200) -> WorldAnswer:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom" '
        'xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" xmlns:arxiv="http://arxiv.org/schemas/atom">'
        f"<opensearch:totalResults>{total}</opensearch:totalResults>{''.join(entries)}</feed>"
    )
    return as_text(text, status, "application/atom+xml; charset=utf-8")
