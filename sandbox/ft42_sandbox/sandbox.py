"""Everything a running sandbox holds, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ft42_sandbox.clock import Clock
from ft42_sandbox.faults import Faults
from ft42_sandbox.generate import generate
from ft42_sandbox.instants import at
from ft42_sandbox.latency import Latency
from ft42_sandbox.ledger import Ledger
from ft42_sandbox.life import Life
from ft42_sandbox.likeness import Likeness
from ft42_sandbox.limits import Windows
from ft42_sandbox.renderer import Renderer
from ft42_sandbox.search import Search
from ft42_sandbox.tokens import Application, Tokens
from ft42_sandbox.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from ft42_sandbox.settings import Behaviour, World
    from ft42_sandbox.store import Store


class Sandbox:
    """The state of one sandbox: its data, its clock, its applications and its moods."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a sandbox is made of
        self,
        world: World,
        behaviour: Behaviour,
        application: Application,
        control_token: str | None = None,
        log: Callable[[str], None] | None = None,
        likeness: Likeness | None = None,
    ) -> None:
        """Generate a world and let it begin.

        Args:
            world: what the data is generated from.
            behaviour: how it behaves at first.
            application: the one that may ask for tokens.
            control_token: what opens the control plane; without one it stays shut.
            log: told of every answer, if given.
            likeness: the API that it is like; that of the documentation if not given.
        """
        self.world = world
        self.likeness = likeness or Likeness()
        self.behaviour = behaviour
        self.control_token = control_token
        self.tokens = Tokens({application.uid: application})
        self.windows = Windows()
        self.traffic = Traffic(log)
        self.clock = Clock(not_before=at(world.epoch))
        self.clock.move(self.likeness.seconds_ahead)
        self.store: Store = generate(world)
        self.renderer = Renderer(self.store)
        self.search = Search(self.store, behaviour)
        self.ledger = Ledger(self.store)
        self.life = Life(self.store, self.ledger, self.clock, world.seed, at(world.epoch))
        self.latency = Latency(behaviour, world.seed, self.likeness.seconds)
        self.faults = Faults(world.seed)
