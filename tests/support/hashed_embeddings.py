"""Make embeddings without a model: alike for texts with the same words, and the same on every machine."""

import struct
from hashlib import blake2b
from math import sqrt

NUMBERS = 256
"""Numbers of an embedding, as a small model answers."""


def hashed(words: str) -> bytes:
    """Return the embedding of a text: each word adds or takes one of some numbers, as its hash says."""
    numbers = [0.0] * NUMBERS
    for word in words.casefold().replace(".", "").replace("?", "").split():
        digest = int.from_bytes(blake2b(word.encode(), digest_size=4).digest(), "little")
        numbers[digest % NUMBERS] += 1.0 if digest & 1 << 31 else -1.0
    length = sqrt(sum(number * number for number in numbers)) or 1.0
    return struct.pack(f"<{NUMBERS}f", *(number / length for number in numbers))
