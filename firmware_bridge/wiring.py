"""How a device of each link is connected, in words for the technician: Japanese and English, picture-free."""

from collections.abc import Mapping

import msgspec

from firmware_bridge.codecs import Link


class Wiring(msgspec.Struct, frozen=True):
    """One link: its name, and what to do step by step, in both languages."""

    name_ja: str
    name_en: str
    ja: tuple[str, ...]
    en: tuple[str, ...]


WIRING: Mapping[Link, Wiring] = {
    "modbus-rtu": Wiring(
        "RS-485(Modbus RTU)",
        "RS-485 (Modbus RTU)",
        (
            "USB-RS485変換器のAをセンサーのA(+)へ、BをB(−)へつなぐ。線の色は機種の説明書に従う。"
            "返事がなければAとBを入れ替える(壊れない)。",
            "電源(多くは直流5〜24 V)は機種の説明書の電圧で別に取り、マイナスを変換器のGNDとつなぐ。",
            "長い線では両端に120 Ωを入れる。線は1本道にし、枝分かれさせない。雷の多い所では避雷器を入れる。",
            "速度とユニット番号を設定に書く(多くは4800または9600、8N1、番号1)。同じ番号の2台を同じ線につながない。"
            "1台ずつ番号を変えてからつなぐ。",
        ),
        (
            "USB to RS-485 adapter: A to the sensor's A (+), B to its B (−); wire colours as its manual says. "
            "Where nothing answers, swap A and B: it does no harm.",
            "Feed it apart, at the voltage its manual says (mostly 5 to 24 V DC), and join the minus with the "
            "adapter's GND.",
            "On a long line put 120 Ω at both ends. One line without branches. A surge arrester where lightning is "
            "usual.",
            "Write speed and unit number into the configuration (mostly 4800 or 9600, 8N1, unit 1). Two units of "
            "one number must not share a line: give each its own number before it joins the others.",
        ),
    ),
    "line": Wiring(
        "シリアル(文字の行)",
        "Serial text lines",
        (
            "USBシリアル変換器のRXをセンサーのTXへ、GNDをGNDへつなぐ。電圧(3.3 V か 5 V)を合わせる。",
            "速度は設定の baud と同じにする(ふつう9600、8N1)。1行に*と検査の2けたを付ける(codecs/ascii_line.py)。",
            "積雪の超音波は、最大の雪より1 m以上高い所に、下向きに水平に取り付ける。気温計は日よけに入れる。",
        ),
        (
            "USB to serial adapter: its RX to the sensor's TX, GND to GND. Match the voltage (3.3 V or 5 V).",
            "The speed is that of `baud` in the configuration (usually 9600, 8N1). Each line ends in * and two "
            "check digits (codecs/ascii_line.py).",
            "Mount an ultrasonic snow sensor level, looking down, at least 1 m above the deepest snow; its "
            "thermometer in a shield.",
        ),
    ),
    "enocean": Wiring(
        "EnOcean無線",
        "EnOcean radio",
        (
            "USBドングル(日本は928 MHzのUSB400J)をノードに挿す。57,600、8N1。機器に配線はいらない。",
            "機器の番号(8けたの16進)とプロファイル(EEP)を設定に書く。学習(teach-in)は頼まれた時だけ聞く。",
            "鉄の扉や壁の裏、冷蔵庫のそばを避ける。光で動く機器は窓の近くに付け、暗い部屋では電池を入れる。",
        ),
        (
            "Plug the USB dongle (in Japan: USB400J, 928 MHz) into the node: 57,600 baud, 8N1. The device needs no "
            "wiring.",
            "Write the device's id (8 hex digits) and its profile (EEP) into the configuration. Teach-in is heard "
            "only when asked for.",
            "Not behind iron or beside a refrigerator. What lives on light belongs near a window; add its battery "
            "in a dark room.",
        ),
    ),
    "lora": Wiring(
        "LoRa(自前の無線)",
        "LoRa (our own radio)",
        (
            "E220-900T22S(JP)をUSBまたはUARTでつなぐ。M0・M1・AUXの線も要る。アンテナを付けずに電源を入れない。",
            "周波数チャンネルと空中速度、ノードの鍵を設定に書く。送信時間は電波法の決まりの内に収まるよう自動で数え"
            "る。",
        ),
        (
            "Connect the E220-900T22S(JP) by USB or UART, with M0, M1 and AUX. Never power it without its antenna.",
            "Write channel, air rate and the node's key into the configuration. Time on the air is counted and "
            "kept within the rules.",
        ),
    ),
    "lorawan": Wiring(
        "LoRaWAN無線",
        "LoRaWAN radio",
        (
            "機器に配線はいらない(外付けの電極やプローブは機種の説明書に従う)。日本向け(AS923-1、技適あり)の品を選ぶ。",
            "LoRaWANサーバー(ChirpStackなど)にDevEUIと鍵を登録し、同じDevEUIをSatomoriの設定に書く。",
            "金属の箱に入れない。雪に埋まる所では高い位置に付ける。電池は寒さで弱る: 予備を持つこと。",
        ),
        (
            "The device needs no wiring (external probes as its manual says). Choose the Japanese version "
            "(AS923-1, type certified).",
            "Register its DevEUI and key with the LoRaWAN server (ChirpStack or the like), and the same DevEUI "
            "with Satomori.",
            "Not in a metal box; above where snow will lie. Cold weakens the battery: keep a spare.",
        ),
    ),
    "zigbee": Wiring(
        "Zigbee無線",
        "Zigbee radio",
        (
            "Zigbee2MQTTにペアリングし、そこでの名前(friendly_name)を設定の address に書く。",
            "Zigbee2MQTTの接続先をこのゲートウェイのブローカー(利用者 inlet-zigbee2mqtt)にし、"
            "advanced.last_seen を ISO_8601 にする。",
        ),
        (
            "Pair it with Zigbee2MQTT and write its friendly_name there as `address` into the configuration.",
            "Point Zigbee2MQTT at this gateway's broker (user inlet-zigbee2mqtt); set advanced.last_seen to ISO_8601.",
        ),
    ),
    "wi-sun": Wiring(
        "Wi-SUN(Bルート)",
        "Wi-SUN (B-route)",
        (
            "Wi-SUN対応のUSBドングルをノードに挿す。115,200、8N1。メーターへの配線はない。",
            "電力会社にBルートを申し込み(契約者本人)、届いたIDとパスワードをノードに置く。メーターに近い窓ぎわがよい。",
        ),
        (
            "Plug a Wi-SUN USB dongle into the node: 115,200 baud, 8N1. Nothing is wired to the meter.",
            "The resident asks the utility for the B-route and gets an id and a password, which stay on the node. "
            "Best near the wall or window by the meter.",
        ),
    ),
    "network": Wiring(
        "ネットワーク(HTTPまたはMQTT)",
        "Network (HTTP or MQTT)",
        (
            "機器を設定に書く(node、dev_eui、addressは空)。次に動かすと鍵ファイル push/機器.key ができる。",
            "HTTP: POST /api/v1/push/機器 に Authorization: Bearer 鍵。MQTT: push/機器(利用者 inlet-push)。",
        ),
        (
            "Enter the device (no node, dev_eui or address). The next start makes its key file push/DEVICE.key.",
            "HTTP: POST /api/v1/push/DEVICE with Authorization: Bearer KEY. MQTT: push/DEVICE as user inlet-push.",
        ),
    ),
}
