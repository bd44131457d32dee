/* Any bytes into every function that reads bytes, and what must then be true. Build with -fsanitize=address,undefined.
 *
 *   fuzz [ROUNDS [SEED]]        mutates sound frames ROUNDS times (200000), always the same way for one SEED (1)
 *   -DSATO_LIBFUZZER            libFuzzer's entry instead, where clang is there
 */
#include <stdio.h>
#include <stdlib.h>

#include "satomori.h"

#define MOST 2200

#define MUST(condition)                                                       \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                                \
    }                                                                         \
  } while (0)

static const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* A copy that ends where its memory ends, so that reading one byte too far is seen. */
static uint8_t *copy_of(const uint8_t *data, size_t size) {
  uint8_t *copy = (uint8_t *)malloc(size ? size : 1);
  MUST(copy != NULL);
  if (size) memcpy(copy, data, size);
  return copy;
}

static void try_unframe(const uint8_t *data, size_t size) {
  uint8_t *copy = copy_of(data, size), again[SATO_FRAME_ROOM(MOST)];
  size_t left = size, framed = 0;
  if (sato_unframe(copy, &left) == SATO_OK && left <= SATO_FRAME_MAX_PAYLOAD) {
    uint8_t *payload = copy_of(copy, left);
    size_t back;
    MUST(left < size);
    MUST(sato_frame(payload, left, again, sizeof again, &framed) == SATO_OK);
    MUST(framed <= SATO_FRAME_ROOM(left));
    MUST(memchr(again, 0, framed) == again + framed - 1);
    back = framed - 1;
    MUST(sato_unframe(again, &back) == SATO_OK && back == left && memcmp(again, payload, left) == 0);
    free(payload);
  }
  free(copy);
}

static void try_frame(const uint8_t *data, size_t size) {
  size_t framed = 0, room;
  for (room = 0; room < SATO_FRAME_ROOM(size); room += 1 + room / 4) {
    uint8_t *out = (uint8_t *)malloc(room ? room : 1);
    MUST(out != NULL);
    if (sato_frame(data, size, out, room, &framed) == SATO_OK) MUST(framed <= room);
    free(out);
  }
}

static void try_feed(const uint8_t *data, size_t size) {
  uint8_t memory[64];
  sato_framer framer;
  size_t at, whole;
  sato_framer_begin(&framer, memory, sizeof memory);
  for (at = 0; at < size; at++) {
    if (sato_feed(&framer, data[at], &whole) == SATO_OK) MUST(whole >= 1 && whole < sizeof memory);
    MUST(framer.used <= sizeof memory);
  }
}

static void try_get(const uint8_t *data, size_t size) {
  uint8_t *copy = copy_of(data, size);
  sato_payload payload;
  sato_record record, again;
  size_t at = 0, before = 0, reread = 0;
  payload.used = 0;
  while (sato_get(copy, size, &at, &record) == SATO_OK) {
    MUST(at > before && at <= size);
    before = at;
    if (sato_put_record(&payload, &record) != SATO_OK) break;
    MUST(sato_get(payload.bytes, payload.used, &reread, &again) == SATO_OK && reread == payload.used);
    MUST(again.quantity == record.quantity && again.channel == record.channel && again.age_s == record.age_s);
    MUST(again.value == record.value && again.decimals == record.decimals);
  }
  free(copy);
}

static void try_decode(const uint8_t *data, size_t size) {
  uint8_t *copy = copy_of(data, size), length = 0;
  sato_header header;
  memset(&header, 0, sizeof header);
  header.epoch = 3;
  if (sato_decode(copy, size, key, &header, &length) == SATO_OK) {
    MUST(sato_start_of(&header) + length + sato_tail_of(&header) == size);
    MUST(length >= 1 && length <= SATO_MAX_PAYLOAD);
  }
  free(copy);
}

/* What is sealed opens, and opens no longer when one bit of it is another. */
static void try_seal(const uint8_t *data, size_t size) {
  static const uint8_t tags[4] = {0, 4, 6, 8};
  uint8_t frame[SATO_RADIO_ROOM], opened[SATO_RADIO_ROOM], length = 0;
  size_t framed = 0, bit;
  sato_header header, heard;
  if (size < 13) return;
  header.net = sato_load16(data);
  header.node = sato_load16(data + 2);
  header.seq = sato_load16(data + 4);
  header.epoch = sato_load32(data + 6);
  header.kind = data[10];
  header.tag_bytes = tags[data[11] & 3];
  header.tells_epoch = data[11] >> 7;
  if (sato_encode(&header, key, data + 12, size - 12, frame, sizeof frame, &framed) != SATO_OK) return;
  memcpy(opened, frame, framed);
  heard = header;
  MUST(sato_decode(opened, framed, key, &heard, &length) == SATO_OK);
  MUST(length == size - 12 && memcmp(opened + sato_start_of(&heard), data + 12, length) == 0);
  MUST(heard.net == header.net && heard.node == header.node && heard.seq == header.seq && heard.epoch == header.epoch);
  bit = (size_t)data[0] * 8 % (8 * framed) + data[1] % 8;
  frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
  heard = header;
  MUST(sato_decode(frame, framed, key, &heard, &length) != SATO_OK);
}

/* No frame is taken twice, whatever is heard in which order. */
static void try_window(const uint8_t *data, size_t size) {
  static uint8_t taken[4][256];
  sato_window window;
  size_t at;
  memset(taken, 0, sizeof taken);
  memset(&window, 0, sizeof window);
  for (at = 0; at + 1 < size; at += 2) {
    sato_header header;
    memset(&header, 0, sizeof header);
    header.epoch = data[at] & 3;
    header.seq = data[at + 1];
    if (sato_take(&window, &header) == SATO_OK) MUST(!taken[header.epoch][header.seq]++);
  }
}

/* In no hour more than its share, packets that began before it counted whole. */
static void try_ledger(const uint8_t *data, size_t size) {
  static uint32_t began_ms[MOST], lasted_ms[MOST];
  const uint32_t share_ms = 20000, hour_ms = 3600000;
  sato_ledger ledger;
  uint32_t now_ms = 0xFFFF0000u, passed_ms = 0, hourly_ms = 0;
  size_t at, sent = 0, first = 0;
  sato_ledger_begin(&ledger, share_ms, 4000, 50, now_ms);
  for (at = 0; at + 1 < size; at += 2) {
    uint32_t airtime_ms = 20u * data[at], wait_ms = data[at + 1] < 200 ? 13u * data[at + 1] : 9000u * data[at + 1];
    now_ms += wait_ms;
    passed_ms += wait_ms;
    if (!sato_may_send(&ledger, airtime_ms, now_ms)) continue;
    sato_sent(&ledger, airtime_ms, now_ms);
    MUST(airtime_ms <= 4000);
    if (sent) MUST(passed_ms >= began_ms[sent - 1] + lasted_ms[sent - 1] + 50);
    began_ms[sent] = passed_ms;
    lasted_ms[sent++] = airtime_ms;
    hourly_ms += airtime_ms;
    while (began_ms[first] + lasted_ms[first] + hour_ms < passed_ms + airtime_ms) hourly_ms -= lasted_ms[first++];
    MUST(hourly_ms <= share_ms);
    if (passed_ms < hour_ms) MUST(hourly_ms <= share_ms - share_ms / 10 * 9);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > MOST) size = MOST;
  try_unframe(data, size);
  try_feed(data, size);
  try_get(data, size);
  try_decode(data, size);
  try_seal(data, size);
  try_window(data, size);
  try_ledger(data, size);
  if (size <= 300) try_frame(data, size);
  return 0;
}

#ifndef SATO_LIBFUZZER

static uint32_t dice;

static uint32_t throw_dice(uint32_t below) {
  dice ^= dice << 13;
  dice ^= dice >> 17;
  dice ^= dice << 5;
  return dice % below;
}

/* A sound thing to begin with: a serial frame, a payload, a radio frame, or noise. */
static size_t sound(uint8_t *data) {
  uint8_t payload[SATO_MAX_PAYLOAD];
  size_t size = 1 + throw_dice(SATO_MAX_PAYLOAD), at, framed = 0;
  sato_payload compact;
  sato_header header;
  for (at = 0; at < size; at++) payload[at] = (uint8_t)(throw_dice(3) ? throw_dice(256) : 0);
  switch (throw_dice(4)) {
    case 0: MUST(sato_frame(payload, size, data, MOST, &framed) == SATO_OK); return framed - throw_dice(2);
    case 1:
      compact.used = 0;
      while (sato_put(&compact, (uint8_t)(1 + throw_dice(7)), (uint8_t)throw_dice(2),
                      (int32_t)(throw_dice(0xFFFFFFFFu) >> throw_dice(32)), (uint8_t)throw_dice(10)) == SATO_OK) {
      }
      memcpy(data, compact.bytes, compact.used);
      return compact.used;
    case 2:
      memset(&header, 0, sizeof header);
      header.net = 7;
      header.node = 9;
      header.epoch = 3;
      header.kind = SATO_READINGS;
      header.tag_bytes = (uint8_t)(throw_dice(2) ? 8 : 0);
      header.tells_epoch = (uint8_t)throw_dice(2);
      MUST(sato_encode(&header, key, payload, size, data, MOST, &framed) == SATO_OK);
      return framed;
    default: memcpy(data, payload, size); return size;
  }
}

static size_t spoil(uint8_t *data, size_t size) {
  uint32_t times = throw_dice(4);
  for (; times > 0 && size > 0; times--) {
    size_t at = throw_dice((uint32_t)size);
    switch (throw_dice(5)) {
      case 0: data[at] = (uint8_t)throw_dice(256); break;
      case 1: data[at] ^= (uint8_t)(1u << throw_dice(8)); break;
      case 2: size = at; break;
      case 3:
        memmove(data + at, data + at + 1, size - at - 1);
        size--;
        break;
      default:
        if (2 * size <= MOST) {
          memcpy(data + size, data, size);
          size *= 2;
        }
    }
  }
  return size;
}

int main(int count, char **argument) {
  static uint8_t data[MOST];
  unsigned long rounds = count > 1 ? strtoul(argument[1], NULL, 10) : 200000, round;
  dice = count > 2 ? (uint32_t)strtoul(argument[2], NULL, 10) : 1;
  if (dice == 0) dice = 1;
  for (round = 0; round < rounds; round++) {
    LLVMFuzzerTestOneInput(data, spoil(data, sound(data)));
  }
  printf("%lu rounds, nothing found\n", rounds);
  return 0;
}

#endif
