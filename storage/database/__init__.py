"""The server's database: models, repositories, one unit of work per use case, migrations. SQLite and PostgreSQL."""
