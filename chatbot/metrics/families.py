"""What is counted, each once: name, help, labels, buckets. Who writes, who reads and the documentation go by this table.

Names and labels that begin with `gen_ai` are OpenTelemetry's, so that other people's plots find them. Times are seconds. An error's
`code` is one of docs/errors.md, `ok` where there was none, and `client_left` where nobody waited for the end.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
"""

from __future__ import annotations

from typing import NamedTuple

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
OTHER = "other"
"""Stands for all values of a label for which there is no room."""
BOT, MODEL, PROVIDER = "bot", "gen_ai_request_model", "gen_ai_provider_name"
CAPS = {BOT: 100, MODEL: 50}
"""So many values of a label that others may choose; providers and codes have an end by themselves."""
SERIES_CAP = 500
"""So many combinations of labels in one family."""

_FIRST = (
    0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 60.0,
)  # fmt: skip
_WHOLE = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_TOKEN = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5)
_OURS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Family(NamedTuple):
    """One metric: its kind, name, help, labels and, of a histogram, the upper ends of its buckets."""

    kind: str
    name: str
    text: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """Numbers of one series: a histogram has its sum, its buckets (each without those before), and what is over them."""
        return len(self.buckets) + 2 if self.kind == HISTOGRAM else 1


DURATION = Family(
    HISTOGRAM, "gen_ai_server_request_duration_seconds",
    "A question for which a provider was asked, from its head to the last byte of its answer.",
    (BOT, PROVIDER, MODEL, "code"), _WHOLE,
)  # fmt: skip
FIRST_TOKEN = Family(
    HISTOGRAM, "gen_ai_server_time_to_first_token_seconds",
    "From a question's head to the first word of its streamed answer.",
    (BOT, PROVIDER, MODEL), _FIRST,
)  # fmt: skip
PER_TOKEN = Family(
    HISTOGRAM, "gen_ai_server_time_per_output_token_seconds",
    "Between two tokens of a whole streamed answer, behind the first.",
    (BOT, PROVIDER, MODEL), _TOKEN,
)  # fmt: skip
TOKENS = Family(
    COUNTER, "chatbot_tokens_total", "Tokens as providers have counted them.",
    (BOT, PROVIDER, MODEL, "gen_ai_token_type"),
)  # fmt: skip
OVERHEAD = Family(
    HISTOGRAM, "chatbot_overhead_seconds",
    "Our own share. request: from the question's head to asking the provider, without the wait for its body; "
    "answer: from the provider's first word to handing it on.",
    ("part",), _OURS,
)  # fmt: skip
DEPARTURE = Family(
    HISTOGRAM, "chatbot_departure_seconds",
    "From a client's leaving to the end of what it had asked of the provider.", (), _OURS,
)  # fmt: skip
HEARTBEATS = Family(COUNTER, "chatbot_heartbeats_total", "Comments that have filled a silence.")
RETRIES = Family(
    COUNTER, "chatbot_retries_total", "Attempts after which the same target was asked once more.",
    (PROVIDER,),
)  # fmt: skip
FAILOVERS = Family(
    COUNTER, "chatbot_failovers_total", "Attempts after which another target was asked.", (PROVIDER,)
)  # fmt: skip
REFUSALS = Family(
    COUNTER, "chatbot_refusals_total", "Requests that ended in an error before a provider was asked.",
    (BOT, "code"),
)  # fmt: skip
LAG = Family(
    HISTOGRAM, "chatbot_hub_lag_seconds",
    "By how much a tick of the event loop came late: everything in the worker waited for so long.", (), _OURS,
)  # fmt: skip
BLOCKED = Family(
    COUNTER, "chatbot_hub_blocked_total",
    "Blocking calls that were noticed; the log names each (`hub_blocked`).",
)  # fmt: skip
STARTS = Family(COUNTER, "chatbot_worker_starts_total", "Workers that were started.")
PERCEIVED = Family(
    HISTOGRAM, "chatbot_perceived_first_token_seconds",
    "From a visitor's question to its answer's first words on the screen, as browsers tell it (CHATBOT_PERCEIVED).",
    (BOT,), _FIRST,
)  # fmt: skip
PASSED_ON = Family(
    HISTOGRAM, "chatbot_passed_on_duration_seconds",
    "A request for models or embeddings, which is passed on to the default provider whole.",
    (BOT, PROVIDER, "gen_ai_operation_name", "code"), _WHOLE,
)  # fmt: skip
LIVE = Family(GAUGE, "chatbot_live_streams", "Answers under way.")
FAMILIES = (
    DURATION, FIRST_TOKEN, PER_TOKEN, TOKENS, OVERHEAD, DEPARTURE, HEARTBEATS, RETRIES, FAILOVERS, REFUSALS,
    LAG, BLOCKED, STARTS, PERCEIVED, PASSED_ON, LIVE,
)  # fmt: skip
