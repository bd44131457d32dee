"""Flux texts. Values never stand in them: they are bound as parameters (`p_…`), except bucket names in a task."""

import json

from firmware_bridge import points

AGGREGATES = ("count", "min", "mean", "max")
_FIELD = f'r._field == "{points.VALUE}"'
_FROM = (
    f"from(bucket: p_bucket) |> range(start: time(v: p_start), stop: time(v: p_stop)) |> filter(fn: (r) => {_FIELD})"
)
_PLAIN = f'|> filter(fn: (r) => not exists r.{points.QUALITY} or r.{points.QUALITY} == "2")'
_ONE = (
    f"|> filter(fn: (r) => r._measurement == p_measurement and r.{points.TENANT} == p_tenant"
    f" and r.{points.DEVICE} == p_device)"
)
_FIRST_CHANNEL = f"|> filter(fn: (r) => not exists r.{points.CHANNEL})"
_CHANNEL = f"|> filter(fn: (r) => r.{points.CHANNEL} == p_channel)"


def _one(channel: int, suspect: bool) -> str:
    return f"{_FROM} {_ONE} {_CHANNEL if channel else _FIRST_CHANNEL} {'' if suspect else _PLAIN} |> group()"


def read(channel: int, suspect: bool) -> str:
    """Rows (t ns, x) of one series, newest first, at most `p_limit`."""
    return (
        f'{_one(channel, suspect)} |> sort(columns: ["_time"], desc: true) |> limit(n: p_limit)'
        " |> map(fn: (r) => ({t: int(v: r._time), x: r._value}))"
    )


def newest() -> str:
    """The newest point of every series, those of each quality apart."""
    return f"{_FROM} |> last() |> map(fn: (r) => ({{r with t: int(v: r._time)}}))"


def count() -> str:
    """Number of points of every series, those of each quality apart."""
    return f"{_FROM} |> count()"


def hourly(channel: int) -> str:
    """Rows (f, t ns, x) of one series: f is count, min, mean or max of the hour that begins at t."""
    parts = [f"data = {_one(channel, False)}"]
    parts += [
        f'data |> aggregateWindow(every: 1h, fn: {name}, createEmpty: false, timeSrc: "_start")'
        f' |> map(fn: (r) => ({{f: "{name}", t: int(v: r._time), x: float(v: r._value)}})) |> yield(name: "{name}")'
        for name in AGGREGATES
    ]
    return "\n".join(parts)


def downsampling(source: str, target: str) -> str:
    """Body of the hourly task: one field for each of count, min, mean and max, all else as in the source."""
    lines = [f"data = from(bucket: {json.dumps(source)}) |> range(start: -3h) |> filter(fn: (r) => {_FIELD}) {_PLAIN}"]
    lines += [
        f'data |> aggregateWindow(every: 1h, fn: {name}, createEmpty: false, timeSrc: "_start")'
        f' |> map(fn: (r) => ({{r with _value: float(v: r._value)}})) |> set(key: "_field", value: "{name}")'
        f" |> to(bucket: {json.dumps(target)})"
        for name in AGGREGATES
    ]
    return "\n".join(lines)
