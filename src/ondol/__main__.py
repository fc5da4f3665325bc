"""`python -m ondol` is `ondol`."""

from ondol.doors.cli import main

main()
