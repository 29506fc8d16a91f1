"""The city itself: people, places and firms that several departments know. Built once, then read by the resources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catalog.contract.vocabulary import Vocabulary
from lakehouse.sample_city.dice import Dice
from lakehouse.sample_city.divisions import Divisions, load_divisions
from lakehouse.sample_city.firms import Firms, build_firms
from lakehouse.sample_city.life import Life, enrolled, live
from lakehouse.sample_city.people import Mask, Population, build_population
from lakehouse.sample_city.places import Places, build_places
from lakehouse.sample_city.planted import Planted, choose_planted

SPARE_SHARE = 0.01
MIN_SPARES = 60


@dataclass
class World:
    """Everything that resources refer to, and the seed they draw from."""

    seed: int
    people: int
    vocabulary: Vocabulary
    divisions: Divisions
    population: Population
    life: Life
    places: Places
    firms: Firms
    pupils: Mask  # residents who go to school, before anybody is left out on purpose
    planted: Planted

    def dice(self, theme: str) -> Dice:
        """Return the stream of one theme."""
        return Dice(self.seed, theme)

    def codes(self, name: str) -> list[str]:
        """Return the values of a code list of the vocabulary."""
        return list(self.vocabulary.code_lists[name].values)

    @property
    def adults(self) -> np.ndarray:
        """Rows of residents who are of age and registered as living here."""
        return self.population.adults(self.life.status)


def build_world(seed: int, people: int, vocabulary: Vocabulary) -> World:
    """Make the city of ``people`` residents from ``seed``."""
    divisions = load_divisions(Dice(seed, "divisions"), vocabulary.city.bounds)
    spares = max(MIN_SPARES, round(people * SPARE_SHARE))
    population = build_population(Dice(seed, "people"), divisions, people, spares)
    life = live(Dice(seed, "life"), population)
    places = build_places(Dice(seed, "places"), divisions, population)
    adults = population.adults(life.status)
    firms = build_firms(Dice(seed, "firms"), divisions, population, adults)
    pupils = enrolled(Dice(seed, "pupils"), population, life)
    planted = choose_planted(Dice(seed, "planted"), population, life, firms, pupils)
    return World(seed, people, vocabulary, divisions, population, life, places, firms, pupils, planted)
