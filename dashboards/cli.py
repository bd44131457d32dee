"""`satomori dashboards push`. Exit status: 0 pushed, 1 Grafana was not reached or refused, 2 wrong use."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboards.errors import DashboardsError
from dashboards.push import InfluxSource, push

OUTCOMES = {"created": "created / 作りました", "updated": "updated / 更新しました"}


def main(arguments: Sequence[str]) -> int:
    """Run `dashboards …`; tokens are read from files, so that none stands in a process list."""
    options = _parser().parse_args(arguments)
    try:
        source = InfluxSource(
            url=options.influx_url,
            token=_secret(options.influx_token_file),
            org=options.influx_org,
            bucket=options.influx_bucket,
        )
        outcome = push(options.url, _secret(options.token_file), source)
    except DashboardsError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(outcome))
    else:
        for name, one in outcome.items():
            print(f"{name}: {OUTCOMES[one]}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="satomori dashboards", description="Grafana dashboards. / Grafanaの画面。")
    commands = parser.add_subparsers(metavar="VERB", required=True)
    text = "Put folder, data source and dashboards into Grafana. / Grafanaに画面を送ります。"
    one = commands.add_parser("push", help=text, description=text)
    one.add_argument("--url", default="http://127.0.0.1:3000", help="Grafana's address / Grafanaのアドレス")
    one.add_argument(
        "--token-file",
        type=Path,
        required=True,
        help="file with the token of a Grafana service account (Admin) / Grafanaのサービスアカウントのトークン",
    )
    one.add_argument(
        "--influx-url", default="http://127.0.0.1:8086", help="InfluxDB as Grafana reaches it / Grafanaから見たInfluxDB"
    )
    one.add_argument("--influx-org", default="satomori")
    one.add_argument("--influx-bucket", default="satomori")
    one.add_argument(
        "--influx-token-file",
        type=Path,
        required=True,
        help="file with a token that may read the bucket / 読み取り用トークンのファイル",
    )
    one.add_argument("--json", action="store_true", help="answer as JSON / JSONで答えます")
    return parser


def _secret(path: Path) -> str:
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DashboardsError(f"{path}: wanted a file with a token, got {error}") from error
    if not text:
        raise DashboardsError(f"{path}: wanted a token, got an empty file")
    return text
