"""Notices as lines in the log: for a house that tells nobody else."""

from __future__ import annotations

import logging

_log = logging.getLogger("ondol.notice")


class LogNotify:
    """The `Notify` port; never fails."""

    def send(self, subject: str, text: str) -> None:
        _log.warning("%s: %s", _one_line(subject), _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())
