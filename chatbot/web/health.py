"""`/healthz`: this process is alive. `/readyz`: it takes traffic. `/metrics`: Prometheus.

The first two answer everybody and ask nobody else; details are the operator's.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from chatbot.core.errors import NotFound, StorageUnavailable
from chatbot.metrics.registry import CONTENT_TYPE
from chatbot.web.guard import is_operator, require_operator, services

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def alive() -> Response:
    """Alive."""
    return jsonify(status="ok")


@bp.get("/readyz")
def ready() -> Response:
    """Takes traffic; 503 while it is being drained. For the operator with the state of each target."""
    draining = services().drain.active
    status: dict[str, object] = {"status": "draining" if draining else "ready"}
    if is_operator():
        status |= services().standing()
    response = jsonify(status)
    response.status_code = 503 if draining else 200
    return response


@bp.get("/metrics")
def metrics() -> Response:
    """Prometheus' text; 503 where the folder of what was counted can't be read."""
    if not services().settings.latency_metrics_enabled:
        raise NotFound("Metrics are switched off: LATENCY_METRICS_ENABLED.")
    require_operator()
    try:
        text = services().metrics.text()
    except OSError:
        raise StorageUnavailable from None
    return Response(text, content_type=CONTENT_TYPE)
