/* A snow or field node: DS18B20 in the air, HX711 load cell, battery, and an E220-900T22S(JP) on a UART.
 *
 *   E220  M0, M1 → pins 4, 5 · AUX → pin 6 · RXD ← TX1 · TXD → RX1       (a board with a second UART and an EEPROM: Mega 2560 …)
 *   DS18B20 data → pin 7, 4.7 kΩ to supply · HX711 DT → 8, SCK → 9 · battery through 1:2 → A0
 *   3.3 V signals at the E220: put a divider between a 5 V board and its RXD, M0, M1.
 *
 * Put your own numbers where it says YOURS. The key is this node's alone: make it with `openssl rand -hex 16`, give the
 * same 32 digits to the receiver in a file, and never commit it. Nothing is sent before the epoch is stored.
 */
#include <EEPROM.h>
#include <OneWire.h>

#include "satomori.h" /* copy firmware_bridge/c/satomori.h beside this file */

#ifndef YOUR_KEY
#define YOUR_KEY {0}           /* YOURS: sixteen bytes, {0x3f, 0x…}; with zeros this node stays silent */
#define YOUR_NET 1             /* YOURS: the town's network number */
#define YOUR_NODE 17           /* YOURS: 1 to 65534, one a node */
#define YOUR_LOAD_ZERO 0       /* YOURS: the HX711's number with nothing on the plate */
#define YOUR_LOAD_10KG_M2 0    /* YOURS: how much more with 10 kg/m2 on it; 0: no load cell */
#endif

static const uint8_t KEY[SATO_KEY_BYTES] = YOUR_KEY;
static const int32_t LOAD_ZERO = YOUR_LOAD_ZERO, LOAD_10KG_M2 = YOUR_LOAD_10KG_M2;
static const uint8_t CHANNEL = 0;           /* as the receiver; from 15 on (125 kHz) the hour's share counts */
static const uint32_t SHARE_MS = 0;         /* 360000 where CHANNEL is 15 or more */
static const uint32_t INTERVAL_MS = 600000; /* one report every ten minutes */
static const uint16_t RECEIVER = 0xFFFF;    /* every module on the channel listens */

enum { PIN_M0 = 4, PIN_M1 = 5, PIN_AUX = 6, PIN_ONEWIRE = 7, PIN_LOAD_DATA = 8, PIN_LOAD_CLOCK = 9 };
static const uint32_t NO_EPOCH = 0xFFFFFFFF; /* after it nothing may be said any more */

static sato_node node;
static sato_ledger ledger;
static sato_modulation modulation = {9, 125, 1, 8, 6, 23000};
static OneWire wire(PIN_ONEWIRE);
static uint32_t reported_ms;

/* Two places of the EEPROM take turns, each an epoch and its inverse: a power cut while one is written leaves the
 * other, and the epoch that was lost was never spoken in. */
static bool epoch_at(int place, uint32_t *epoch, bool *is_blank) {
  uint32_t inverse;
  EEPROM.get(8 * place, *epoch);
  EEPROM.get(8 * place + 4, inverse);
  *is_blank = *epoch == NO_EPOCH && inverse == NO_EPOCH;
  return *epoch == (uint32_t)~inverse;
}

/* The last epoch that was stored; 0 in a new EEPROM; NO_EPOCH, which keeps the node silent, where neither can be read. */
static uint32_t stored_epoch() {
  uint32_t epoch[2];
  bool is_blank[2], is_sound[2];
  for (int place = 0; place < 2; place++) is_sound[place] = epoch_at(place, &epoch[place], &is_blank[place]);
  if (is_sound[0] && is_sound[1]) return epoch[0] > epoch[1] ? epoch[0] : epoch[1];
  if (is_sound[0] || is_sound[1]) return epoch[is_sound[1]];
  return is_blank[0] || is_blank[1] ? 0 : NO_EPOCH;
}

static bool begin_epoch() {
  uint32_t epoch = sato_node_begin(&node, stored_epoch());
  if (node.is_over) return false;
  EEPROM.put(8 * (int)(epoch & 1) + 4, (uint32_t)~epoch);
  EEPROM.put(8 * (int)(epoch & 1), epoch);
  return stored_epoch() == epoch;
}

static bool has_key() {
  for (uint8_t at = 0; at < SATO_KEY_BYTES; at++) {
    if (KEY[at]) return true;
  }
  return false;
}

static bool wait_for_module(uint32_t most_ms) {
  uint32_t since_ms = millis();
  while (digitalRead(PIN_AUX) == LOW) {
    if (millis() - since_ms > most_ms) return false;
  }
  delay(2);
  return true;
}

/* Registers as `satomori` sets them: address FFFF, 9600 8N1, SF9 at 125 kHz, 13 dBm, fixed mode, RSSI byte. */
static bool set_up_module() {
  const uint8_t command[9] = {0xC0, 0x00, 0x06, 0xFF, 0xFF, 0x70, 0x00, CHANNEL, 0xC3};
  uint8_t answer[9] = {0};
  digitalWrite(PIN_M0, HIGH);
  digitalWrite(PIN_M1, HIGH);
  if (!wait_for_module(1000)) return false;
  while (Serial1.available()) Serial1.read();
  Serial1.write(command, sizeof command);
  Serial1.setTimeout(500);
  bool is_set = Serial1.readBytes(answer, sizeof answer) == sizeof answer && answer[0] == 0xC1 &&
                memcmp(answer + 1, command + 1, sizeof command - 1) == 0;
  digitalWrite(PIN_M0, LOW);
  digitalWrite(PIN_M1, LOW);
  return wait_for_module(1000) && is_set;
}

/* Sixteenths of a degree. False where no sensor answers, and for 85 °C, which it says before it has measured. */
static bool read_ds18b20(int16_t *sixteenths) {
  uint8_t scratch[9];
  if (!wire.reset()) return false;
  wire.skip();
  wire.write(0x44);
  delay(760);
  if (!wire.reset()) return false;
  wire.skip();
  wire.write(0xBE);
  for (uint8_t at = 0; at < 9; at++) scratch[at] = wire.read();
  if (OneWire::crc8(scratch, 8) != scratch[8] || scratch[4] == 0) return false;
  *sixteenths = (int16_t)(scratch[1] << 8 | scratch[0]);
  return *sixteenths != 85 * 16;
}

/* The HX711's 24 bits, gain 128. False where it is not ready within a second, and at either end of its range. */
static bool read_hx711(int32_t *value) {
  uint32_t since_ms = millis(), bits = 0;
  while (digitalRead(PIN_LOAD_DATA) == HIGH) {
    if (millis() - since_ms > 1000) return false;
  }
  noInterrupts(); /* a clock that stays high for 60 µs turns the HX711 off */
  for (uint8_t bit = 0; bit < 25; bit++) {
    digitalWrite(PIN_LOAD_CLOCK, HIGH);
    delayMicroseconds(1);
    if (bit < 24) bits = bits << 1 | (digitalRead(PIN_LOAD_DATA) == HIGH);
    digitalWrite(PIN_LOAD_CLOCK, LOW);
    delayMicroseconds(1);
  }
  interrupts();
  *value = bits & 0x800000 ? (int32_t)bits - 0x1000000 : (int32_t)bits;
  return bits != 0x7FFFFF && bits != 0x800000;
}

/* Only what was really read goes in: a sensor that is missing is left out. */
static void measure(sato_payload *payload) {
  int16_t sixteenths;
  int32_t load;
  payload->used = 0;
  if (read_ds18b20(&sixteenths)) {
    sato_put(payload, SATO_AIR_TEMPERATURE_C, 0, ((int32_t)sixteenths * 100 + (sixteenths < 0 ? -8 : 8)) / 16, 2);
  }
  if (LOAD_10KG_M2 != 0 && read_hx711(&load)) {
    sato_put(payload, SATO_SNOW_LOAD_KG_M2, 0, (int32_t)((int64_t)(load - LOAD_ZERO) * 100 / LOAD_10KG_M2), 1);
  }
  sato_put(payload, SATO_BATTERY_V, 0, (int32_t)analogRead(A0) * 660 / 1023, 2); /* 3.3 V reference, halved */
}

static void report() {
  uint8_t frame[SATO_RADIO_ROOM];
  size_t size = 0;
  sato_payload payload;
  measure(&payload);
  if (sato_node_frame(&node, SATO_READINGS, payload.bytes, payload.used, frame, sizeof frame, &size) != SATO_OK) {
    begin_epoch(); /* 65,536 frames are over: the next report speaks in a new epoch */
    return;
  }
  uint32_t airtime_ms = sato_airtime_us(&modulation, size) / 1000 + 1;
  if (!sato_may_send(&ledger, airtime_ms, millis()) || !wait_for_module(5000)) return; /* the next report is newer */
  sato_sent(&ledger, airtime_ms, millis());
  const uint8_t to[3] = {(uint8_t)(RECEIVER >> 8), (uint8_t)(RECEIVER & 0xFF), CHANNEL};
  Serial1.write(to, sizeof to);
  Serial1.write(frame, size);
  Serial1.flush();
}

void setup() {
  Serial.begin(115200);
  Serial1.begin(9600);
  pinMode(PIN_M0, OUTPUT);
  pinMode(PIN_M1, OUTPUT);
  pinMode(PIN_AUX, INPUT);
  pinMode(PIN_LOAD_DATA, INPUT);
  pinMode(PIN_LOAD_CLOCK, OUTPUT);
  digitalWrite(PIN_LOAD_CLOCK, LOW);
  node.key = KEY;
  node.net = YOUR_NET;
  node.node = YOUR_NODE;
  node.tag_bytes = 8;
  while (!has_key()) {
    Serial.println(F("This node has no key yet / KEY を書き込んでください"));
    delay(10000);
  }
  while (!set_up_module()) {
    Serial.println(F("The radio module does not answer / 無線モジュールが応答しません"));
    delay(10000);
  }
  while (!begin_epoch()) {
    Serial.println(F("The epoch cannot be stored / EEPROM に書き込めません"));
    delay(10000);
  }
  sato_ledger_begin(&ledger, SHARE_MS, 4000, 50, millis());
  reported_ms = millis() - INTERVAL_MS;
}

void loop() {
  if (millis() - reported_ms < INTERVAL_MS) return;
  reported_ms += INTERVAL_MS;
  report();
}
