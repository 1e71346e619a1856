"""Alembic's entry: runs migrations over the engine handed in by ``storage.database.migrate``."""

from alembic import context

from storage.database.models import Base

engine = context.config.attributes["engine"]

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
