"""What the demo says to whoever watches: Japanese, then English."""

from datetime import UTC, datetime, timedelta

from gateway.demo.stories import Story

JAPAN = timedelta(hours=9)  # Sample Town's clock

HELLO = """\
里守り 見本町。機器も権限も、インターネットもいりません。ファイルはすべてここに置きます: {folder}
Satomori, Sample Town. No hardware, no root, no internet. All its files are in this folder.
"""
WRITING = "2週間分の記録を、端末ごとに書いています。 / Writing two weeks of records, one file a node."
PAGE = """\
  画面 / page             http://127.0.0.1:{port}/
  最初の合言葉 / code     {code}
  画面で合言葉を入れ、名前とパスワードを自分で決めてください。 / Enter the code there, and choose a name and a password.
"""
ARRIVING = "記録が、いまの読みと同じ道を通って届いています。 / The records arrive by the same path as live readings do."
SLOW = "記録がまだ全部届いていませんが、このまま続けます。 / Not all records are in yet; going on."
NEXT = "\nこれから起きること / What will happen:"
STOP = "\nCtrl-C で止まり、数を合わせて見せます。 / Ctrl-C stops everything and shows the account.\n"
ENDING = "\n止めています。端末に残った読みも送ります。 / Stopping; what is left on the nodes is sent first."
MAIL = "  {clock}  メール / mail: {subject}"
MENDED = "  {name} が止まったので、もう一度動かしました。 / {name} had stopped and was started again."
LATE = "  {names} が止まらないので、強制的に止めました。 / {names} did not stop and was killed."
PORT_TAKEN = """\
ポート{port}は、ほかのプログラムが使っています。--port で別の番号を選んでください。
Port {port} is in use by another program; choose another with --port."""
LOST = """\
{name} が動きません。くわしくは logs/ に。最後の言葉:
{name} does not run; logs/ has the details. Its last words:
  {said}"""
SIZE = """\
--homes は0から60、--fields は0から20です。
--homes takes 0 to 60, --fields 0 to 20."""
NO_PICTURE = """\
写真をとるには playwright と chromium がいります: uv pip install playwright, apt install chromium
A picture needs playwright and chromium."""
PICTURE = """\
写真 / picture: {path}
  この写真のために登録しました / signed in for it as: {login} / {password}"""
CODE_USED = "合言葉はもう使われたので、写真はとれません。 / The code was used by somebody, so no picture was taken."


def last(said: str) -> str:
    """The last line that somebody could read."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "—"


def announced(story: Story, now_us: int) -> str:
    """One story, with the clock and the minutes until it is told."""
    clock = (datetime.fromtimestamp(story.told_us // 1_000_000, UTC) + JAPAN).strftime("%H:%M")
    minutes = max(0, round((story.told_us - now_us) / 60e6))
    when_ja = f"約{minutes}分後" if minutes else "まもなく"
    when_en = "now" if not minutes else f"in about {minutes} minute{'s' if minutes > 1 else ''}"
    return f"  {clock}  {when_ja}: {story.ja}\n         {when_en}: {story.en}"


def clock() -> str:
    """Sample Town's time of day now."""
    return (datetime.now(UTC) + JAPAN).strftime("%H:%M:%S")
