"""What quality answers are called: Japanese and English, short enough for a table, kind enough for a phone."""

from gateway.quality.fault_terms import Code
from gateway.quality.ismn import Ismn
from gateway.quality.qartod import Word
from gateway.quality.signatures import Signature

Both = tuple[str, str]  # Japanese, English

WORDS: dict[Word, Both] = {
    Word.GOOD: ("良好", "good"),
    Word.UNKNOWN: ("判定できず", "cannot be judged"),
    Word.SUSPECT: ("疑い", "suspect"),
    Word.FAIL: ("故障", "fail"),
    Word.MISSING: ("欠測", "missing"),
}

TESTS: dict[str, Both] = {
    "gross_range": ("ありえる範囲", "possible range"),
    "climatology": ("その月の範囲", "range of the month"),
    "spike": ("飛び値", "spike"),
    "rate_of_change": ("変化の速さ", "rate of change"),
    "flat_line": ("同じ値の続き", "flat line"),
    "attenuated": ("動きの小ささ", "attenuated signal"),
    "gap": ("間のあき", "gap"),
    "neighbours": ("まわりとの差", "neighbours"),
}

SOIL: tuple[Both, ...] = (  # by the class that `ismn.words` gives
    ("良好", "good"),
    ("凍結期", "frozen season"),
    ("疑い", "doubtful"),
    ("ありえない値", "implausible"),
    ("欠測", "missing"),
)

ISMN: dict[Ismn, Both] = {
    Ismn.C01: ("0%より低い", "below 0 %"),
    Ismn.C02: ("60%より高い", "above 60 %"),
    Ismn.C03: ("この土が含める水より多い", "more than this soil can hold"),
    Ismn.D01: ("地温が0℃より低い", "soil below 0 °C"),
    Ismn.D02: ("気温が0℃より低い", "air below 0 °C"),
    Ismn.D03: ("地温が0℃より低い(気象モデル)", "soil below 0 °C in the weather model"),
    Ismn.D04: ("雨がないのに増えた", "wetter without rain"),
    Ismn.D05: ("雨がないのに増えた(気象モデル)", "wetter without rain in the weather model"),
    Ismn.D06: ("飛び値", "spike"),
    Ismn.D07: ("急に減った", "sudden drop"),
    Ismn.D08: ("急に増えた", "sudden jump"),
    Ismn.D09: ("急に減ったあと動かない", "low and flat after a drop"),
    Ismn.D10: ("高いまま動かない", "high and flat"),
    Ismn.MISSING: ("欠測", "missing"),
}

CODES: dict[Code, Both] = {
    Code.WILD: ("一つだけ飛んだ値", "a single wild value"),
    Code.NOISE: ("乱れた値の続き", "a burst of noise"),
    Code.OFFSET: ("値のずれ", "an offset"),
    Code.STUCK: ("値の固まり", "a stuck value"),
}

SIGNATURES: dict[Signature, Both] = {
    Signature.WILD: (
        "一つだけ飛んだ値です。続かなければ、そのままで大丈夫です。",
        "One wild value. Nothing to do unless it comes again.",
    ),
    Signature.STUCK: (
        "値が動かなくなっています。プローブとケーブルを見て、電源を入れ直してください。",
        "The value no longer moves. Look at probe and cable, and switch it off and on.",
    ),
    Signature.NOISE: (
        "値が急に乱れています。ケーブルの傷、水、近くの電気機器を疑ってください。",
        "The values have become noisy. Suspect a damaged or wet cable, or an electric machine nearby.",
    ),
    Signature.BIAS: (
        "値が急にずれたまま続いています。置き場所か設定が変わっていないか、見てください。",
        "The values have shifted and stay so. See whether the place or the settings have changed.",
    ),
    Signature.DRIFT: (
        "値が少しずつずれています。校正の時期かもしれません。",
        "The values drift away slowly. It may be time to calibrate.",
    ),
    Signature.SHORT_CIRCUIT: (
        "値が数回だけ大きくふくらんで戻りました。水による短絡の形です。防水を見てください。",
        "The values swelled for a few readings and came back, as water in the circuit does. Look at the seals.",
    ),
    Signature.BAD_CONNECTION: (
        "同じ大きさで何度も飛んでは戻ります。接触不良の形です。コネクターを差し直してください。",
        "The value leaps by the same amount and comes back, as a loose contact does. Plug the connector in again.",
    ),
    Signature.HUMID_HOUSING: (
        "湿った箱の中で値が飛んでいます。結露を拭き、乾燥剤とパッキンを替えてください。",
        "The value leaps in a humid housing. Wipe off the dew and renew drying agent and seal.",
    ),
    Signature.AT_RANGE_LIMIT: (
        "センサーが測れる端の値です。本当の値はその先かもしれません。",
        "The sensor is at the end of its range. The true value may lie beyond.",
    ),
}
