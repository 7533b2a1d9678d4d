"""What the doctor may find in an installation, where it runs (`doctor --self`)."""

from __future__ import annotations

from chatbot.doctor.word import setting

SERVER_WORDS = {
    "settings": setting("A setting can't be used, so the server does not start.", "the setting that is named"),
    "import-order": setting(
        "gevent is not first: TLS and the database driver were loaded before it, and block all streams or fail.",
        "from gevent import monkey; monkey.patch_all()  as the first line of the gunicorn configuration",
    ),
    "version": setting(
        "A package is missing or older than this server needs.",
        "python -m pip install --require-hashes -r requirements.txt",
    ),
    "database-away": setting("The database does not answer.", "CHATBOT_DATABASE_URL, or CHATBOT_DATA_DIR for SQLite"),
    "redis-away": setting(
        "Redis does not answer: stricter limits of each machine's own hold.", "CHATBOT_REDIS_URL"
    ),
    "disk": setting(
        "The disk of the data directory is full, nearly so, or can't be written.",
        "CHATBOT_DATA_DIR on a disk with room",
    ),
    "descriptors": setting(
        "Fewer files may be open than CHATBOT_MAX_STREAMS needs: visitors are refused before it is reached.",
        "LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536",
    ),
    "provider-away": setting(
        "A provider gives no answer.", "its address and key: OPENAI_BASE_URL, OPENAI_API_KEY or CHATBOT_CONFIG"
    ),
    "provider-buffered": setting(
        "A provider's answer arrives at once: something between this server and it holds the stream back.",
        "the proxy on the way to the provider, or the provider's own stream setting",
    ),
}  # fmt: skip
