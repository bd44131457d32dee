"""The dashboard "fields": what the soil says, and whether its sensors are well.

Only devices that measure soil are ever offered: no sensor of a home can be chosen, by whoever looks.
"""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards import flux, panels
from dashboards.panels import DATASOURCE, Language

SOIL = ("soil_moisture_vwc_pct", "soil_temperature_c", "soil_ec_us_cm", "soil_ph")
NUTRIENTS = ("soil_nitrogen_mg_kg", "soil_phosphorus_mg_kg", "soil_potassium_mg_kg")
SENSOR = ("battery_v", "rssi_dbm")
ROWS = (("soil", SOIL, 12), ("nutrients", NUTRIENTS, 8), ("sensor", SENSOR, 12))  # heading, panels, width of each
WORDS = {
    "title": {"ja": "里守り 圃場", "en": "Satomori fields"},
    "about": {
        "ja": "圃場の土と、センサーの電池と電波。黙っていた時間は線を切って示します。",
        "en": "The soil of the fields, battery and signal of the sensors. A silence is drawn as a gap.",
    },
    "device": {"ja": "センサー", "en": "Sensor"},
    "all": {"ja": "すべて", "en": "All"},
    "newest": {"ja": "いちばん新しい値", "en": "Newest values"},
    "soil": {"ja": "土", "en": "Soil"},
    "nutrients": {"ja": "養分(伝導度からの参考値)", "en": "Nutrients (computed from conductivity, reference only)"},
    "sensor": {"ja": "センサーの調子", "en": "The sensors themselves"},
    "other": {"ja": "English", "en": "日本語"},
}
OTHER: dict[Language, Language] = {"ja": "en", "en": "ja"}


def uid(language: Language) -> str:
    """The dashboard's fixed id in Grafana, so that pushing twice updates."""
    return f"satomori-fields-{language}"


def build(language: Language) -> Dashboard:
    """The dashboard in one language, with a link to its twin in the other."""
    board = (
        dashboard.Dashboard(WORDS["title"][language])
        .uid(uid(language))
        .description(WORDS["about"][language])
        .tags(["satomori", language])
        .readonly()
        .timezone("browser")
        .time("now-7d", "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_twin(language))
        .with_variable(_device(language))
        .with_panel(panels.newest(WORDS["newest"][language], SOIL, language).id(1))
    )
    for row, (heading, names, width) in enumerate(ROWS, start=1):
        board = board.with_row(dashboard.Row(WORDS[heading][language]).id(100 * row))
        for place, name in enumerate(names, start=1):
            board = board.with_panel(panels.over_time(name, language, width).id(100 * row + place))
    return board.build()


def _device(language: Language) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(flux.DEVICE_VARIABLE)
        .label(WORDS["device"][language])
        .datasource(DATASOURCE)
        .query({"query": flux.devices(SOIL), "refId": "devices"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(VariableOption(selected=True, text=[WORDS["all"][language]], value=["$__all"]))
    )


def _twin(language: Language) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink(WORDS["other"][language])
        .type(DashboardLinkType.LINK)
        .url(f"/d/{uid(OTHER[language])}")
        .keep_time(True)
        .include_vars(True)
    )
