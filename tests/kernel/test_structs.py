"""Threads that decode a struct for the first time, all at once."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, threading, types, msgspec
from ondol.kernel import structs

found = []
for number in range(300):
    module = types.ModuleType(f"made{number}")
    sys.modules[module.__name__] = module
    exec(
        "from __future__ import annotations\\nimport msgspec\\n"
        "class Inner(msgspec.Struct, frozen=True, kw_only=True):\\n    a: int\\n    c: list[str] = []\\n"
        "class Outer(msgspec.Struct, frozen=True, kw_only=True):\\n    b: Inner\\n    d: dict[str, Inner] = {}\\n",
        module.__dict__,
    )
    found.append(module.Outer)
structs.prepare()
sys.setswitchinterval(1e-6)
together = threading.Barrier(4)

def decode():
    for struct in found:
        together.wait()
        msgspec.convert({"b": {"a": 2}, "d": {"k": {"a": 1}}}, struct)

threads = [threading.Thread(target=decode) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_may_decode_what_was_prepared():
    """Without `prepare`, msgspec 0.22 ends this program with a segmentation fault."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
