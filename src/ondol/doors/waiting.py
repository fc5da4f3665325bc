"""A house takes what scripts logged while it was away."""

from __future__ import annotations

import logging
import threading

from ondol.kernel.config import Config
from ondol.sdk.runs.delivery import deliver_left
from ondol.sdk.runs.spool import Destination

log = logging.getLogger("ondol")

FIRST_SECONDS, SECONDS = 0.5, 5.0


class Waiting:
    """A thread that delivers what dead processes have left in the spool of the home, while the house serves.

    The runs of a script that was killed end in it, too.
    """

    def __init__(self, config: Config, url: str) -> None:
        self._config = config
        self._destination = Destination(url=url)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="waiting-logs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        pause = FIRST_SECONDS
        while not self._stop.wait(pause):
            self._deliver()
            pause = SECONDS

    def _deliver(self) -> None:
        try:
            found = deliver_left(self._config.spool_path, self._config.token, instead=self._destination)
        except Exception:
            log.exception("logs that wait in the spool could not be delivered")
            return
        for message in found.refusals:
            log.warning("refused from the spool: %s", message)
