"""Rank passages by their terms and by several lists together, alike whatever found the candidates.

BM25 is Robertson's and Walker's (Okapi at TREC-3, 1994) with the usual constants. Its average length is a constant, so
that a passage has the same score in every database. A group of words with one meaning counts as one term. Lists are
joined by reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009, with their k of 60.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import log
from typing import TypeVar

K1, B = 1.2, 0.75
AVERAGE_TERMS = 120
"""Length at which a passage is neither long nor short."""
LEAST_PASSAGES = 200
"""Fewer passages tell nothing of how rare a word is, so they count as so many."""
RRF_K = 60
UNSEEN_FACTOR = 1.6
"""What no document has is most likely what is asked for."""

Group = frozenset[str]
"""Terms with one meaning."""
K = TypeVar("K", bound=Hashable)


def idf(count: int, passages: int) -> float:
    """Return the weight of a term that so many of all passages have. A term of no passage has the most."""
    return log(1 + (passages - count + 0.5) / (count + 0.5))


def weights_of(groups: Iterable[Group], counts: Mapping[Group, int], passages: int) -> dict[Group, float]:
    """Return the weight of each group of a question. One that no passage has weighs more than its rareness says."""
    whole = max(passages, LEAST_PASSAGES)
    return {group: idf(counts[group], whole) * (1.0 if counts[group] else UNSEEN_FACTOR) for group in groups}


def bm25(terms: Sequence[str], weights: Mapping[Group, float]) -> float:
    """Score a passage by its terms.

    Args:
        terms: Terms of the passage.
        weights: Weight of each group of the question, see `idf`.
    """
    counts = Counter(terms)
    norm = K1 * (1 - B + B * len(terms) / AVERAGE_TERMS)
    score = 0.0
    for group, weight in weights.items():
        found = sum(counts[term] for term in sorted(group))
        score += weight * found * (K1 + 1) / (found + norm)
    return score


def fused(lists: Iterable[Sequence[K]]) -> dict[K, float]:
    """Return the score of each member of some rankings by reciprocal rank, the best first.

    Of equal ones, the member that an earlier ranking has earlier stands first.
    """
    scores: defaultdict[K, float] = defaultdict(float)
    for ranking in lists:
        for rank, member in enumerate(ranking, start=1):
            scores[member] += 1 / (RRF_K + rank)
    return dict(sorted(scores.items(), key=lambda pair: -pair[1]))
