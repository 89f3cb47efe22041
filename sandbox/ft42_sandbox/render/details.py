"""Details that are derived from a row's id instead of being stored.

A million enrolments have 1.4 million teams. Their texts are made only when somebody asks for
them, which saves memory and time at the start. The same seed gives the same texts.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
CDN = "https://cdn.intra.42.fr"
API = "https://api.intra.42.fr/v2"
SKILL_NAMES = (
    "Algorithms & AI",
    "Imperative programming",
    "Rigor",
    "Unix",
    "Graphics",
    "Web",
    "Group & interpersonal",
    "DB & Data",
    "Parallel computing",
    "Network & system administration",
    "Adaptation & creativity",
    "Company experience",
    "Organization",
    "Technology integration",
    "Security",
    "Object-oriented programming",
    "Functional programming",
)
# The beginning of each skill's JSON, up to its level. Their number is prime.
SKILLS = tuple(
    f'{{"id":{number},"name":"{name}","level":' for number, name in enumerate(SKILL_NAMES, 1)
)


class Dice:
    """Numbers that depend on the seed, a subject and an id, and on nothing else."""

    def __init__(self, seed: int) -> None:
        """Derive everything from this seed."""
        self._key = seed.to_bytes(16, "little", signed=True)

    def numbers(self, subject: str, row_ids: NDArray[Any]) -> NDArray[np.uint8]:
        """16 numbers from 0 to 255 for each id, as the rows of a matrix."""
        digest = blake2b(subject.encode(), digest_size=16, key=self._key).digest()
        first, second = np.frombuffer(digest, dtype=np.uint64)
        ids = np.asarray(row_ids).astype(np.uint64) * GOLDEN
        return np.stack([_mixed(ids + first), _mixed(ids ^ second)], axis=1).view(np.uint8)

    def digits(self, subject: str, row_ids: NDArray[Any]) -> list[str]:
        """32 hexadecimal digits for each id."""
        written = self.numbers(subject, row_ids).tobytes().hex()
        return [written[n : n + 32] for n in range(0, len(written), 32)]


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix numbers so that each bit depends on all bits: the last step of splitmix64."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


NO_IMAGE = '{"link":null,"versions":{"large":null,"medium":null,"small":null,"micro":null}}'


def image(folder: str, login: str) -> str:
    """The JSON of a user's `image`, from 32 digits and the login in its JSON form."""
    base = f"{CDN}/users/{folder}/"
    return (
        f'{{"link":"{base}{login}.jpg","versions":{{"large":"{base}large_{login}.jpg",'
        f'"medium":"{base}medium_{login}.jpg","small":"{base}small_{login}.jpg",'
        f'"micro":"{base}micro_{login}.jpg"}}}}'
    )


def skills(drawn: Sequence[int], level: float) -> str:
    """The JSON of up to nine skills that grow with the level, the strongest first.

    Args:
        drawn: 16 random numbers from 0 to 255.
        level: the level in the cursus.
    """
    count = min(9, int(level) + drawn[0] % 3) if level > 0 else 0
    # Two random numbers choose the first skill, and the distance to the next ones.
    first, step = drawn[1], 1 + drawn[2] % (len(SKILLS) - 1)
    levels = sorted(
        [min(17.65, round(0.79 + level * number / 180, 2)) for number in drawn[3 : 3 + count]],
        reverse=True,
    )
    hand = [
        f"{SKILLS[(first + n * step) % len(SKILLS)]}{grown}}}" for n, grown in enumerate(levels)
    ]
    return f"[{','.join(hand)}]"


def uuid(digits: str) -> str:
    """A UUID made of 32 digits."""
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
