"""A sandbox: all its parts, put together."""

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
    """The state of one sandbox: its data, clock, applications and behaviour."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a sandbox is made of
        self,
        world: World,
        behaviour: Behaviour,
        application: Application,
        control_token: str | None = None,
        log: Callable[[str], None] | None = None,
        likeness: Likeness | None = None,
    ) -> None:
        """Generate a world, and start its clock.

        Args:
            world: the settings of the generated data.
            behaviour: the behaviour at first.
            application: the application that may ask for tokens.
            control_token: the token of the control plane; None to close the control plane.
            log: called with a line for every answer; None for nothing.
            likeness: the API to imitate; None for that of the documentation.
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
