"""Made-up people: given names from many languages, family names from syllables."""

from __future__ import annotations

import unicodedata
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

GIVEN = tuple(
    resources.files("ft42_sandbox")
    .joinpath("data", "given_names.txt")
    .read_text("utf-8")
    .split()
)
JOINED = ("Jean-{}", "Ana-{}", "{} da Silva", "{} Abd al-Rahman", "{} Maria", "Mohammed {}")
_ONSETS = ("b", "br", "c", "ch", "d", "f", "gr", "j", "l", "m", "n", "p", "r", "st", "tr", "v")
_VOWELS = ("a", "a", "e", "e", "i", "o", "o", "u", "é", "ou", "ai", "ü", "ö", "ã", "ø")
_CODAS = ("", "", "", "", "l", "n", "n", "r", "r", "s", "t", "ñ", "z", "ck", "ş", "ł")
_ENDINGS = ("", "", "", "ard", "eau", "ez", "sson", "oğlu", "ski", "eira", "inen", "ić", "yan")
_PARTICLES = ("de ", "El ", "van der ", "Al-", "Ben ", "O'", "Di ")
# Of 40,341 students the longest given names have 38 characters, family names 45, both 54.
LONG_GIVEN = "Maximiliano Bartholomäus Konstantinos"
LONG_FAMILY = "Andrianantenaina Rakotomalalarisoa Vondrozo"


class NameMaker:
    """Draws names and logins; no login comes twice."""

    def __init__(self, rng: np.random.Generator, families: int = 2_000) -> None:
        """Draw from this generator, and share so many family names."""
        self._rng = rng
        self._families = [self._family() for _ in range(families)]
        self._taken: dict[str, int] = {}

    def people(self, count: int) -> list[tuple[str, str, str]]:
        """Given name, family name and login of some people."""
        rng = self._rng
        given = rng.integers(len(GIVEN), size=count).tolist()
        family = rng.integers(len(self._families), size=count).tolist()
        second = rng.integers(len(self._families), size=count).tolist()
        odd = rng.random(count).tolist()
        people = []
        for n in range(count):
            first, last = GIVEN[given[n]], self._families[family[n]]
            if odd[n] < 0.04 and len(first) + len(last) < 38:
                first = JOINED[second[n] % len(JOINED)].format(first)
            elif odd[n] < 0.08 and len(last) < 20:
                last = f"{last} {self._families[second[n]]}"
            elif odd[n] < 0.085:
                first = first.lower() + " "
            elif odd[n] < 0.0855:
                first = LONG_GIVEN
                last = "Bā"
            elif odd[n] < 0.086:
                last = LONG_FAMILY
            people.append((first, last, self._login(first, last)))
        return people

    def _family(self) -> str:
        syllables = [
            self._one_of(_ONSETS) + self._one_of(_VOWELS) + self._one_of(_CODAS)
            for _ in range(int(self._rng.integers(1, 4)))
        ]
        name = ("".join(syllables) + self._one_of(_ENDINGS)).capitalize()
        return self._one_of(_PARTICLES) + name if self._rng.random() < 0.08 else name

    def _one_of(self, words: Sequence[str]) -> str:
        return words[int(self._rng.integers(len(words)))]

    def _login(self, first: str, last: str) -> str:
        """A login as 42 makes it: first letter and family name, 8 characters, ASCII."""
        base = (ascii_letters(first)[:1] + ascii_letters(last))[:8] or "student"
        seen = self._taken.get(base, 0)
        self._taken[base] = seen + 1
        if not seen:
            return base
        login = f"{base[: 8 - len(str(seen + 1))]}{seen + 1}"
        while login in self._taken:
            seen += 1
            login = f"{base[:6]}-{seen + 1}"
        self._taken[login] = 1
        return login


def ascii_letters(text: str) -> str:
    """Only the lower-case ASCII letters of a text, accents taken off."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("ı", "i").replace("ø", "o"))  # noqa: RUF001 - a Turkish letter
    return "".join(letter for letter in plain if "a" <= letter <= "z")
