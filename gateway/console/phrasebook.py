"""Every text of the console by its key, in Japanese and English, out of one file: `words.toml`.

A text holds `{name}`; English also `{n|home|homes}`, which takes the first word for 1 and the second otherwise. Words
never fail: an unknown key is shown as it is, a name that is not given stays in its braces.
"""

import re
import tomllib
from functools import cache
from pathlib import Path

from starlette.requests import Request

from gateway.alerts.words import LANGS, Lang

FILE = Path(__file__).with_name("words.toml")
COOKIE = "satomori-lang"
_HOLE = re.compile(r"\{(\w+)(?:\|([^{}|]*)\|([^{}|]*))?\}")


@cache
def entries() -> dict[str, dict[str, str]]:
    """Key → {ja, en}, the groups of the file joined by dots."""
    found: dict[str, dict[str, str]] = {}
    for group, table in tomllib.loads(FILE.read_text("utf-8")).items():
        for key, texts in table.items():
            found[f"{group}.{key}"] = texts
    return found


def say(lang: Lang, key: str, **values: object) -> str:
    """The text of `key` with its values in it."""
    text = entries().get(key, {}).get(lang, key)

    def put(match: re.Match[str]) -> str:
        name, one, many = match[1], match[2], match[3]
        if name not in values:
            return match[0]
        if one is None:
            return str(values[name])
        return one if str(values[name]) == "1" else many

    return _HOLE.sub(put, text)


def language(request: Request) -> Lang:
    """The language asked for: `?lang=`, else the cookie, else the browser's, else Japanese."""
    asked = [request.query_params.get("lang"), request.cookies.get(COOKIE)]
    accepted = request.headers.get("accept-language", "").lower().split(",")
    asked += [part.split(";")[0].strip().split("-")[0] for part in accepted]
    return next((lang for tag in asked for lang in LANGS if tag == lang), "ja")
