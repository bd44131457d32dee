"""What the command says, in Japanese where the locale is, else in English."""

import os

_WORDS: dict[str, tuple[str, str]] = {
    "about": (
        "センサーを読み、一件も失わずにゲートウェイへ届けます。",
        "Reads sensors and brings every reading to the gateway.",
    ),
    "config": ("この端末の設定ファイル", "this node's configuration file"),
    "run": ("設定どおりに動かします。", "Run what the configuration names."),
    "check": ("設定の誤りをすべて示します。", "Show every mistake in a configuration."),
    "outbox": ("送信待ちと、これまでの数を示します。", "Show what waits to be sent, and the counts so far."),
    "replay": ("記録を流し、すべて届くまで待ちます。", "Play a capture and wait until all of it is confirmed."),
    "probe": (
        "つながっているポートと、その先の機器を探します。",
        "Show which ports there are, and what answers on one.",
    ),
    "json": ("プログラム用にJSONで出します", "print JSON for scripts"),
    "record": ("受けた電文をこのファイルに書き足します", "append every frame heard to this file"),
    "truth": (
        "書き込みが済むたびに「epoch seq 件数」を書きます(試験用)",
        "write `epoch seq readings` after each commit (for tests)",
    ),
    "rejected": ("読めなかった電文も示します", "show the last frames that gave no reading too"),
    "renew": (
        "新しい番号で始め、送信待ちを引き継ぎます(SDカードを書き戻した後に)",
        "begin a new epoch and carry over what waits (after restoring an SD card)",
    ),
    "capture": ("記録ファイル", "the capture file"),
    "speed": ("1はもとの速さ、0はできるだけ速く", "1 as it was, 0 as fast as it goes"),
    "port": ("調べるModbusのポート", "a Modbus port to ask"),
    "baud": ("通信速度", "its speed"),
    "mistakes": ("設定に{count}か所の誤りがあります。", "The configuration has {count} mistakes."),
    "mistake": (
        "{file}: {key}: 正しくは {wanted}、書かれているのは {got}",
        "{file}: {key}: wanted {wanted}, got {got}",
    ),
    "fine": ("設定に誤りはありません。", "The configuration is fine."),
    "outbox_is": (
        "{node} (epoch {epoch})\n  読んだ値 {read_total}、届いた値 {confirmed_readings}、"
        "送信待ち {waiting_readings} ({waiting_rows}件)、時刻待ち {held_rows}件\n"
        "  最後の番号 {last_seq}、確認済み {confirmed_seq}、届けられない件 {dead_rows}",
        "{node} (epoch {epoch})\n  read {read_total}, confirmed {confirmed_readings}, "
        "waiting {waiting_readings} (in {waiting_rows} rows), {held_rows} rows wait for the clock\n"
        "  last seq {last_seq}, confirmed up to {confirmed_seq}, undeliverable {dead_rows}",
    ),
    "dropped_is": ("捨てた値 {count} ({reason})", "dropped {count} readings ({reason})"),
    "rejected_is": ("読めなかった電文 {count} ({reason})", "{count} frames not understood ({reason})"),
    "no_capture": ("記録ファイルがないか、速さが負です: {path}", "no such capture, or a negative speed: {path}"),
    "replayed": ("すべて届きました。", "All of it is confirmed."),
    "interrupted": ("途中で止めました。次は続きから始まります。", "Stopped; the next run goes on from here."),
    "unit": ("番地{unit}: {answer}", "unit {unit}: {answer}"),
    "silent": ("応答なし", "silent"),
    "no_ports": ("シリアルポートが見つかりません。", "No serial port found."),
}


def say(name: str, **facts: object) -> str:
    """The text of that name with its facts put in."""
    locale = next((os.environ[one] for one in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(one)), "")
    japanese, english = _WORDS[name]
    return (japanese if locale.startswith("ja") else english).format(**facts)
