"""The way of this process's logs: its writer, and the thread that delivers behind it."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from pathlib import Path

import msgspec

from ondol.kernel.config import Config, load_config
from ondol.kernel.errors import OndolError, Unavailable
from ondol.sdk.runs.delivery import REFUSED, Delivery, deliver_left
from ondol.sdk.runs.records import encode
from ondol.sdk.runs.spool import Destination, Writer, remove
from ondol.sdk.runs.wire import Wire

log = logging.getLogger("ondol.runs")

INTERVAL = 0.5
LIVE_SECONDS = 15.0
LEFT_SECONDS = 30.0
LONGEST_PAUSE = 30.0
END_SECONDS = 10.0
"""How long the end of a run waits while nothing arrives, before it leaves the rest to the spool."""

_said: set[str] = set()


def warn_once(about: str, message: str) -> None:
    """Say it in the log (on stderr, where nobody configured one), once in a process for each matter."""
    if about not in _said:
        _said.add(about)
        log.warning("%s", message)


class Channel:
    """Logs go in by `put`, which does not wait for anybody; a thread takes them to the house."""

    def __init__(self, config: Config) -> None:
        # Whoever goes on elsewhere must find the same places.
        self.config = msgspec.structs.replace(config, home=str(config.home_path), spool=str(config.spool_path))
        self.destination = Destination(url=config.url, home=str(config.home_path))
        self.spool, self.writer = _writer(config, self.destination)
        self._token = config.token
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._idle = threading.Condition()
        self._rounds = 0
        """Counts the times when everything had been delivered."""
        self._moved = time.monotonic()
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="ondol-runs", daemon=True)
        self._thread.start()

    def put(self, record: msgspec.Struct) -> None:
        self.writer.append(encode(record))

    def flush(self) -> bool:
        """Wait until everything said so far has arrived; False when nothing arrived for `END_SECONDS`."""
        with self._idle:
            # The round that is under way may have begun before our last word.
            goal, self._moved, self._problem = self._rounds + 2, time.monotonic(), ""
            while self._rounds < goal:
                self._wake.set()
                self._idle.wait(0.05)
                if self._problem or time.monotonic() - self._moved > END_SECONDS or not self._thread.is_alive():
                    return False
        return True

    def close(self) -> bool:
        """Deliver, and let go of the folder; what did not arrive waits there. Whether all has arrived."""
        done = self.flush()
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=5 if done else 0.5)
        self.writer.close()
        # The last word of live files comes after everything else.
        done = done and not self._problem and not self._thread.is_alive()
        if done:
            remove(self.writer.folder)
        return done

    def _run(self) -> None:
        wire = Wire(self.destination, self._token)
        delivery = Delivery(self.writer.folder, wire)
        pause, live, left = INTERVAL, time.monotonic(), 0.0
        while True:
            try:
                self._deliver(delivery)
                if self._stop.is_set() or time.monotonic() - live > LIVE_SECONDS:
                    delivery.send_growing()
                    live = time.monotonic()
                self._is_done(delivery)
                pause = INTERVAL
                if not self._stop.is_set() and time.monotonic() - left > LEFT_SECONDS:
                    deliver_left(self.spool, self._token, between=lambda: self._between(delivery))
                    left = time.monotonic()
            except Exception as error:
                self._cannot(error)
                pause = min(pause * 2, LONGEST_PAUSE)
            if self._stop.is_set():
                break
            self._wake.wait(pause)
            self._wake.clear()
        delivery.close()
        wire.close()

    def _deliver(self, delivery: Delivery) -> None:
        while delivery.batch():
            self._moved = time.monotonic()
            self._problem = ""

    def _between(self, delivery: Delivery) -> None:
        """Our own logs go before those that others have left."""
        self._deliver(delivery)
        self._is_done(delivery)
        if self._stop.is_set():
            raise Unavailable("the script ends")

    def _is_done(self, delivery: Delivery) -> None:
        if delivery.refusals:
            kept = self.spool / REFUSED
            warn_once("refused", f"The house refuses some of what was logged: {delivery.refusals[0]} (kept in {kept})")
            delivery.refusals.clear()
        with self._idle:
            self._rounds += 1
            self._problem = ""
            self._idle.notify_all()

    def _cannot(self, error: Exception) -> None:
        self._problem = str(error) or type(error).__name__
        why = error.message if isinstance(error, Unavailable) else f"{type(error).__name__}: {error}"
        warn_once("away", f"Logs wait in {self.spool}, and are delivered later: {why}.")
        with self._idle:
            self._idle.notify_all()


def _writer(config: Config, destination: Destination) -> tuple[Path, Writer]:
    """A writer in the spool, or, where that cannot be written, in the folder for temporary files."""
    try:
        return config.spool_path, Writer(config.spool_path, destination)
    except OSError as error:
        instead = Path(tempfile.gettempdir()) / f"ondol-spool-{os.getuid()}"
        warn_once("spool", f"{config.spool_path} cannot be written ({error.strerror}); logs are kept in {instead}.")
        return instead, Writer(instead, destination)


def settings() -> Config:
    """The settings in force; the defaults, with a warning, when they are wrong: a training goes on."""
    try:
        return load_config()
    except OndolError as error:
        warn_once("settings", f"{error.message} Logging goes on with the defaults.")
        return Config()
