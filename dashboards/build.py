"""`python -m dashboards.build`: write every dashboard's JSON into `rendered/`, where it is committed and shipped."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import fields
from dashboards.panels import Language

RENDERED = Path(__file__).parent / "rendered"
LANGUAGES: tuple[Language, ...] = ("ja", "en")


def render() -> dict[str, str]:
    """File name → the text that belongs into it; the same every time."""
    return {
        f"fields-{language}.json": json.dumps(
            fields.build(language), cls=JSONEncoder, ensure_ascii=False, indent=2, sort_keys=True
        )
        + "\n"
        for language in LANGUAGES
    }


def main() -> None:
    """Write the files, and take away what no dashboard writes any more."""
    wanted = render()
    for stale in set(RENDERED.glob("*.json")) - {RENDERED / name for name in wanted}:
        stale.unlink()
    for name, text in wanted.items():
        (RENDERED / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
