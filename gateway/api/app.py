"""Puts the parts together: shield, answers, the API's nouns, the console's pages, static files."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from gateway import console
from gateway.api import accounting, alerts, answers, events, health, nodes, push, readings, unknown
from gateway.api.live import Live
from gateway.api.shield import Shield
from gateway.console.pages import ROUTERS
from gateway.context import Context

STATIC = Path(console.__file__).parent / "static"
DESCRIPTION = """Everything the town's gateway knows, for machines.

A token goes into the Authorization header: `Authorization: Bearer satomori_…` (make one with `satomori token add`).
Times are RFC 3339 with an offset. Errors are `{"error": {"code", "detail"}}`.
"""


def create_app(context: Context) -> FastAPI:
    """The application; it serves until its server stops, and starts no thread of its own."""
    app = FastAPI(
        title="Satomori",
        version="1",
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.context = context
    app.state.live = Live(context.ledger)
    answers.install(app)
    api = APIRouter(prefix="/api/v1")
    for noun in (nodes, unknown, push, readings, alerts, accounting, events):
        api.include_router(noun.router)
    app.include_router(health.router)
    app.include_router(api)
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC, check_dir=False), name="static")
    app.add_middleware(Shield, secure=context.secure)
    return app
