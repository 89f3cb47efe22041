"""Details that are derived from a row's id instead of being stored.

A million enrolments have 1.4 million teams; drawing their texts when somebody asks for
them keeps the memory bounded and the start short, and the same seed gives the same ones.
"""

from __future__ import annotations

from hashlib import blake2b

CDN = "https://cdn.intra.42.fr"
API = "https://api.intra.42.fr/v2"
SKILLS = (
    (1, "Algorithms & AI"),
    (2, "Imperative programming"),
    (3, "Rigor"),
    (4, "Unix"),
    (5, "Graphics"),
    (6, "Web"),
    (7, "Group & interpersonal"),
    (8, "DB & Data"),
    (9, "Parallel computing"),
    (10, "Network & system administration"),
    (11, "Adaptation & creativity"),
    (12, "Company experience"),
    (13, "Organization"),
    (14, "Technology integration"),
    (15, "Security"),
    (16, "Object-oriented programming"),
    (17, "Functional programming"),
)


class Dice:
    """Numbers that depend on the seed, a subject and an id, and on nothing else."""

    def __init__(self, seed: int) -> None:
        """Derive everything from this seed."""
        self._key = seed.to_bytes(16, "little", signed=True)

    def hex(self, subject: str, row_id: int) -> str:
        """32 hexadecimal digits."""
        return self._digest(subject, row_id).hex()

    def numbers(self, subject: str, row_id: int) -> bytes:
        """16 numbers from 0 to 255."""
        return self._digest(subject, row_id)

    def _digest(self, subject: str, row_id: int) -> bytes:
        return blake2b(f"{subject}:{row_id}".encode(), digest_size=16, key=self._key).digest()


def image(dice: Dice, user_id: int, login: str, exists: bool) -> dict[str, object]:
    """A user's `image`; its link and all four versions are null together."""
    sizes = ("large", "medium", "small", "micro")
    if not exists:
        return {"link": None, "versions": dict.fromkeys(sizes)}
    folder = f"{CDN}/users/{dice.hex('image', user_id)}"
    return {
        "link": f"{folder}/{login}.jpg",
        "versions": {size: f"{folder}/{size}_{login}.jpg" for size in sizes},
    }


def skills(dice: Dice, cursus_user_id: int, level: float) -> list[dict[str, object]]:
    """Up to nine skills that grow with the level, the strongest first."""
    drawn = dice.numbers("skills", cursus_user_id)
    count = min(9, int(level) + drawn[0] % 3) if level > 0 else 0
    names = sorted(SKILLS, key=lambda skill: drawn[skill[0] % 16])[:count]
    levels = sorted(
        (min(17.65, round(0.79 + level * drawn[n] / 180, 2)) for n in range(count)),
        reverse=True,
    )
    return [
        {"id": number, "name": name, "level": grown}
        for (number, name), grown in zip(names, levels, strict=True)
    ]


def uuid(dice: Dice, subject: str, row_id: int) -> str:
    """A UUID for a row."""
    digits = dice.hex(subject, row_id)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
