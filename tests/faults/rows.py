"""The fault matrix: what goes wrong, and what whoever asked gets. One row is one fault.

`alone`: the provider is the only target. `pair`: a second target is well. `plain`: alone, and not streamed. Empty: not tried.
Outcomes are as the caller sees them: `whole`, `<status> <code>` before content, `event <code>` after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """A provider's fault, by its name in the mock. `calls`: how often it is asked, alone."""

    fault: str
    alone: str
    calls: int = 1
    pair: str = "whole"
    plain: str = ""
    mock: dict = field(default_factory=dict)


CUT = "event stream_incomplete"
UPSTREAM = (
    Row("reset_before_headers", "502 upstream_unreachable", 3, plain="502 upstream_unreachable"),
    Row("reset_after_headers", "502 upstream_error", 3, plain="502 upstream_error"),
    Row("no_headers", "504 timeout_first_token", plain="504 timeout_total"),
    Row("drip_headers", "504 timeout_first_token"),
    Row("slow_headers", "whole", plain="whole", mock={"first_token": 0.4}),
    Row("empty", "502 upstream_error", plain="502 upstream_error"),
    Row("only_done", "502 upstream_error"),
    Row("error_first", "502 upstream_error", 3),
    Row("json_error", "502 upstream_error", 3, plain="502 upstream_error"),
    Row("html", "502 upstream_error", plain="502 upstream_error"),
    Row("html_500", "502 upstream_error", 3, plain="502 upstream_error"),
    Row("gzip", "502 upstream_error"),
    Row("redirect", "502 upstream_error", plain="502 upstream_error"),
    Row("400", "400 invalid_request", pair="400 invalid_request", plain="400 invalid_request"),
    Row("401", "502 upstream_auth", plain="502 upstream_auth"),
    Row("402", "502 upstream_auth", plain="502 upstream_auth"),
    Row("403", "502 upstream_auth", plain="502 upstream_auth"),
    Row("404", "404 not_found", pair="404 not_found", plain="404 not_found"),
    Row("413", "413 request_too_large", pair="413 request_too_large",
        plain="413 request_too_large"),
    Row("422", "400 invalid_request", pair="400 invalid_request", plain="400 invalid_request"),
    Row("429", "429 rate_limit_exceeded", plain="429 rate_limit_exceeded"),
    Row("quota", "502 upstream_auth", plain="502 upstream_auth"),
    Row("500", "502 upstream_error", 3, plain="502 upstream_error"),
    Row("503", "502 upstream_error", 3, plain="502 upstream_error"),
    Row("context_length", "400 context_length_exceeded", plain="400 context_length_exceeded"),
    Row("content_policy", "400 content_policy_violation", pair="400 content_policy_violation",
        plain="400 content_policy_violation"),
    Row("stream_options_refused", "whole", 2, pair=""),
    Row("reset_mid_event", CUT, 2),
    Row("fin_mid_event", CUT, 2),
    Row("fin_mid_event_unframed", CUT, 2),
    Row("cut", CUT, 2),
    Row("cut_unframed", CUT, 2),
    Row("ends_early", CUT, 2),
    Row("length_too_long", CUT, 2, plain="502 upstream_error"),
    Row("stall", "event timeout_idle", 2),
    Row("only_comments", "event timeout_idle", 2),
    Row("endless", "event timeout_total", pair="event timeout_total", mock={"pace": 0.47}),
    Row("garbage", CUT, 2),
    Row("invalid_utf8", CUT, 2),
    Row("huge_event", CUT, 2),
    Row("error_mid", "event upstream_error", 2),
    Row("no_done", "whole"),
    Row("no_done_reset", "whole"),
    Row("no_finish", "as sent", pair="as sent"),
    Row("done_open", "whole"),
    Row("after_done", "whole"),
    Row("duplicate", "as sent", pair="as sent"),
    Row("crlf", "whole"),
    Row("cr", "whole"),
    Row("bom", "whole"),
    Row("comments", "whole"),
    Row("ids", "whole"),
    Row("wrong_type", "whole"),
    Row("json", "whole"),
    Row("sse", "whole", plain="whole"),
)  # fmt: skip

OTHERS = {
    "connection refused": "502 `upstream_unreachable`; the next target answers",
    "no TLS where TLS was expected": "502 `upstream_unreachable`; the next target answers",
    "a certificate that expired": "502 `upstream_unreachable`; the next target answers",
    "a connection that is never taken": "502 `upstream_unreachable` after the connect limit; the next target answers",
    "twenty name look-ups stuck": "502 after the connect limit; other providers answer meanwhile",
    "Redis away or slow: limits": "stricter ones of the machine's own, said in the log and on `/readyz`; running answers do not notice",
    "client vanishes": "the provider is let go within 0.5 s: mid-stream, silent, before the head, in a plain call",
    "client is cut off without a word": "the provider is let go after the write limit",
    "slow heads and bodies, in hundreds": "let go after their time, 408 where an answer can be given; others are served as ever",
    "slow readers, in hundreds": "let go after the write limit; others are served as ever",
    "client reads nothing": "let go after the write limit; what is kept for it is bounded",
    "worker full": "503 with Retry-After at once; `/healthz` answers; streams go on",
    "descriptors exhausted": "503 with Retry-After at once; streams go on",
    "SIGTERM": "streams go on for the drain; then each is told `server_restarting`",
    "SIGHUP": "no request fails, a long stream is whole",
    "SIGKILL of a worker": "every client sees a broken transfer: HTTP/1.1, HTTP/1.0, nginx speaking either",
    "SIGKILL of the master": "every client sees a broken transfer",
    "a worker held up by computation": "no stream is lost, and none is taken for a stalled one",
    "drain": "`/readyz` says 503 while everything answers",
    "Redis away at the start": "the machine's files serve; `/readyz` says so",
    "Redis frozen in mid-stream": "no stream notices; `/readyz` says so",
    "the database stops or freezes": "no stream notices, new ones begin, all is saved later; what needs it is 503",
    "the database restarts": "nobody notices",
    "the database away at the start": "keys of the settings serve; the others once it is there",
    "the database locked by another process": "no stream notices; all is saved later",
    "a key revoked in mid-stream": "its streams end within 5 s with `invalid_api_key`, no others",
    "data directory can't be written": "no request fails; `/readyz` says so",
}
"""Faults that are not a provider's answer, and what happens."""

SCENARIOS = (
    "S01 429 with Retry-After",
    "S02 429 without Retry-After, persistent",
    "S03 500 once, then healthy",
    "S04 503 persistent",
    "S05 TCP reset before headers",
    "S06 No response at all",
    "S07 Slow first token",
    "S08 Stream cut mid-answer",
    "S09 Stream stalls",
    "S10 Malformed chunk in the stream",
    "S11 Stream ends without [DONE]",
    "S12 Context length exceeded",
    "S13 Content-filter rejection",
    "S14 Fallback target rejects prefill",
    "S15 Primary flaps: down, then healthy",
    "S16 Fail-over accounting",
)
"""The names of FailoverBench's catalogue, methodology 0.1."""
