"""`/healthz`: this process is alive. `/readyz`: it takes traffic. Neither asks anybody else."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def alive() -> Response:
    """Alive."""
    return jsonify(status="ok")


@bp.get("/readyz")
def ready() -> Response:
    """Takes traffic."""
    return jsonify(status="ready")
