"""How the schema got here: one file a release that changed it, run by alembic.

A fresh database is created from the rooms' tables directly; these files bring an
older one to the same schema, and a test holds the two equal. After changing a
table:

    python -m ondol.adapters.migrations "what changed"

writes the next numbered file into `versions/`. Read it before committing it: alembic
sees a renamed column as one dropped and one added.
"""
