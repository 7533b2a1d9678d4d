"""The tables, once for both engines. Times are seconds since 1970.

A conversation belongs to a bot and to an owner: a session or a proven visitor. Who asks for a row has to say
both (`store/conversations`), and what hangs on a conversation goes with it.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

REVISION = "0002"
"""The newest migration; a test holds it against the files."""

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""`directory`: a number that grows with each change of bots or keys, so that workers look at it alone."""

bots = Table(
    "bots",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("settings", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(2), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("prefix", String(16), nullable=False),
    Column("shown", String(200), nullable=False),
    Column("name", String(100), nullable=False),
    Column("bot_id", String(40)),
    Column("scopes", JSON, nullable=False),
    Column("origins", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("limits", JSON),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("bot_id", String(40), nullable=False),
    Column("owner", String(300), nullable=False),
    Column("title", String(200), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("conversations_of_owner", "bot_id", "owner", "updated_at"),
    Index("conversations_by_expiry", "expires_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String(40), primary_key=True),
    Column(
        "conversation_id",
        String(32),
        ForeignKey("conversations.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("turn", BigInteger, nullable=False),
    Column("role", String(20), nullable=False),
    Column("content", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("model", String(200), nullable=False),
    Column("provider", String(100), nullable=False),
    Column("code", String(40), nullable=False),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("first_token_seconds", Double),
    Column("total_seconds", Double),
    Column("sources", JSON),
    Column("request_id", String(40), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("messages_of_conversation", "conversation_id", "turn"),
    Index("messages_under_way", "state", "updated_at"),
)
"""`turn` orders the turns of a conversation: microseconds since 1970. `state` is `whole`, `running`,
`incomplete` (it broke off), `interrupted` (its process is gone, as far as is known), `stopped` (the visitor left) or `failed` (there was no answer)."""

feedback = Table(
    "feedback",
    metadata,
    Column(
        "message_id", String(40), ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("rating", Integer, nullable=False),
    Column("comment", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

forgotten = Table(
    "forgotten",
    metadata,
    Column("conversation_id", String(32), primary_key=True),
    Column("forgotten_at", Double, nullable=False),
)
"""Conversations that were deleted: what was spooled for one of them is not to bring it back."""

charges = Table(
    "charges",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("day", String(10), nullable=False),
    Column("bot_id", String(40), nullable=False),
    Column("key_id", String(40), nullable=False),
    Column("model", String(200), nullable=False),
    Column("requests", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Index("charges_by_day", "day", "bot_id"),
)
"""What was spent. A row for each question (its id is the request's, so that it counts once), and for days that
are past one for each bot, key and model. It tells no visitor, and outlives conversations. `day` is `2026-11-27`, in UTC."""

stops = Table(
    "stops",
    metadata,
    Column("what", String(150), primary_key=True),
    Column("message", String(500), nullable=False),
    Column("stopped_at", Double, nullable=False),
)
"""What an operator has stopped: `all`, `bot:shop`, `provider:openai`."""
