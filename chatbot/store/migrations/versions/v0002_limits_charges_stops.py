"""Limits of keys, what was spent, what is stopped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add them."""
    op.add_column("api_keys", sa.Column("limits", sa.JSON))
    op.create_table(
        "charges",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("bot_id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
    )
    op.create_index("charges_by_day", "charges", ["day", "bot_id"])
    op.create_table(
        "stops",
        sa.Column("what", sa.String(150), primary_key=True),
        sa.Column("message", sa.String(500), nullable=False),
        sa.Column("stopped_at", sa.Double, nullable=False),
    )
