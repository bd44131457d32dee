"""The `satomori` command. Exit status: 0 good, 1 bad result, 2 wrong use. Commands that scripts read take `--json`.

Every command imports what it needs when it runs: `satomori decode` must not wait for a web server to load.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import msgspec

from gateway.errors import GatewayError

Command = Callable[[argparse.Namespace], int]
CONFIG_HELP = "the town's configuration file / 町の設定ファイル"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; print a GatewayError as words, never as a traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for plugin in entry_points(group="satomori.commands"):
        if words[:1] == [plugin.name]:
            return int(plugin.load()(words[1:]))
    options = _parser().parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        command: Command = options.command
        status = command(options)
        sys.stdout.flush()
    except GatewayError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="satomori",
        description="A town's own sensing gateway. / 町の里守りゲートウェイ。",
        epilog="Also: satomori dashboards push — Grafana dashboards. / Grafanaの画面を送ります。",
    )
    parser.add_argument("--version", action="version", version=f"satomori {version('satomori')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _running(commands)
    _asking(commands)
    _enrolling(commands)
    return parser


def _command(commands: Any, name: str, run: Command, help_text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help_text, description=help_text)
    parser.set_defaults(command=run)
    return parser


def _running(commands: Any) -> None:
    demo = _command(
        commands, "demo", _demo, "A whole town on this machine, without hardware. / 機器なしで町ひとつを動かします。"
    )
    demo.add_argument("--seed", type=int, default=1, help="which town / 町の乱数の種")
    demo.add_argument("--homes", type=int, default=3, help="homes / 世帯の数")
    demo.add_argument("--fields", type=int, default=2, help="fields / 圃場の数")
    demo.add_argument("--folder", type=Path, default=Path("satomori-demo"), help="where its files go / 置き場所")
    demo.add_argument("--port", type=int, default=8420, help="port of the page / 画面のポート")
    demo.add_argument("--seconds", type=float, default=0.0, help="stop by itself after so long / この秒数で止まる")
    demo.add_argument("--screenshot", type=Path, help="picture of the board, once its alerts are up / 一覧の写真")
    run = _command(commands, "run", _run, "Run everything the configuration names. / 設定のとおりにすべて動かします。")
    run.add_argument("config", type=Path, help=CONFIG_HELP)


def _asking(commands: Any) -> None:
    check = _command(
        commands, "check", _check, "Every mistake in a configuration, at once. / 設定の誤りをすべて示します。"
    )
    check.add_argument("config", type=Path, help=CONFIG_HELP)
    check.add_argument("--json", action="store_true")
    decode = _command(commands, "decode", _decode, "What these bytes of a device mean. / 機器のバイト列を読みます。")
    decode.add_argument("--device", metavar="VENDOR/MODEL", help="see `satomori devices`")
    decode.add_argument("--port", type=int, default=0, help="LoRaWAN fPort, or the first Modbus register asked")
    decode.add_argument(
        "--stdin", action="store_true", help='one {"device","port","hex"} a line in, one answer a line out'
    )
    decode.add_argument("hex", nargs="?", help="the bytes, for example 0D16FFCB0929FF83007810")
    decode.add_argument("--json", action="store_true", help="the default; here for scripts that say it")
    devices = _command(commands, "devices", _devices, "Every supported model. / 使える機種の一覧。")
    devices.add_argument("--json", action="store_true")
    backtest = _command(
        commands, "backtest", _backtest, "Judge a CSV as if it were live. / CSVを、いま届いたものとして判定します。"
    )
    backtest.add_argument("file", type=Path, help="first column time, every other numeric column a series")
    backtest.add_argument("--kind", default="generic", help="a quantity, or generic")
    backtest.add_argument("--out", type=Path, help="folder for rows.csv, alerts.csv and the picture")
    backtest.add_argument(
        "--compare",
        nargs=2,
        metavar=("RULES_A", "RULES_B"),
        help="what B would tell that A does not (`shipped`: the shipped rules) / ルールを変えると何が変わるか",
    )
    backtest.add_argument("--json", action="store_true")
    for name, run, text in (
        ("doctor", _doctor, "What is wrong, and what to do. / どこが悪く、何をすればよいか。"),
        ("accounting", _accounting, "Read = sent = stored, by node and day. / 読んだ数=送った数=残した数。"),
    ):
        asked = _command(commands, name, run, text)
        asked.add_argument("config", type=Path, help=CONFIG_HELP)
        asked.add_argument("--json", action="store_true")
        if name == "accounting":
            asked.add_argument("--days", type=int, default=31, help="how many days back / 何日前まで")


def _enrolling(commands: Any) -> None:
    user = _noun(commands, "user", "People who sign in. / 使う人。")
    added = _verb(user, "add", _user_add, "Add somebody; the password is asked for. / 人を加えます。", "login")
    added.add_argument("--role", required=True, choices=["admin", "welfare", "farm", "technician", "auditor"])
    _verb(user, "disable", _user_disable, "Nobody signs in as them any more. / サインインを止めます。", "login")
    token = _noun(commands, "token", "Keys for machines. / 機械用の鍵。")
    made = _verb(
        token, "add", _token_add, "Make a token; it is shown once. / トークンを作ります(表示は一度だけ)。", "name"
    )
    made.add_argument("--scope", action="append", default=[], help="read, acknowledge …; may be repeated")
    made.add_argument("--days", type=int, default=365, help="valid for so long / 有効な日数")
    _verb(token, "revoke", _token_revoke, "It opens nothing any more. / トークンを無効にします。", "name")
    node = _noun(commands, "node", "Raspberry Pis. / 端末。")
    _verb(
        node, "add", _node_add, "Make its key and the start of its configuration. / 端末の鍵と設定を作ります。", "node"
    )


def _noun(commands: Any, name: str, help_text: str) -> Any:
    return commands.add_parser(name, help=help_text, description=help_text).add_subparsers(
        metavar="VERB", required=True
    )


def _verb(noun: Any, name: str, run: Command, help_text: str, subject: str) -> argparse.ArgumentParser:
    parser = _command(noun, name, run, help_text)
    parser.add_argument("config", type=Path, help=CONFIG_HELP)
    parser.add_argument(subject)
    return parser


def _demo(options: argparse.Namespace) -> int:
    from gateway.demo import demo

    return demo(options)


def _run(options: argparse.Namespace) -> int:
    from gateway.app import run
    from gateway.settings import load

    return run(load(options.config), options.config)


def _check(options: argparse.Namespace) -> int:
    from gateway.check import check

    mistakes = check(options.config)
    if options.json:
        print(
            json.dumps(
                [{"file": m.file, "key": m.key, "wanted": m.wanted, "got": m.got} for m in mistakes], ensure_ascii=False
            )
        )
    else:
        print("\n".join(str(m) for m in mistakes) or "No mistakes. / 誤りはありません。")
    return 1 if mistakes else 0


def _decode(options: argparse.Namespace) -> int:
    from firmware_bridge.explain import explain

    if options.stdin:
        worst = 0
        for line in sys.stdin:
            answer = _explain_line(line)
            worst = max(worst, 1 if answer["error"] else 0)
            print(json.dumps(answer, ensure_ascii=False), flush=True)
        return worst
    if not options.device or options.hex is None:
        print("satomori decode: wanted --device VENDOR/MODEL and HEX, or --stdin", file=sys.stderr)
        return 2
    answer = explain(options.device, options.port, options.hex)
    print(json.dumps(answer, ensure_ascii=False))
    return 1 if answer["error"] else 0


def _explain_line(line: str) -> dict[str, Any]:
    from firmware_bridge.explain import explain

    try:
        asked = json.loads(line)
        device, port, text = asked["device"], asked.get("port", 0), asked["hex"]
        if not (isinstance(device, str) and type(port) is int and isinstance(text, str)):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        detail = f'wanted {{"device","port","hex"}}, got {line.strip()[:80]!r}'
        return {"device": None, "readings": [], "error": {"code": "line", "detail": detail}}
    return explain(device, port, text)


def _devices(options: argparse.Namespace) -> int:
    from firmware_bridge.codecs import models
    from firmware_bridge.explain import describe

    found = [describe(model) for model, _ in models().values()]
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    for one in found:
        print(f"{one['id']:<28} {one['name']} ({one['link']}): {', '.join(one['quantities'])}")
        for text in (one["cannot_ja"], one["cannot_en"]):
            if text:
                print(f"{'':<28} ! {text}")
    return 0


def _backtest(options: argparse.Namespace) -> int:
    from gateway.backtest import backtest

    if options.compare:
        return _compare(options)
    summary = backtest(options.file, options.kind, options.out)
    if options.json:
        print(json.dumps(msgspec.to_builtins(summary), ensure_ascii=False))
        return 0
    print(f"{options.file}: {summary.rows} rows, {len(summary.series)} series, one step = {summary.step_s:g} s")
    print(f"judged {summary.judged}, over the line {summary.over_line}, alerts {len(summary.alerts)}")
    for one in summary.alerts:
        print("  " + "  ".join(f"{key}={value}" for key, value in msgspec.to_builtins(one).items()))
    for name in summary.files:
        print(f"→ {name}")
    return 0


def _compare(options: argparse.Namespace) -> int:
    from gateway.compare import compare

    first, second = (None if name == "shipped" else Path(name) for name in options.compare)
    found = compare(options.file, options.kind, first, second)
    if options.json:
        print(json.dumps(msgspec.to_builtins(found), ensure_ascii=False))
        return 0
    print(
        f"{options.file}: {found.rows} rows, {len(found.series)} series; alerts alike {found.same},"
        f" moved {len(found.moved)}, only A {len(found.only_a)}, only B {len(found.only_b)}"
    )
    for mark, told in [*(("- A", one) for one in found.only_a), *(("+ B", one) for one in found.only_b)]:
        print(f"  {mark}  {told.rule}  {told.series}  {told.fired} → {told.over or '…'}  score={told.score:g}")
    for pair in found.moved:
        print(
            f"  ~    {pair.after.rule}  {pair.after.series}  {pair.before.fired} → {pair.before.over or '…'}"
            f"  ⇒  {pair.after.fired} → {pair.after.over or '…'}"
        )
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from gateway.doctor import examine

    findings = examine(options.config)
    if options.json:
        print(json.dumps([f.as_dict() for f in findings], ensure_ascii=False))
    else:
        for finding in findings:
            print(finding.text())
    return 0 if all(f.good for f in findings) else 1


def _accounting(options: argparse.Namespace) -> int:
    from gateway.app import account
    from gateway.settings import load

    rows, good = account(load(options.config), options.days)
    if options.json:
        print(json.dumps({"good": good, "rows": rows}, ensure_ascii=False))
    else:
        for row in rows:
            print("  ".join(f"{key}={value}" for key, value in row.items()))
        print("read = sent = stored" if good else "It does not add up. / 数が合いません。")
    return 0 if good else 1


def _user_add(options: argparse.Namespace) -> int:
    from gateway.enrol import add_user
    from gateway.settings import load

    print(add_user(load(options.config), options.login, options.role))
    return 0


def _user_disable(options: argparse.Namespace) -> int:
    from gateway.enrol import disable_user
    from gateway.settings import load

    print(disable_user(load(options.config), options.login))
    return 0


def _token_revoke(options: argparse.Namespace) -> int:
    from gateway.enrol import revoke_token
    from gateway.settings import load

    print(revoke_token(load(options.config), options.name))
    return 0


def _token_add(options: argparse.Namespace) -> int:
    from gateway.enrol import add_token
    from gateway.settings import load

    print(add_token(load(options.config), options.name, options.scope or ["read"], options.days))
    return 0


def _node_add(options: argparse.Namespace) -> int:
    from gateway.enrol import add_node
    from gateway.settings import load

    print(add_node(load(options.config), options.node))
    return 0
