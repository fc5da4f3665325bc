"""What alembic runs for each command; the connection comes from `ondol.adapters.sql`."""

from __future__ import annotations

from alembic import context

from ondol.adapters.migrations.render import plain_types
from ondol.adapters.sql import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
    version_table=VERSION_TABLE,
    render_as_batch=True,
    render_item=plain_types,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
