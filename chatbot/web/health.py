"""`/healthz`: this process is alive. `/readyz`: it takes traffic. Neither asks anybody else."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from chatbot.web.guard import services

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def alive() -> Response:
    """Alive."""
    return jsonify(status="ok")


@bp.get("/readyz")
def ready() -> Response:
    """Takes traffic; 503 while it is being drained."""
    draining = services().drain.active
    response = jsonify(status="draining" if draining else "ready")
    response.status_code = 503 if draining else 200
    return response
