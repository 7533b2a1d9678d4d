"""Everything that can go wrong for a caller, one class each.

    ChatbotError
    ├── InvalidRequest            400  what was sent can't be used
    │   ├── ContextLengthExceeded 400  the provider's word
    │   └── ContentPolicyViolation 400 the provider's word
    ├── InvalidApiKey             401
    ├── InvalidVisitorToken       401  the site's word for who its visitor is
    ├── OriginNotAllowed          403  the page that asks is not in the key's list
    ├── KeyNotAllowed             403  the key is for other things
    ├── NotFound                  404
    ├── MethodNotAllowed          405
    ├── RequestTimeout            408  the request's body came too slowly
    ├── RequestTooLarge           413
    ├── RateLimitExceeded         429  ours or the provider's, with Retry-After
    ├── BudgetExceeded            429  all tokens of a day or a month are used, with Retry-After
    ├── BudgetTooSmall            503  the owner's: no question of a visitor fits into the budget
    ├── ServiceStopped            503  an operator's stop switch
    ├── Overloaded                503  with Retry-After
    ├── StorageUnavailable        503  the database is away and what it knows is needed
    ├── ServerRestarting          503  this server stops (an event, once content has gone out)
    ├── InternalError             500  ours: a bug
    └── UpstreamFailure
        ├── UpstreamUnreachable   502  no connection, no name, reset before an answer
        ├── UpstreamError         502  it answered, and not usably
        ├── UpstreamAuth          502  it refused our key or our purse: never the visitor's 401
        ├── TimeoutFirstToken     504
        ├── TimeoutIdle           504
        ├── TimeoutTotal          504
        └── StreamIncomplete      502  an answer that broke off (an event, once content has gone out)

`message` reaches the caller and says what to do. `detail` is for the log alone, and is never a
provider's text or a key. `may_recover` says that the same provider may answer if asked again at once. `headers` go with the answer. Errors are told apart by class, never by their text.
"""

from __future__ import annotations


class ChatbotError(Exception):
    """Base of all: carries the HTTP status and the fields of OpenAI's error body."""

    status = 500
    code = "internal_error"
    type = "server_error"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after: int | None = None,
        detail: str = "",
        may_recover: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.detail = detail
        self.may_recover = may_recover
        self.headers: dict[str, str] = {}


class InternalError(ChatbotError):
    """A bug of ours; the request id finds it in the log."""


class InvalidRequest(ChatbotError):
    """The request can't be used; `param` names the field."""

    status = 400
    code = "invalid_request"
    type = "invalid_request_error"


class ContextLengthExceeded(InvalidRequest):
    """The provider says that the prompt is too long for the model."""

    code = "context_length_exceeded"


class ContentPolicyViolation(InvalidRequest):
    """The provider declined the content."""

    code = "content_policy_violation"


class InvalidApiKey(ChatbotError):
    """No key, or none that we know."""

    status = 401
    code = "invalid_api_key"
    type = "authentication_error"


class InvalidVisitorToken(ChatbotError):
    """The token that should prove who the visitor is does not."""

    status = 401
    code = "invalid_visitor_token"
    type = "authentication_error"


class OriginNotAllowed(ChatbotError):
    """The page that asks is not one of the key's, or the key is not one for pages."""

    status = 403
    code = "origin_not_allowed"
    type = "permission_error"


class KeyNotAllowed(ChatbotError):
    """The key is good, and not for this."""

    status = 403
    code = "key_not_allowed"
    type = "permission_error"


class NotFound(ChatbotError):
    """Nothing there, or somebody else's."""

    status = 404
    code = "not_found"
    type = "invalid_request_error"


class MethodNotAllowed(ChatbotError):
    """The address is right, the method is not."""

    status = 405
    code = "method_not_allowed"
    type = "invalid_request_error"


class RequestTimeout(ChatbotError):
    """The body did not come in time."""

    status = 408
    code = "request_timeout"
    type = "invalid_request_error"


class RequestTooLarge(ChatbotError):
    """The body is over the limit."""

    status = 413
    code = "request_too_large"
    type = "invalid_request_error"


class RateLimitExceeded(ChatbotError):
    """Too many requests or tokens for now."""

    status = 429
    code = "rate_limit_exceeded"
    type = "rate_limit_error"


class BudgetExceeded(ChatbotError):
    """The bot or the key has used its tokens of this day or month. `type` is OpenAI's for a spent quota."""

    status = 429
    code = "budget_exceeded"
    type = "insufficient_quota"


class BudgetTooSmall(ChatbotError):
    """No question of a visitor fits into a budget of the bot or the key: the owner's to mend."""

    status = 503
    code = "budget_too_small"


class ServiceStopped(ChatbotError):
    """An operator has stopped the bot, the provider, or everything; the message is the operator's."""

    status = 503
    code = "service_stopped"


class Overloaded(ChatbotError):
    """This server takes no more for the moment."""

    status = 503
    code = "overloaded"


class StorageUnavailable(ChatbotError):
    """The database is away, and what it knows is needed."""

    status = 503
    code = "storage_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "What is stored can't be read at the moment. Try again shortly.", retry_after=2
        )


class ServerRestarting(ChatbotError):
    """This server stops before the answer's end; the next one answers."""

    status = 503
    code = "server_restarting"


class UpstreamFailure(ChatbotError):
    """A provider's failure, not the caller's."""

    status = 502
    code = "upstream_error"
    type = "upstream_error"


class UpstreamUnreachable(UpstreamFailure):
    """No connection to the provider, or it was lost before an answer. `sent`: the question may have arrived."""

    code = "upstream_unreachable"
    sent = True


class UpstreamError(UpstreamFailure):
    """The provider answered with an error, or with what is no answer."""


class UpstreamAuth(UpstreamFailure):
    """The provider refused our key, or our account there is spent: the operator's to mend."""

    code = "upstream_auth"


class TimeoutFirstToken(UpstreamFailure):
    """No first token in time."""

    status = 504
    code = "timeout_first_token"
    type = "timeout_error"


class TimeoutIdle(UpstreamFailure):
    """Tokens stopped coming."""

    status = 504
    code = "timeout_idle"
    type = "timeout_error"


class TimeoutTotal(UpstreamFailure):
    """The whole answer took too long."""

    status = 504
    code = "timeout_total"
    type = "timeout_error"


class StreamIncomplete(UpstreamFailure):
    """The answer broke off: its beginning is not its whole."""

    code = "stream_incomplete"
