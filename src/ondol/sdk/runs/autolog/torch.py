"""PyTorch loops: the loss that was sent backwards and the learning rate, every so many steps of an optimizer.

A loop has no beginning and no end that a library could see, so it logs only into a run that is open.
"""

from __future__ import annotations

import sys
import time
import weakref
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ondol.sdk.runs import state
from ondol.sdk.runs.autolog import hooks
from ondol.sdk.runs.autolog.session import log_params, quietly
from ondol.sdk.runs.run import Run

EVERY = 10
"""Steps: reading a loss makes a GPU wait."""


@dataclass
class _Loop:
    steps: int = 0
    loss: Any = None
    since: float = 0.0


_loops: weakref.WeakKeyDictionary[Run, _Loop] = weakref.WeakKeyDictionary()


def install(module: ModuleType) -> None:
    """`module` is `torch.optim.optimizer`, which has a hook for this; the loss needs one of ours."""
    handle = module.register_optimizer_step_post_hook(_stepped)
    hooks.undo(handle.remove)
    hooks.replace(sys.modules["torch"].Tensor, "backward", _backward)


def _loop(run: Run) -> _Loop:
    found = _loops.get(run)
    if found is None:
        found = _loops[run] = _Loop(since=time.monotonic())
    return found


def _backward(original: Any) -> Any:
    def backward(self: Any, *args: Any, **kwargs: Any) -> Any:
        if (run := state.active_run()) is not None and self.dim() == 0:
            _loop(run).loss = self.detach()
        return original(self, *args, **kwargs)

    return backward


def _stepped(optimizer: Any, _args: Any, _kwargs: Any) -> None:
    if (run := state.active_run()) is not None:
        quietly("step of the optimizer", lambda: _log(run, optimizer))


def _log(run: Run, optimizer: Any) -> None:
    loop = _loop(run)
    step, loop.steps = loop.steps, loop.steps + 1
    if step == 0:
        run.set_tags({"autolog": "torch"})
        settings = {f"optimizer/{key}": value for key, value in optimizer.defaults.items()}
        log_params(run, {"optimizer": type(optimizer).__name__, **settings})
    if step % EVERY:
        return
    found = {"learning_rate": optimizer.param_groups[0]["lr"]}
    if loop.loss is not None:
        found["loss"] = loop.loss.item()
    now = time.monotonic()
    if step:
        found["steps_per_second"] = EVERY / max(now - loop.since, 1e-9)
    loop.since = now
    run.log(found, step=step)
