"""HTTP for machines and people: `create_app(context)` is everything the gateway serves."""

from gateway.api.app import create_app
from gateway.context import Context

__all__ = ["Context", "create_app"]
