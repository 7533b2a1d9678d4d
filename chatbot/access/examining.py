"""The pass by which this server's own doctor asks it through its front: for `/diagnosis` alone, and for minutes.

It is no key: it opens nothing else, is kept nowhere, and ends by itself. Where it went astray somebody could see test patterns.
"""

from __future__ import annotations

import time

from chatbot.access.caller import Caller
from chatbot.access.sessions import Signer
from chatbot.core.api_key import SECRET, ApiKey

PASS_SECONDS = 300
_KIND, _FOR = "exam", "diagnosis"
EXAMINER = Caller(ApiKey("examination", SECRET, "", "", ""), None)
"""Who asks with such a pass."""


def new_pass(signer: Signer) -> str:
    """A pass for one examination."""
    return signer.issue(_KIND, time.time() + PASS_SECONDS, _FOR).text


def is_pass(signer: Signer, text: str) -> bool:
    """Whether a text is a pass that is good."""
    return text.startswith(f"{_KIND}_") and signer.read(_KIND, text, _FOR) is not None
