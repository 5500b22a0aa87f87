"""Run the migrations on the connection of `store.migrate`. Alembic runs this file for every command."""

from alembic import context

from agentic_sales.store.tables import Table

context.configure(target_metadata=Table.metadata, render_as_batch=True, **context.config.attributes)
context.run_migrations()
