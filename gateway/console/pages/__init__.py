"""The console's pages, a module a noun; each brings its router."""

from fastapi import APIRouter

from gateway.console.pages import accounting, alerts, audit, board, gate, machines, mail, nodes, series, sites

ROUTERS: tuple[APIRouter, ...] = tuple(
    page.router for page in (gate, board, alerts, sites, series, nodes, accounting, mail, audit, machines)
)
