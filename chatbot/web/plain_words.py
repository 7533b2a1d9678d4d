"""What the plain page says, in English and Italian; the widget has its own words (`static/widget/src/locales/`)."""

from __future__ import annotations

from collections.abc import Mapping

from werkzeug.datastructures import LanguageAccept

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Chat",
        "mock": "No provider is set: the built-in mock answers.",
        "talk": "Conversation",
        "you": "You",
        "request": "Request",
        "question": "Your question",
        "ask": "Ask",
        "whole": "The answer comes as a whole, which can take half a minute.",
        "ai": "{name} is an AI and can be wrong.",
        "privacy": "Privacy",
    },
    "it": {
        "title": "Chat",
        "mock": "Nessun fornitore è configurato: risponde il simulatore incluso.",
        "talk": "Conversazione",
        "you": "Lei",
        "request": "Richiesta",
        "question": "La sua domanda",
        "ask": "Chiedi",
        "whole": "La risposta arriva tutta insieme, il che può richiedere mezzo minuto.",
        "ai": "{name} è un'intelligenza artificiale e può sbagliare.",
        "privacy": "Informativa sulla privacy",
    },
}


def language(asked: str, accepted: LanguageAccept) -> str:
    """The one that is asked for (`it`, `it-CH`), else the first of the browser's that there are words of; else English."""
    name = asked.replace("_", "-").split("-")[0].lower()
    if asked:
        return name if name in WORDS else "en"
    return accepted.best_match(WORDS, "en") or "en"
