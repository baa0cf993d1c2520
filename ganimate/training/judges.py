"""Who judges what the generator paints: a critic that learns beside it, and a frozen reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from ganimate.networks.critic import Critic, FeatureCritic
from ganimate.training import losses
from ganimate.training.augment import shake
from ganimate.training.framing import unmoved
from ganimate.training.precision import lowered
from ganimate.training.recipe import GeneratorRecipe
from ganimate.training.scenes import Scenes
from ganimate.training.task import adam

if TYPE_CHECKING:
    from lightning import Fabric

    from ganimate.networks.reader import Reader

Terms = dict[str, tuple[float, Tensor]]
"""Losses by name, each with its weight."""


class _Look(NamedTuple):
    """What the judges see: crops, and the frozen reader's features of them (if there is one)."""

    crops: Tensor
    features: list[Tensor]


class Judges:
    """The critic and the reader, as far as a recipe asks for them.

    Where the reader looks, or the recipe says so, they see pictures through small random changes,
    real and painted alike.

    Args:
        recipe: what to weigh and how.
        size: side of the crops.
        reader: frozen; needed where the recipe weighs it or the critic sees its features.
        fabric: where and how to run.
        rng: the task's only source of randomness.
        balance: (17,), how much the reader's error in each action unit counts.
    """

    def __init__(
        self,
        recipe: GeneratorRecipe,
        size: int,
        reader: Reader | None,
        fabric: Fabric,
        rng: torch.Generator,
        balance: Tensor,
    ) -> None:
        self.recipe, self.fabric, self.rng = recipe, fabric, rng
        self.reader = reader.to(fabric.device).requires_grad_(False) if reader else None
        self.balance = balance.to(fabric.device)
        self.critic: Critic | FeatureCritic | None = None
        if recipe.losses.adversarial > 0 or recipe.losses.action_units > 0:
            game = recipe.critic
            if game.sees == "pixels":
                self.critic = Critic(size, game.width, game.layers, game.cap)
            else:
                assert reader is not None
                self.critic = FeatureCritic(reader.widths, game.width)
            self.critic = self.critic.to(fabric.device)
            optimiser = adam(self.critic, recipe.optimiser)
            self._learner, self.optimiser = fabric.setup(self.critic, optimiser)

    def _look(self, crops: Tensor, reframing: Tensor) -> _Look:
        shaken = self.recipe.critic.augment or self.reader is not None
        seen = shake(crops, self.rng, reframing) if shaken else crops
        if self.reader is None:
            return _Look(seen, [])
        with lowered(self.recipe.precision, seen.device):
            features = self.reader.features(seen)
        return _Look(seen, [level.float() for level in features])

    def _judge(self, critic: nn.Module, look: _Look) -> tuple[Tensor, Tensor | None]:
        """Realness of patches; intensities where the critic reads any."""
        if self.recipe.critic.sees == "features":
            return critic(look.features[:-1]), None
        realness, intensities = critic(look.crops)
        return realness, intensities

    def teach(
        self,
        crops: Tensor,
        labels: Tensor,
        painted: Tensor,
        reframing: Tensor,
        number: int,
        heads_only: bool,
    ) -> dict[str, Tensor]:
        """Update the critic once.

        Args:
            crops: (n, 3, S, S), real ones, with labels (n, 17).
            painted: (n, 3, S, S), detached.
            reframing: (n, 2, 3), where to look at the painted ones.
            number: counts the updates from the first step of the run.
            heads_only: whether only the action-unit head learns yet.

        Returns:
            Its losses by name.
        """
        game, weights = self.recipe.critic, self.recipe.losses
        with torch.no_grad():
            real_look = self._look(crops, unmoved(len(crops), crops.device))
        real, read = self._judge(self._learner, real_look)
        told, total = {}, real.new_zeros(())
        if read is not None:
            told["critic/action_units"] = losses.intensity_error(read, labels)
            total = weights.action_units * told["critic/action_units"]
        if not heads_only and weights.adversarial > 0:
            with torch.no_grad():
                fake_look = self._look(painted, reframing)
            fake, _ = self._judge(self._learner, fake_look)
            wgan = game.loss == "wgan-gp"
            contest = losses.wasserstein_critic if wgan else losses.hinge_critic
            told["critic/contest"] = contest(real, fake)
            total = total + weights.adversarial * told["critic/contest"]
            if game.penalty > 0 and number % game.penalty_every == 0:
                penalty = (
                    losses.gradient_penalty(self._learner, crops, painted, self.rng)
                    if wgan
                    else losses.r1_penalty(self._learner, crops) / 2
                )
                told["critic/penalty"] = penalty
                total = total + game.penalty * game.penalty_every * penalty
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        self.optimiser.step()
        return {name: value.detach() for name, value in told.items()}

    def terms(self, scenes: Scenes, result: Tensor, contested: bool) -> Terms:
        """The generator's losses by the judges.

        Args:
            scenes: the exercises.
            result: what the generator painted for them.
            contested: whether the critic has its say yet.
        """
        if self.critic is None and self.reader is None:
            return {}
        weights, terms = self.recipe.losses, Terms()
        before = self.rng.get_state()
        look = self._look(result, scenes.reframing)
        if self.critic is not None and contested:
            self.critic.requires_grad_(False)
            fake, guess = self._judge(self.critic, look)
            self.critic.requires_grad_(True)
            wgan = self.recipe.critic.loss == "wgan-gp"
            contest = losses.wasserstein_generator if wgan else losses.hinge_generator
            terms["adversarial"] = (weights.adversarial, contest(fake))
            if guess is not None:
                error = losses.intensity_error(guess, scenes.target)
                terms["action_units"] = (weights.action_units, error)
        if self.reader is not None:
            read = self.reader.conclude(look.features[-1])[0]
            error = losses.intensity_error(read, scenes.target, self.balance)
            terms["reader"] = (weights.reader, error)
            if weights.features > 0:
                after = self.rng.get_state()
                self.rng.set_state(before)  # the truth, shaken as the picture was
                with torch.no_grad():
                    truth = self._look(scenes.truth, scenes.reframing).features
                self.rng.set_state(after)
                error = losses.feature_error(look.features[:2], truth[:2], scenes.weight)
                terms["features"] = (weights.features, error)
        return terms
