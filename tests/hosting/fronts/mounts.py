"""What an owner changes in a file of `deploy/` to have the chat below a path; `docs/hosting/other-servers.md` shows these lines."""

from __future__ import annotations

PREFIX = "/chat"
_APACHE = "ProxyPass / http://127.0.0.1:8000/"
MOUNTS: dict[str, tuple[tuple[str, str], ...]] = {
    "nginx": (
        ("location / {\n        proxy_pass http://chatbot;", "location /chat/ {\n        proxy_pass http://chatbot/;"),
        ('proxy_set_header X-Forwarded-Prefix "";', "proxy_set_header X-Forwarded-Prefix /chat;"),
    ),
    "apache": (
        (_APACHE, _APACHE.replace("ProxyPass /", "ProxyPass /chat/")),
        ("RequestHeader unset X-Forwarded-Prefix early", "RequestHeader set X-Forwarded-Prefix /chat"),
    ),
    "caddy": (
        ("reverse_proxy 127.0.0.1:8000 {", "uri strip_prefix /chat\n\treverse_proxy 127.0.0.1:8000 {"),
        ("header_up -X-Forwarded-Prefix", "header_up X-Forwarded-Prefix /chat"),
    ),
    "haproxy": (
        (
            "http-request del-header X-Forwarded-Prefix",
            "http-request set-header X-Forwarded-Prefix /chat\n    http-request set-path %[path,regsub(^/chat/,/)]",
        ),
    ),
    "mod_wsgi": (("WSGIScriptAlias / /srv", "WSGIScriptAlias /chat /srv"),),
}  # fmt: skip
"""(old, new) by front."""
