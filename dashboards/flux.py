"""The questions that panels ask: Flux for InfluxDB 2.x, as text.

Grafana fills in `v.defaultBucket`, the time range and the window; `${device:regex}` becomes the devices that the
viewer chose. What claimed to come from the future is kept in the store, but never drawn.
"""

from collections.abc import Sequence

from firmware_bridge import points

DEVICE_VARIABLE = "device"
BELIEVED = "2"  # the node's clock was estimated: drawn; all other marks are not
SERIES = "series"  # the column that names a line: the device, and its channel where it has several


def over_time(quantities: Sequence[str]) -> str:
    """Mean of each window, one line a series; a window without readings is empty, so that a gap is seen as a gap."""
    return "\n".join(
        [
            *_chosen(quantities),
            f'  |> drop(columns: ["{points.QUALITY}"])',  # merges what a series said under different marks
            "  |> aggregateWindow(every: v.windowPeriod, fn: mean, createEmpty: true)",
            _named(),
            f'  |> keep(columns: ["_time", "_value", "{SERIES}"])',
            f'  |> group(columns: ["{SERIES}"])',
        ]
    )


def newest(quantities: Sequence[str]) -> str:
    """The newest reading of each series, with its quantity and time: one table, one row a series."""
    return "\n".join(
        [
            *_chosen(quantities),
            f'  |> group(columns: ["_measurement", {_quoted(points.SERIES_TAGS)}])',
            '  |> sort(columns: ["_time"])',
            "  |> last()",
            _named(),
            "  |> group()",
            f'  |> keep(columns: ["{SERIES}", "_measurement", "_value", "_time"])',
            f'  |> sort(columns: ["{SERIES}", "_measurement"])',
        ]
    )


def devices(quantities: Sequence[str]) -> str:
    """The ids of all devices that reported one of these quantities in the last 30 days."""
    return "\n".join(
        [
            "from(bucket: v.defaultBucket)",
            "  |> range(start: -30d)",
            f"  |> filter(fn: (r) => {_is_one_of(quantities)})",
            f'  |> keep(columns: ["{points.DEVICE}"])',
            "  |> group()",
            f'  |> distinct(column: "{points.DEVICE}")',
            '  |> sort(columns: ["_value"])',
        ]
    )


def _chosen(quantities: Sequence[str]) -> list[str]:
    return [
        "from(bucket: v.defaultBucket)",
        "  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)",
        f"  |> filter(fn: (r) => {_is_one_of(quantities)})",
        f"  |> filter(fn: (r) => r.{points.DEVICE} =~ /^${{{DEVICE_VARIABLE}:regex}}$/)",
        f'  |> filter(fn: (r) => not exists r.{points.QUALITY} or r.{points.QUALITY} == "{BELIEVED}")',
    ]


def _named() -> str:
    device, channel = f"r.{points.DEVICE}", f"r.{points.CHANNEL}"
    one = f'if exists {channel} and {channel} != "0" then {device} + "/" + {channel} else {device}'
    return f"  |> map(fn: (r) => ({{r with {SERIES}: {one}}}))"


def _is_one_of(quantities: Sequence[str]) -> str:
    names = " or ".join(f'r._measurement == "{name}"' for name in quantities)
    return f'r._field == "{points.VALUE}" and ({names})'


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
