"""Panels from quantities: title, unit, decimals and range come from the bridge, so that no panel can misname a unit.

Only used while building (needs the official SDK, `pip install satomori[dev]`); the product ships the rendered JSON.
"""

import math
from collections.abc import Sequence
from typing import Literal

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import DataSourceRef, DynamicConfigValue

from dashboards import flux
from firmware_bridge.quantity import Quantity, quantity

Language = Literal["ja", "en"]
DATASOURCE_TYPE = "influxdb"
DATASOURCE_UID = "satomori-influxdb"
DATASOURCE = DataSourceRef(type_val=DATASOURCE_TYPE, uid=DATASOURCE_UID)
LONGEST_SILENCE_MS = 5_400_000  # three reports of the slowest device; a longer silence is drawn as a gap
NO_DATA = {"ja": "データなし", "en": "No data"}
HEADINGS = {
    "ja": {flux.SERIES: "センサー", "_measurement": "量", "_value": "値", "_time": "測った時刻"},
    "en": {flux.SERIES: "Sensor", "_measurement": "Quantity", "_value": "Value", "_time": "Measured at"},
}


class FluxQuery(Builder[Dataquery], Dataquery):
    """One Flux question of a panel, in the form that Grafana's InfluxDB data source stores it."""

    def __init__(self, query: str) -> None:
        self.query = query

    def build(self) -> Dataquery:
        """Itself: there is nothing left to choose."""
        return self

    def to_json(self) -> dict[str, object]:
        """The target as it stands in the dashboard's JSON."""
        return {"refId": "A", "datasource": DATASOURCE, "query": self.query}


def words(one: Quantity, language: Language) -> str:
    """A quantity's name for a person."""
    return one.ja if language == "ja" else one.en


def shown_unit(one: Quantity) -> str:
    """Grafana's own suffix unit: the bridge's unit as written, never scaled; nothing for a bare number."""
    return "none" if one.unit in {"1", "pH"} else f"suffix: {one.unit}"


def decimals(one: Quantity) -> int:
    """Digits after the point that a person can read from this sensor."""
    return max(0, round(-math.log10(one.step)))


def over_time(name: str, language: Language, width: int = 12) -> timeseries.Panel:
    """One quantity of all chosen devices over time, one line a device; silences stay gaps."""
    one = quantity(name)
    panel = (
        timeseries.Panel()
        .title(f"{words(one, language)} ({one.unit})" if shown_unit(one) != "none" else words(one, language))
        .datasource(DATASOURCE)
        .with_target(FluxQuery(flux.over_time([name])))
        .display_name(f"${{__field.labels.{flux.SERIES}}}")
        .unit(shown_unit(one))
        .decimals(decimals(one))
        .no_value(NO_DATA[language])
        .span_nulls(LONGEST_SILENCE_MS)
        .line_width(2)
        .show_points(common.VisibilityMode.AUTO)
        .legend(_legend())
        .span(width)
        .height(8)
    )
    if one.unit == "%":
        panel = panel.axis_soft_min(one.low).axis_soft_max(one.high)
    return panel


def newest(title: str, names: Sequence[str], language: Language) -> table.Panel:
    """What every chosen device said last and when, each row with its quantity's name and unit."""
    texts = {
        name: {"text": f"{words(quantity(name), language)} ({quantity(name).unit})", "index": index}
        for index, name in enumerate(names)
    }
    panel = (
        table.Panel()
        .title(title)
        .datasource(DATASOURCE)
        .with_target(FluxQuery(flux.newest(names)))
        .no_value(NO_DATA[language])
        .span(24)
        .height(9)
    )
    for column, heading in HEADINGS[language].items():
        properties = [DynamicConfigValue("displayName", heading)]
        if column == "_measurement":
            properties.append(DynamicConfigValue("mappings", [{"type": "value", "options": texts}]))
        panel = panel.override_by_name(column, properties)
    return panel


def _legend() -> common_builders.VizLegendOptions:
    return (
        common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.TABLE)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "min", "max"])
    )
