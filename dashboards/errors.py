"""What can go wrong while dashboards are pushed.

DashboardsError   Grafana was not reached, or refused; words for a person, shown by the command
"""


class DashboardsError(Exception):
    """A failure with words for a person: wanted, got, where."""
