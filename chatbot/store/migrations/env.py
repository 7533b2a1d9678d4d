"""Run by Alembic. The connection is the caller's, who begins and ends its transaction."""

from __future__ import annotations

from alembic import context

from chatbot.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
)
context.run_migrations()
