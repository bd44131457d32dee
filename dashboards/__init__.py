"""Grafana dashboards as code, and how they are pushed."""
