/* The header on a computer: one command a line, one answer a line, so that other languages can be held against it.
 *
 *   speak            commands from standard input; an answer is hex, numbers, or `error NAME`
 *   speak FILE…      vector files, lines of `command = answer`; says each that differs, exit status 1 then
 *
 * Bytes are hex, `-` is none. The commands are the keys of `commands` at the end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "satomori.h"

#define MOST_WORDS 12
#define MOST_BYTES 4096

static char answer[8 * MOST_BYTES];
static size_t answered;

static void say(const char *text) {
  size_t size = strlen(text);
  if (answered + size + 1 > sizeof answer) exit(3);
  memcpy(answer + answered, text, size + 1);
  answered += size;
}

static void say_number(unsigned long number) {
  char text[24];
  snprintf(text, sizeof text, "%lu", number);
  say(text);
}

static void say_signed(long number) {
  char text[24];
  snprintf(text, sizeof text, "%ld", number);
  say(text);
}

static void say_bytes(const uint8_t *bytes, size_t size) {
  char text[3];
  size_t at;
  if (size == 0) say("-");
  for (at = 0; at < size; at++) {
    snprintf(text, sizeof text, "%02x", bytes[at]);
    say(text);
  }
}

static void say_error(sato_result result) {
  answered = 0;
  say("error ");
  say(sato_result_name(result));
}

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/* Bytes of a word into `to`, which has room for MOST_BYTES; ends the program where the word is not hex. */
static size_t bytes_of(const char *word, uint8_t *to) {
  size_t size = 0;
  if (strcmp(word, "-") == 0) return 0;
  for (; word[0] && word[1]; word += 2) {
    if (digit(word[0]) < 0 || digit(word[1]) < 0 || size == MOST_BYTES) break;
    to[size++] = (uint8_t)(16 * digit(word[0]) + digit(word[1]));
  }
  if (word[0]) {
    fprintf(stderr, "wanted hex, got %s\n", word);
    exit(2);
  }
  return size;
}

static unsigned long number_of(const char *word) { return strtoul(word, NULL, 10); }

/* ---- commands ---- */

static void do_aes(char **word) {
  uint8_t key[MOST_BYTES], block[MOST_BYTES];
  sato_aes aes;
  bytes_of(word[0], key);
  bytes_of(word[1], block);
  sato_aes_begin(&aes, key);
  sato_aes_block(&aes, block);
  say_bytes(block, 16);
}

static void do_crc(char **word) {
  uint8_t data[MOST_BYTES];
  char text[8];
  snprintf(text, sizeof text, "%04x", sato_crc16(data, bytes_of(word[0], data)));
  say(text);
}

static void do_frame(char **word) {
  uint8_t data[MOST_BYTES], out[SATO_FRAME_ROOM(MOST_BYTES)];
  size_t framed = 0;
  sato_result result = sato_frame(data, bytes_of(word[0], data), out, sizeof out, &framed);
  if (result != SATO_OK) {
    say_error(result);
  } else {
    say_bytes(out, framed);
  }
}

static void do_unframe(char **word) {
  uint8_t data[MOST_BYTES];
  size_t size = bytes_of(word[0], data);
  sato_result result = sato_unframe(data, &size);
  if (result != SATO_OK) {
    say_error(result);
  } else {
    say_bytes(data, size);
  }
}

/* Every payload that became whole, and how many frames did not. */
static void do_feed(char **word) {
  uint8_t data[MOST_BYTES], memory[SATO_FRAME_ROOM(SATO_FRAME_MAX_PAYLOAD) - 1];
  sato_framer framer;
  size_t size = bytes_of(word[0], data), at, whole;
  sato_framer_begin(&framer, memory, sizeof memory);
  for (at = 0; at < size; at++) {
    if (sato_feed(&framer, data[at], &whole) != SATO_OK) continue;
    say_bytes(memory, whole);
    say(" ");
  }
  say_number(framer.rejected);
}

static void ccm_of(char **word, uint8_t *key, uint8_t *nonce, uint8_t *about, sato_ccm *ccm) {
  bytes_of(word[0], key);
  ccm->key = key;
  ccm->nonce = nonce;
  ccm->nonce_size = bytes_of(word[1], nonce);
  ccm->about = about;
  ccm->about_size = bytes_of(word[2], about);
  ccm->tag_size = number_of(word[3]);
}

static void do_ccm(char **word) {
  uint8_t key[MOST_BYTES], nonce[MOST_BYTES], about[MOST_BYTES], data[MOST_BYTES + 16];
  sato_ccm ccm;
  size_t size = bytes_of(word[4], data);
  sato_result result;
  ccm_of(word, key, nonce, about, &ccm);
  result = sato_ccm_seal(&ccm, data, size);
  if (result != SATO_OK) {
    say_error(result);
  } else {
    say_bytes(data, size + ccm.tag_size);
  }
}

static void do_unccm(char **word) {
  uint8_t key[MOST_BYTES], nonce[MOST_BYTES], about[MOST_BYTES], data[MOST_BYTES];
  sato_ccm ccm;
  size_t size = bytes_of(word[4], data);
  sato_result result = SATO_SHORT;
  ccm_of(word, key, nonce, about, &ccm);
  if (size >= ccm.tag_size) result = sato_ccm_open(&ccm, data, size - ccm.tag_size);
  if (result != SATO_OK) {
    say_error(result);
  } else {
    say_bytes(data, size - ccm.tag_size);
  }
}

/* Records are quantity:channel:age:value:decimals, joined by commas. */
static void do_put(char **word) {
  sato_payload payload;
  char *one;
  payload.used = 0;
  for (one = strtok(word[0], ","); one; one = strtok(NULL, ",")) {
    sato_record record;
    unsigned quantity, channel, age_s, decimals;
    long value;
    sato_result result;
    if (sscanf(one, "%u:%u:%u:%ld:%u", &quantity, &channel, &age_s, &value, &decimals) != 5) exit(2);
    record.quantity = (uint8_t)quantity;
    record.channel = (uint8_t)channel;
    record.age_s = (uint16_t)age_s;
    record.value = (int32_t)value;
    record.decimals = (uint8_t)decimals;
    result = sato_put_record(&payload, &record);
    if (result != SATO_OK) {
      say_error(result);
      return;
    }
  }
  say_bytes(payload.bytes, payload.used);
}

static void do_get(char **word) {
  uint8_t data[MOST_BYTES];
  size_t size = bytes_of(word[0], data), at = 0;
  do {
    sato_record record;
    sato_result result = sato_get(data, size, &at, &record);
    if (result != SATO_OK) {
      say_error(result);
      return;
    }
    if (answered) say(",");
    say_number(record.quantity);
    say(":");
    say_number(record.channel);
    say(":");
    say_number(record.age_s);
    say(":");
    say_signed(record.value);
    say(":");
    say_number(record.decimals);
  } while (at < size);
}

/* key tag net node epoch seq kind tells-epoch payload */
static void do_encode(char **word) {
  uint8_t key[MOST_BYTES], payload[MOST_BYTES], out[SATO_RADIO_ROOM];
  sato_header header;
  size_t framed = 0;
  sato_result result;
  bytes_of(word[0], key);
  header.tag_bytes = (uint8_t)number_of(word[1]);
  header.net = (uint16_t)number_of(word[2]);
  header.node = (uint16_t)number_of(word[3]);
  header.epoch = (uint32_t)number_of(word[4]);
  header.seq = (uint16_t)number_of(word[5]);
  header.kind = (uint8_t)number_of(word[6]);
  header.tells_epoch = (uint8_t)number_of(word[7]);
  result = sato_encode(&header, key, payload, bytes_of(word[8], payload), out, sizeof out, &framed);
  if (result != SATO_OK) {
    say_error(result);
  } else {
    say_bytes(out, framed);
  }
}

/* key, the epoch that is known, frame → net node epoch seq kind tag payload */
static void do_decode(char **word) {
  uint8_t key[MOST_BYTES], frame[MOST_BYTES], length = 0;
  sato_header header;
  size_t size = bytes_of(word[2], frame), at;
  sato_result result;
  unsigned long said[6];
  bytes_of(word[0], key);
  memset(&header, 0, sizeof header);
  header.epoch = (uint32_t)number_of(word[1]);
  result = sato_decode(frame, size, key, &header, &length);
  if (result != SATO_OK) {
    say_error(result);
    return;
  }
  said[0] = header.net;
  said[1] = header.node;
  said[2] = header.epoch;
  said[3] = header.seq;
  said[4] = header.kind;
  said[5] = header.tag_bytes;
  for (at = 0; at < 6; at++) {
    say_number(said[at]);
    say(" ");
  }
  say_bytes(frame + sato_start_of(&header), length);
}

/* epoch:seq, joined by commas, in the order they are heard */
static void do_window(char **word) {
  sato_window window;
  char *one;
  memset(&window, 0, sizeof window);
  for (one = strtok(word[0], ","); one; one = strtok(NULL, ",")) {
    sato_header header;
    unsigned long epoch, seq;
    if (sscanf(one, "%lu:%lu", &epoch, &seq) != 2) exit(2);
    memset(&header, 0, sizeof header);
    header.epoch = (uint32_t)epoch;
    header.seq = (uint16_t)seq;
    if (answered) say(",");
    say(sato_result_name(sato_take(&window, &header)));
  }
}

/* key tag net node stored-epoch first-seq count payload → frames as the node says them */
static void do_node(char **word) {
  uint8_t key[MOST_BYTES], payload[MOST_BYTES], out[SATO_RADIO_ROOM];
  sato_node node;
  size_t size = bytes_of(word[7], payload), framed;
  unsigned long left = number_of(word[6]);
  memset(&node, 0, sizeof node);
  bytes_of(word[0], key);
  node.key = key;
  node.tag_bytes = (uint8_t)number_of(word[1]);
  node.net = (uint16_t)number_of(word[2]);
  node.node = (uint16_t)number_of(word[3]);
  sato_node_begin(&node, (uint32_t)number_of(word[4]));
  node.seq = (uint16_t)number_of(word[5]);
  for (; left > 0; left--) {
    sato_result result = sato_node_frame(&node, SATO_READINGS, payload, size, out, sizeof out, &framed);
    if (answered) say(",");
    if (result != SATO_OK) {
      say(sato_result_name(result));
    } else {
      say_bytes(out, framed);
    }
  }
}

/* spreading kHz coding preamble hidden-bytes hidden-us payload-bytes → us */
static void do_airtime(char **word) {
  sato_modulation modulation;
  modulation.spreading = (uint8_t)number_of(word[0]);
  modulation.bandwidth_khz = (uint16_t)number_of(word[1]);
  modulation.coding = (uint8_t)number_of(word[2]);
  modulation.preamble = (uint16_t)number_of(word[3]);
  modulation.hidden_bytes = (uint8_t)number_of(word[4]);
  modulation.hidden_us = (uint32_t)number_of(word[5]);
  say_number(sato_airtime_us(&modulation, number_of(word[6])));
}

/* share packet pause start, then at-ms:airtime-ms joined by commas → 1 where it was sent, 0 where not */
static void do_ledger(char **word) {
  sato_ledger ledger;
  char *one;
  sato_ledger_begin(&ledger, (uint32_t)number_of(word[0]), (uint32_t)number_of(word[1]), (uint32_t)number_of(word[2]),
                    (uint32_t)number_of(word[3]));
  for (one = strtok(word[4], ","); one; one = strtok(NULL, ",")) {
    unsigned long at_ms, airtime_ms;
    if (sscanf(one, "%lu:%lu", &at_ms, &airtime_ms) != 2) exit(2);
    if (sato_may_send(&ledger, (uint32_t)airtime_ms, (uint32_t)at_ms)) {
      sato_sent(&ledger, (uint32_t)airtime_ms, (uint32_t)at_ms);
      say("1");
    } else {
      say("0");
    }
  }
}

static void do_quantities(char **word) {
  unsigned number;
  (void)word;
  for (number = 0; number < 256; number++) {
    if (!sato_is_quantity((uint8_t)number)) continue;
    if (answered) say(",");
    say_number(number);
  }
}

static const struct {
  const char *name;
  int words;
  void (*work)(char **word);
} commands[] = {
    {"aes", 2, do_aes},       {"crc", 1, do_crc},         {"frame", 1, do_frame},   {"unframe", 1, do_unframe},
    {"feed", 1, do_feed},     {"ccm", 5, do_ccm},         {"unccm", 5, do_unccm},   {"put", 1, do_put},
    {"get", 1, do_get},       {"encode", 9, do_encode},   {"decode", 3, do_decode}, {"window", 1, do_window},
    {"node", 8, do_node},     {"airtime", 7, do_airtime}, {"ledger", 5, do_ledger}, {"quantities", 0, do_quantities},
};

/* Answer one command; 0 where it is none. */
static int speak(char *line) {
  char *word[MOST_WORDS];
  int words = 0;
  size_t at;
  answered = 0;
  answer[0] = 0;
  while (words < MOST_WORDS && (word[words] = strtok(words ? NULL : line, " \n"))) words++;
  for (at = 0; words && at < sizeof commands / sizeof commands[0]; at++) {
    if (strcmp(word[0], commands[at].name) == 0 && words == commands[at].words + 1) {
      commands[at].work(word + 1);
      return 1;
    }
  }
  return 0;
}

static char line[16 * MOST_BYTES];

static int check(const char *path) {
  FILE *file = fopen(path, "r");
  int lines = 0, wrong = 0, number = 0;
  if (!file) {
    fprintf(stderr, "%s: cannot be read\n", path);
    return 1;
  }
  while (fgets(line, sizeof line, file)) {
    char *wanted = strstr(line, " = ");
    number++;
    if (line[0] == '#' || line[0] == '\n') continue;
    if (wanted) {
      *wanted = 0;
      wanted += 3;
      wanted[strcspn(wanted, "\n")] = 0;
    }
    lines++;
    if (!wanted || !speak(line) || strcmp(answer, wanted) != 0) {
      fprintf(stderr, "%s:%d: wanted %s, got %s\n", path, number, wanted ? wanted : "command = answer", answer);
      wrong++;
    }
  }
  fclose(file);
  printf("%s: %d vectors, %d wrong\n", path, lines, wrong);
  return wrong || !lines;
}

int main(int count, char **argument) {
  int index, wrong = 0;
  for (index = 1; index < count; index++) wrong |= check(argument[index]);
  if (count > 1) return wrong;
  while (fgets(line, sizeof line, stdin)) {
    if (!speak(line)) return 2;
    puts(answer);
    fflush(stdout);
  }
  return 0;
}
