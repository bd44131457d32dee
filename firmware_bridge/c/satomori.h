/* Satomori's node protocol in one header: C99 (and C++11), no allocation, no dependency, no global state.
 *
 *   compact payload   sato_put, sato_get            what was measured                (codecs/satomori_node.py)
 *   radio frame       sato_encode, sato_decode      who says it, sealed              (nodeframe.py)
 *   serial frame      sato_frame, sato_feed         COBS + CRC-16 on a wire          (framing.py)
 *   air time          sato_airtime_us, sato_may_send                                  (airtime.py)
 *
 * A node in short: sato_node_begin once (store the epoch it gives before the first frame), then for every report
 * sato_put for each value that is really there, sato_node_frame, sato_may_send, send, sato_sent.
 *
 * Every function that can fail answers SATO_OK (0) or why not; nothing is written past a given capacity, and input may
 * be any bytes whatever. README.md draws the bytes. The host tests run the vectors that Python runs.
 */
#ifndef SATOMORI_H
#define SATOMORI_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef SATO_ROM
#if defined(__AVR__)
#include <avr/pgmspace.h>
#define SATO_ROM PROGMEM
#define SATO_ROM_BYTE(address) pgm_read_byte(address)
#else
#define SATO_ROM
#define SATO_ROM_BYTE(address) (*(address))
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- results ------------------------------------------------------------------------------------------------- */

typedef enum {
  SATO_OK = 0,
  SATO_WAIT,       /* nothing whole yet: feed on */
  SATO_SIZE,       /* too long or too short for its place */
  SATO_SHORT,      /* not enough bytes to be one */
  SATO_COBS,       /* a block points outside the frame, or a zero inside it */
  SATO_CRC,        /* the checksum is another */
  SATO_VERSION,    /* not our frame, or a version to come */
  SATO_HEADER,     /* node, type or length that cannot be */
  SATO_LENGTH,     /* bytes missing or too many */
  SATO_TAG,        /* a tag of another length was wanted */
  SATO_FORGED,     /* not sealed with this key, or not in this epoch */
  SATO_DECIMALS,   /* more than nine */
  SATO_QUANTITY,   /* a number without a meaning */
  SATO_REPLAY,     /* heard before, or too old to tell */
  SATO_EPOCH_OVER  /* seq has come to its end: begin a new epoch and store it */
} sato_result;

static inline const char *sato_result_name(sato_result result) {
  switch (result) {
    case SATO_OK: return "ok";
    case SATO_WAIT: return "wait";
    case SATO_SIZE: return "size";
    case SATO_SHORT: return "short";
    case SATO_COBS: return "cobs";
    case SATO_CRC: return "crc";
    case SATO_VERSION: return "version";
    case SATO_HEADER: return "header";
    case SATO_LENGTH: return "length";
    case SATO_TAG: return "tag";
    case SATO_FORGED: return "forged";
    case SATO_DECIMALS: return "decimals";
    case SATO_QUANTITY: return "quantity";
    case SATO_REPLAY: return "replay";
    case SATO_EPOCH_OVER: return "epoch-over";
  }
  return "unknown";
}

/* ---- big-endian numbers -------------------------------------------------------------------------------------- */

static inline void sato_store16(uint8_t *to, uint16_t value) {
  to[0] = (uint8_t)(value >> 8);
  to[1] = (uint8_t)(value & 0xFF);
}

static inline void sato_store32(uint8_t *to, uint32_t value) {
  sato_store16(to, (uint16_t)(value >> 16));
  sato_store16(to + 2, (uint16_t)(value & 0xFFFF));
}

static inline uint16_t sato_load16(const uint8_t *from) { return (uint16_t)((uint16_t)(from[0] << 8) | from[1]); }

static inline uint32_t sato_load32(const uint8_t *from) {
  return ((uint32_t)sato_load16(from) << 16) | sato_load16(from + 2);
}

/* ---- CRC-16/CCITT-FALSE: polynomial 1021, start FFFF, check value 29B1 ---------------------------------------- */

static inline uint16_t sato_crc16(const uint8_t *data, size_t size) {
  uint16_t crc = 0xFFFF;
  size_t at;
  uint8_t bit;
  for (at = 0; at < size; at++) {
    crc = (uint16_t)(crc ^ (uint16_t)(data[at] << 8));
    for (bit = 0; bit < 8; bit++) {
      crc = (uint16_t)((crc & 0x8000) ? (uint16_t)(crc << 1) ^ 0x1021 : crc << 1);
    }
  }
  return crc;
}

/* ---- serial frame: [ COBS( payload, CRC-16 high byte first ) ][ 00 ] ------------------------------------------ */

#define SATO_FRAME_MAX_PAYLOAD 1024u
/* Room that a frame of `size` payload bytes takes at most, its closing zero included. */
#define SATO_FRAME_ROOM(size) ((size) + 2u + ((size) + 2u) / 254u + 2u)

typedef struct {
  uint8_t *out;
  size_t capacity, used, code_at;
  uint8_t code, is_full;
} sato_cobs;

static inline void sato_cobs_put(sato_cobs *cobs, uint8_t byte) {
  if (cobs->used < cobs->capacity) {
    cobs->out[cobs->used++] = byte;
  } else {
    cobs->is_full = 1;
  }
}

static inline void sato_cobs_close(sato_cobs *cobs) {
  if (cobs->code_at < cobs->capacity) cobs->out[cobs->code_at] = cobs->code;
}

static inline void sato_cobs_open(sato_cobs *cobs) {
  cobs->code_at = cobs->used;
  cobs->code = 1;
  sato_cobs_put(cobs, 0);
}

/* A full block opens the next one only when a byte comes: data that ends on it ends there. */
static inline void sato_cobs_add(sato_cobs *cobs, uint8_t byte) {
  if (cobs->code == 0xFF) {
    sato_cobs_close(cobs);
    sato_cobs_open(cobs);
  }
  if (byte == 0) {
    sato_cobs_close(cobs);
    sato_cobs_open(cobs);
    return;
  }
  sato_cobs_put(cobs, byte);
  cobs->code++;
}

/* Frame one payload of 1 to 1024 bytes; SATO_FRAME_ROOM(size) bytes are always enough. */
static inline sato_result sato_frame(const uint8_t *payload, size_t size, uint8_t *out, size_t capacity,
                                     size_t *framed) {
  sato_cobs cobs;
  uint16_t crc;
  size_t at;
  if (size < 1 || size > SATO_FRAME_MAX_PAYLOAD) return SATO_SIZE;
  crc = sato_crc16(payload, size);
  memset(&cobs, 0, sizeof cobs);
  cobs.out = out;
  cobs.capacity = capacity;
  sato_cobs_open(&cobs);
  for (at = 0; at < size; at++) sato_cobs_add(&cobs, payload[at]);
  sato_cobs_add(&cobs, (uint8_t)(crc >> 8));
  sato_cobs_add(&cobs, (uint8_t)(crc & 0xFF));
  sato_cobs_close(&cobs);
  sato_cobs_put(&cobs, 0);
  if (cobs.is_full) return SATO_SIZE;
  *framed = cobs.used;
  return SATO_OK;
}

/* Undo COBS in place; `size` becomes what is left. */
static inline sato_result sato_uncobs(uint8_t *data, size_t *size) {
  size_t at = 0, used = 0, left;
  uint8_t code;
  while (at < *size) {
    code = data[at];
    if (code == 0 || (size_t)code > *size - at) return SATO_COBS;
    at++;
    for (left = (size_t)code - 1; left > 0; left--) {
      if (data[at] == 0) return SATO_COBS;
      data[used++] = data[at++];
    }
    if (code < 0xFF && at < *size) data[used++] = 0;
  }
  *size = used;
  return SATO_OK;
}

/* Payload of one frame without its closing zero, in place: afterwards it is the first `size` bytes of `data`. */
static inline sato_result sato_unframe(uint8_t *data, size_t *size) {
  sato_result result = sato_uncobs(data, size);
  if (result != SATO_OK) return result;
  if (*size < 3) return SATO_SHORT;
  *size -= 2;
  return sato_crc16(data, *size) == sato_load16(data + *size) ? SATO_OK : SATO_CRC;
}

/* Collects a line's bytes in memory of yours; past its end everything up to the next zero is noise. */
typedef struct {
  uint8_t *memory;
  size_t capacity, used;
  uint8_t is_skipping;
  uint32_t rejected;
} sato_framer;

static inline void sato_framer_begin(sato_framer *framer, uint8_t *memory, size_t capacity) {
  memset(framer, 0, sizeof *framer);
  framer->memory = memory;
  framer->capacity = capacity;
}

/* SATO_OK: a payload of `size` bytes stands at the start of the framer's memory, until the next call. */
static inline sato_result sato_feed(sato_framer *framer, uint8_t byte, size_t *size) {
  sato_result result;
  uint8_t was_skipping = framer->is_skipping;
  if (byte != 0) {
    if (framer->used < framer->capacity) {
      framer->memory[framer->used++] = byte;
    } else {
      framer->is_skipping = 1;
    }
    return SATO_WAIT;
  }
  *size = framer->used;
  framer->used = 0;
  framer->is_skipping = 0;
  if (*size == 0 && !was_skipping) return SATO_WAIT;
  result = was_skipping ? SATO_SIZE : sato_unframe(framer->memory, size);
  if (result != SATO_OK) framer->rejected++;
  return result;
}

/* ---- AES-128, encryption only (FIPS 197): CCM needs no more --------------------------------------------------- */

typedef struct {
  uint8_t keys[176];
} sato_aes;

static const uint8_t sato_sbox[256] SATO_ROM = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76, 0xca, 0x82, 0xc9,
    0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0, 0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f,
    0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15, 0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07,
    0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75, 0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3,
    0x29, 0xe3, 0x2f, 0x84, 0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58,
    0xcf, 0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8, 0x51, 0xa3,
    0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2, 0xcd, 0x0c, 0x13, 0xec, 0x5f,
    0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73, 0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88,
    0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb, 0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac,
    0x62, 0x91, 0x95, 0xe4, 0x79, 0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a,
    0xae, 0x08, 0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a, 0x70,
    0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e, 0xe1, 0xf8, 0x98, 0x11,
    0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf, 0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42,
    0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16};

static inline uint8_t sato_aes_twice(uint8_t value) {
  return (uint8_t)((uint8_t)(value << 1) ^ ((value & 0x80) ? 0x1B : 0));
}

static inline void sato_aes_begin(sato_aes *aes, const uint8_t key[16]) {
  uint8_t word[4], first, round = 1;
  size_t at, byte;
  memcpy(aes->keys, key, 16);
  for (at = 16; at < sizeof aes->keys; at += 4) {
    memcpy(word, aes->keys + at - 4, 4);
    if (at % 16 == 0) {
      first = word[0];
      word[0] = (uint8_t)(SATO_ROM_BYTE(&sato_sbox[word[1]]) ^ round);
      word[1] = SATO_ROM_BYTE(&sato_sbox[word[2]]);
      word[2] = SATO_ROM_BYTE(&sato_sbox[word[3]]);
      word[3] = SATO_ROM_BYTE(&sato_sbox[first]);
      round = sato_aes_twice(round);
    }
    for (byte = 0; byte < 4; byte++) aes->keys[at + byte] = (uint8_t)(aes->keys[at + byte - 16] ^ word[byte]);
  }
}

static inline void sato_aes_mix(uint8_t column[4]) {
  uint8_t all = (uint8_t)(column[0] ^ column[1] ^ column[2] ^ column[3]), first = column[0], row;
  for (row = 0; row < 4; row++) {
    uint8_t next = row < 3 ? column[row + 1] : first;
    column[row] = (uint8_t)(column[row] ^ all ^ sato_aes_twice((uint8_t)(column[row] ^ next)));
  }
}

static inline void sato_aes_block(const sato_aes *aes, uint8_t block[16]) {
  uint8_t moved[16];
  uint8_t round, at;
  for (at = 0; at < 16; at++) block[at] ^= aes->keys[at];
  for (round = 1; round <= 10; round++) {
    for (at = 0; at < 16; at++) moved[at] = SATO_ROM_BYTE(&sato_sbox[block[(at + 4 * (at % 4)) % 16]]);
    for (at = 0; round < 10 && at < 16; at = (uint8_t)(at + 4)) sato_aes_mix(moved + at);
    for (at = 0; at < 16; at++) block[at] = (uint8_t)(moved[at] ^ aes->keys[16 * round + at]);
  }
}

/* ---- CCM (RFC 3610, NIST SP 800-38C): nonce of 7 to 13 bytes, tag of 4, 6 … 16 -------------------------------- */

typedef struct {
  const uint8_t *key;   /* 16 bytes */
  const uint8_t *nonce;
  size_t nonce_size;
  const uint8_t *about; /* authenticated, not encrypted */
  size_t about_size;    /* below 65280 */
  size_t tag_size;
} sato_ccm;

static inline uint8_t sato_ccm_is_sound(const sato_ccm *ccm, size_t size) {
  return ccm->nonce_size >= 7 && ccm->nonce_size <= 13 && ccm->tag_size >= 4 && ccm->tag_size <= 16 &&
         ccm->tag_size % 2 == 0 && ccm->about_size < 0xFF00u && size <= 0xFFFFu;
}

/* A block of CCM: flags, nonce, and a number in the bytes that are left. */
static inline void sato_ccm_block(const sato_ccm *ccm, uint8_t block[16], uint8_t flags, size_t number) {
  memset(block, 0, 16);
  block[0] = (uint8_t)(flags | (14 - ccm->nonce_size));
  memcpy(block + 1, ccm->nonce, ccm->nonce_size);
  sato_store16(block + 14, (uint16_t)number);
}

static inline void sato_ccm_absorb(const sato_aes *aes, uint8_t mac[16], size_t *at, uint8_t byte) {
  mac[*at] ^= byte;
  if (++*at == 16) {
    sato_aes_block(aes, mac);
    *at = 0;
  }
}

static inline void sato_ccm_mac(const sato_ccm *ccm, const sato_aes *aes, const uint8_t *data, size_t size,
                                uint8_t mac[16]) {
  size_t index, at = 0;
  sato_ccm_block(ccm, mac, (uint8_t)((ccm->about_size ? 0x40 : 0) | ((ccm->tag_size - 2) / 2) << 3), size);
  sato_aes_block(aes, mac);
  if (ccm->about_size) {
    sato_ccm_absorb(aes, mac, &at, (uint8_t)(ccm->about_size >> 8));
    sato_ccm_absorb(aes, mac, &at, (uint8_t)(ccm->about_size & 0xFF));
    for (index = 0; index < ccm->about_size; index++) sato_ccm_absorb(aes, mac, &at, ccm->about[index]);
    if (at) sato_aes_block(aes, mac);
    at = 0;
  }
  for (index = 0; index < size; index++) sato_ccm_absorb(aes, mac, &at, data[index]);
  if (at) sato_aes_block(aes, mac);
}

static inline void sato_ccm_mask(const sato_ccm *ccm, const sato_aes *aes, uint8_t *data, size_t size,
                                 size_t counter) {
  uint8_t mask[16];
  size_t index;
  for (index = 0; index < size; index++) {
    if (index % 16 == 0) {
      sato_ccm_block(ccm, mask, 0, counter + index / 16);
      sato_aes_block(aes, mask);
    }
    data[index] ^= mask[index % 16];
  }
}

/* Encrypts `size` bytes in place and writes the tag behind them: `data` has room for size + tag_size. */
static inline sato_result sato_ccm_seal(const sato_ccm *ccm, uint8_t *data, size_t size) {
  sato_aes aes;
  uint8_t mac[16];
  if (!sato_ccm_is_sound(ccm, size)) return SATO_SIZE;
  sato_aes_begin(&aes, ccm->key);
  sato_ccm_mac(ccm, &aes, data, size, mac);
  sato_ccm_mask(ccm, &aes, mac, 16, 0);
  sato_ccm_mask(ccm, &aes, data, size, 1);
  memcpy(data + size, mac, ccm->tag_size);
  return SATO_OK;
}

/* Decrypts `size` bytes in place, whose tag stands behind them. SATO_FORGED leaves zeros, never a guess. */
static inline sato_result sato_ccm_open(const sato_ccm *ccm, uint8_t *data, size_t size) {
  sato_aes aes;
  uint8_t mac[16], differs = 0;
  size_t index;
  if (!sato_ccm_is_sound(ccm, size)) return SATO_SIZE;
  sato_aes_begin(&aes, ccm->key);
  sato_ccm_mask(ccm, &aes, data, size, 1);
  sato_ccm_mac(ccm, &aes, data, size, mac);
  sato_ccm_mask(ccm, &aes, mac, 16, 0);
  for (index = 0; index < ccm->tag_size; index++) differs |= (uint8_t)(mac[index] ^ data[size + index]);
  if (differs) memset(data, 0, size);
  return differs ? SATO_FORGED : SATO_OK;
}

/* ---- compact payload ------------------------------------------------------------------------------------------ */

#define SATO_MAX_PAYLOAD 176u

/* Numbers never change their meaning; the unit stands in the name. */
enum {
  SATO_SOIL_MOISTURE_VWC_PCT = 1,
  SATO_SOIL_TEMPERATURE_C = 2,
  SATO_SOIL_EC_US_CM = 3,
  SATO_SOIL_PH = 4,
  SATO_SOIL_PERMITTIVITY = 5,
  SATO_SOIL_RAW_MOISTURE = 6,
  SATO_SOIL_RAW_EC = 7,
  SATO_AIR_TEMPERATURE_C = 16,
  SATO_HUMIDITY_PCT = 17,
  SATO_ILLUMINANCE_LX = 18,
  SATO_PROBE_TEMPERATURE_C = 19,
  SATO_DISTANCE_MM = 32,
  SATO_SNOW_DEPTH_CM = 33,
  SATO_SNOW_LOAD_KG_M2 = 34,
  SATO_MOTION = 48,
  SATO_CONTACT_OPEN = 49,
  SATO_BUTTON = 50,
  SATO_OPEN_COUNT = 51,
  SATO_LEAK = 52,
  SATO_ACCELERATION_G = 53,
  SATO_BATTERY_V = 64,
  SATO_BATTERY_PCT = 65,
  SATO_RSSI_DBM = 66,
  SATO_SNR_DB = 67,
  SATO_CPU_TEMPERATURE_C = 68,
  SATO_FRAMES_REJECTED = 69
};

static inline uint8_t sato_is_quantity(uint8_t number) {
  return (number >= 1 && number <= 7) || (number >= 16 && number <= 19) || (number >= 32 && number <= 34) ||
         (number >= 48 && number <= 53) || (number >= 64 && number <= 69);
}

/* value / 10^decimals is what was measured: 1234 with two decimals is 12.34. */
typedef struct {
  uint8_t quantity, channel, decimals;
  uint16_t age_s;
  int32_t value;
} sato_record;

typedef struct {
  uint8_t bytes[SATO_MAX_PAYLOAD];
  uint8_t used;
} sato_payload;

static inline uint8_t sato_value_size(int32_t value) {
  if (value >= -128 && value <= 127) return 1;
  if (value >= -32768 && value <= 32767) return 2;
  if (value >= -8388608L && value <= 8388607L) return 3;
  return 4;
}

/* Add one record, or nothing of it where it does not fit. A sensor that is missing is left out, never sent as zero. */
static inline sato_result sato_put_record(sato_payload *payload, const sato_record *record) {
  uint8_t size = sato_value_size(record->value), has_channel = record->channel != 0, has_age = record->age_s != 0;
  uint8_t *to = payload->bytes + payload->used;
  uint8_t value[4];
  if (!sato_is_quantity(record->quantity)) return SATO_QUANTITY;
  if (record->decimals > 9) return SATO_DECIMALS;
  if (payload->used + 2u + has_channel + 2u * has_age + size > SATO_MAX_PAYLOAD) return SATO_SIZE;
  *to++ = (uint8_t)((uint8_t)((size - 1) << 6) | (has_channel ? 0x20 : 0) | (has_age ? 0x10 : 0) | record->decimals);
  *to++ = record->quantity;
  if (has_channel) *to++ = record->channel;
  if (has_age) {
    sato_store16(to, record->age_s);
    to += 2;
  }
  sato_store32(value, (uint32_t)record->value);
  memcpy(to, value + 4 - size, size);
  payload->used = (uint8_t)(to + size - payload->bytes);
  return SATO_OK;
}

static inline sato_result sato_put(sato_payload *payload, uint8_t quantity, uint8_t channel, int32_t value,
                                   uint8_t decimals) {
  sato_record record;
  memset(&record, 0, sizeof record);
  record.quantity = quantity;
  record.channel = channel;
  record.value = value;
  record.decimals = decimals;
  return sato_put_record(payload, &record);
}

/* Read the record at `at`, which moves behind it. Call until at == size. */
static inline sato_result sato_get(const uint8_t *bytes, size_t size, size_t *at, sato_record *record) {
  const uint8_t *from;
  size_t need = 2;
  uint8_t head, width, index;
  uint32_t value;
  if (*at >= size) return SATO_LENGTH;
  from = bytes + *at;
  head = from[0];
  width = (uint8_t)((head >> 6) + 1);
  need += (size_t)width + ((head & 0x20) ? 1 : 0) + ((head & 0x10) ? 2 : 0);
  if (size - *at < need) return SATO_LENGTH;
  memset(record, 0, sizeof *record);
  record->decimals = head & 0x0F;
  if (record->decimals > 9) return SATO_DECIMALS;
  record->quantity = from[1];
  if (!sato_is_quantity(record->quantity)) return SATO_QUANTITY;
  from += 2;
  if (head & 0x20) record->channel = *from++;
  if (head & 0x10) {
    record->age_s = sato_load16(from);
    from += 2;
  }
  value = (from[0] & 0x80) ? 0xFFFFFFFFu : 0;
  for (index = 0; index < width; index++) value = (value << 8) | from[index];
  record->value = (value & 0x80000000u) ? -(int32_t)(0xFFFFFFFFu - value) - 1 : (int32_t)value;
  *at += need;
  return SATO_OK;
}

/* ---- radio frame ---------------------------------------------------------------------------------------------- */

#define SATO_READINGS 1
#define SATO_KEY_BYTES 16u
#define SATO_HEADER_BYTES 9u
#define SATO_RADIO_ROOM (SATO_HEADER_BYTES + 4u + SATO_MAX_PAYLOAD + 8u)

/* `tag_bytes` 4, 6 or 8; 0 is clear text with a CRC-16, for a test bench only. */
typedef struct {
  uint16_t net, node, seq;
  uint32_t epoch;
  uint8_t kind, tag_bytes, tells_epoch;
} sato_header;

static inline uint8_t sato_is_tag(uint8_t size) { return size == 0 || size == 4 || size == 6 || size == 8; }

static inline size_t sato_start_of(const sato_header *header) {
  return SATO_HEADER_BYTES + (header->tells_epoch ? 4u : 0u);
}

static inline size_t sato_tail_of(const sato_header *header) { return header->tag_bytes ? header->tag_bytes : 2u; }

static inline void sato_nonce(const sato_header *header, uint8_t nonce[10]) {
  sato_store16(nonce, header->net);
  sato_store16(nonce + 2, header->node);
  sato_store32(nonce + 4, header->epoch);
  sato_store16(nonce + 8, header->seq);
}

static inline void sato_frame_ccm(const sato_header *header, const uint8_t *key, const uint8_t *frame,
                                  const uint8_t nonce[10], sato_ccm *ccm) {
  ccm->key = key;
  ccm->nonce = nonce;
  ccm->nonce_size = 10;
  ccm->about = frame;
  ccm->about_size = sato_start_of(header);
  ccm->tag_size = header->tag_bytes;
}

/* Seal a payload of 1 to 176 bytes; SATO_RADIO_ROOM bytes are always enough. `payload` must not overlap `out`. */
static inline sato_result sato_encode(const sato_header *header, const uint8_t *key, const uint8_t *payload,
                                      size_t size, uint8_t *out, size_t capacity, size_t *framed) {
  size_t start = sato_start_of(header), total = start + size + sato_tail_of(header);
  uint8_t nonce[10];
  sato_ccm ccm;
  if (!sato_is_tag(header->tag_bytes)) return SATO_TAG;
  if (size < 1 || size > SATO_MAX_PAYLOAD || total > capacity) return SATO_SIZE;
  if (header->node == 0 || header->node == 0xFFFF || header->kind == 0 || header->kind > 0x7F) return SATO_HEADER;
  out[0] = (uint8_t)(0x10 | header->tag_bytes);
  sato_store16(out + 1, header->net);
  sato_store16(out + 3, header->node);
  sato_store16(out + 5, header->seq);
  out[7] = (uint8_t)(header->kind | (header->tells_epoch ? 0x80 : 0));
  out[8] = (uint8_t)size;
  if (header->tells_epoch) sato_store32(out + SATO_HEADER_BYTES, header->epoch);
  memcpy(out + start, payload, size);
  *framed = total;
  if (header->tag_bytes == 0) {
    sato_store16(out + start + size, sato_crc16(out, start + size));
    return SATO_OK;
  }
  sato_nonce(header, nonce);
  sato_frame_ccm(header, key, out, nonce, &ccm);
  return sato_ccm_seal(&ccm, out + start, size);
}

/* Header of exactly one frame; `length` is its payload's. An epoch that is not told stays as it was in `header`. */
static inline sato_result sato_parse(const uint8_t *frame, size_t size, sato_header *header, uint8_t *length) {
  if (size < SATO_HEADER_BYTES) return SATO_SHORT;
  if ((frame[0] & 0xF0) != 0x10 || !sato_is_tag(frame[0] & 0x0F)) return SATO_VERSION;
  header->tag_bytes = frame[0] & 0x0F;
  header->net = sato_load16(frame + 1);
  header->node = sato_load16(frame + 3);
  header->seq = sato_load16(frame + 5);
  header->kind = frame[7] & 0x7F;
  header->tells_epoch = (frame[7] & 0x80) != 0;
  *length = frame[8];
  if (header->node == 0 || header->node == 0xFFFF || header->kind == 0) return SATO_HEADER;
  if (*length < 1 || *length > SATO_MAX_PAYLOAD) return SATO_HEADER;
  if (size != sato_start_of(header) + *length + sato_tail_of(header)) return SATO_LENGTH;
  if (header->tells_epoch) header->epoch = sato_load32(frame + SATO_HEADER_BYTES);
  return SATO_OK;
}

/* Open one frame in place: its payload is `length` bytes at `frame + sato_start_of(header)`. Give the epoch you know
 * in `header->epoch`, for a frame that does not tell it. Clear text needs no key. */
static inline sato_result sato_decode(uint8_t *frame, size_t size, const uint8_t *key, sato_header *header,
                                      uint8_t *length) {
  uint8_t nonce[10];
  sato_ccm ccm;
  size_t start;
  sato_result result = sato_parse(frame, size, header, length);
  if (result != SATO_OK) return result;
  start = sato_start_of(header);
  if (header->tag_bytes == 0) {
    return sato_crc16(frame, start + *length) == sato_load16(frame + start + *length) ? SATO_OK : SATO_CRC;
  }
  sato_nonce(header, nonce);
  sato_frame_ccm(header, key, frame, nonce, &ccm);
  return sato_ccm_open(&ccm, frame + start, *length);
}

/* How far one sender was heard: bit 0 of `seen` is `seq`. Set `is_known` to 0 before the first frame. */
typedef struct {
  uint32_t epoch, seen;
  uint16_t seq;
  uint8_t is_known;
} sato_window;

/* Take a frame that was opened; SATO_REPLAY where it was heard before or is too old to tell. */
static inline sato_result sato_take(sato_window *window, const sato_header *header) {
  uint16_t back;
  if (!window->is_known || header->epoch > window->epoch) {
    window->is_known = 1;
    window->epoch = header->epoch;
    window->seq = header->seq;
    window->seen = 1;
    return SATO_OK;
  }
  if (header->epoch < window->epoch) return SATO_REPLAY;
  if (header->seq > window->seq) {
    back = (uint16_t)(header->seq - window->seq);
    window->seen = back < 32 ? (window->seen << back) | 1u : 1u;
    window->seq = header->seq;
    return SATO_OK;
  }
  back = (uint16_t)(window->seq - header->seq);
  if (back >= 32 || (window->seen >> back & 1u)) return SATO_REPLAY;
  window->seen |= (uint32_t)1 << back;
  return SATO_OK;
}

/* ---- a node that speaks ---------------------------------------------------------------------------------------- */

typedef struct {
  const uint8_t *key;
  uint16_t net, node, seq;
  uint32_t epoch;
  uint8_t tag_bytes, is_over;
} sato_node;

/* Begin the epoch after the stored one (0 where nothing was ever stored), at every start and after SATO_EPOCH_OVER.
 * STORE what it answers where it outlives a power cut, and only then speak: a nonce used twice opens the seal. */
static inline uint32_t sato_node_begin(sato_node *node, uint32_t stored_epoch) {
  node->epoch = stored_epoch + 1;
  node->seq = 0;
  node->is_over = stored_epoch == 0xFFFFFFFFu;
  return node->epoch;
}

/* The next frame with this payload, its seq used up whether or not it is ever sent. */
static inline sato_result sato_node_frame(sato_node *node, uint8_t kind, const uint8_t *payload, size_t size,
                                          uint8_t *out, size_t capacity, size_t *framed) {
  sato_header header;
  if (node->is_over) return SATO_EPOCH_OVER;
  header.net = node->net;
  header.node = node->node;
  header.seq = node->seq;
  header.epoch = node->epoch;
  header.kind = kind;
  header.tag_bytes = node->tag_bytes;
  header.tells_epoch = node->seq < 8 || node->seq % 16 == 0;
  node->seq++;
  node->is_over = node->seq == 0;
  return sato_encode(&header, node->key, payload, size, out, capacity, framed);
}

/* ---- time on the air, and the hour's share (ARIB STD-T108; see airtime.py for what is known of it) -------------- */

typedef struct {
  uint8_t spreading; /* 5 to 12 */
  uint16_t bandwidth_khz; /* 125, 250, 500 */
  uint8_t coding; /* 1 is 4/5 … 4 is 4/8 */
  uint16_t preamble; /* symbols */
  uint8_t hidden_bytes; /* what the module adds by itself: E220 6 bytes and 23000 us, a guess on the safe side */
  uint32_t hidden_us;
} sato_modulation;

static inline uint32_t sato_airtime_us(const sato_modulation *m, size_t size) {
  uint32_t symbol_us = ((uint32_t)1000 << m->spreading) / m->bandwidth_khz;
  int32_t bits = 8 * ((int32_t)size + m->hidden_bytes) + 36 - 4 * m->spreading + (m->spreading > 6 ? 8 : 0);
  int32_t a_block = 4 * (m->spreading - (symbol_us >= 16000 ? 2 : 0));
  uint32_t blocks = bits > 0 ? (uint32_t)((bits + a_block - 1) / a_block) : 0;
  uint32_t quarters = 4u * m->preamble + (m->spreading < 7 ? 25u : 17u) + 32u;
  return (quarters * symbol_us + 3) / 4 + blocks * (m->coding + 4u) * symbol_us + m->hidden_us;
}

#define SATO_BUCKETS 62
#define SATO_BUCKET_MS 60000u

/* Times are a counter of ms that may wrap (Arduino's millis()), asked at least once in 24 days. */
typedef struct {
  uint32_t share_ms;  /* on the air in any hour; 0 where it is not limited (E220: channels 0 to 14 at 125 kHz) */
  uint32_t packet_ms; /* one packet at most: 4000 */
  uint32_t pause_ms;  /* between packets: 50 */
  uint32_t now_ms, bucket_ms, pausing_ms;
  uint16_t used_ms[SATO_BUCKETS];
  uint8_t at;
} sato_ledger;

/* A node does not know what it sent before it started: nine tenths of the share count as used for the first hour. */
static inline void sato_ledger_begin(sato_ledger *ledger, uint32_t share_ms, uint32_t packet_ms, uint32_t pause_ms,
                                     uint32_t now_ms) {
  uint32_t left_ms = share_ms / 10 * 9;
  uint8_t bucket;
  memset(ledger, 0, sizeof *ledger);
  ledger->share_ms = share_ms;
  ledger->packet_ms = packet_ms;
  ledger->pause_ms = pause_ms;
  ledger->now_ms = now_ms;
  for (bucket = SATO_BUCKETS - 1; bucket > 0 && left_ms > 0; bucket--) { /* the minutes before this one */
    ledger->used_ms[bucket] = (uint16_t)(left_ms < SATO_BUCKET_MS ? left_ms : SATO_BUCKET_MS);
    left_ms -= ledger->used_ms[bucket];
  }
}

static inline void sato_ledger_pass(sato_ledger *ledger, uint32_t now_ms) {
  uint32_t passed_ms = now_ms - ledger->now_ms;
  uint8_t turned = 0;
  ledger->now_ms = now_ms;
  ledger->pausing_ms = ledger->pausing_ms > passed_ms ? ledger->pausing_ms - passed_ms : 0;
  ledger->bucket_ms += passed_ms % SATO_BUCKET_MS;
  passed_ms /= SATO_BUCKET_MS;
  if (ledger->bucket_ms >= SATO_BUCKET_MS) {
    ledger->bucket_ms -= SATO_BUCKET_MS;
    passed_ms++;
  }
  for (; passed_ms > 0 && turned < SATO_BUCKETS; passed_ms--, turned++) {
    ledger->at = (uint8_t)((ledger->at + 1) % SATO_BUCKETS);
    ledger->used_ms[ledger->at] = 0;
  }
}

static inline uint32_t sato_used_ms(const sato_ledger *ledger) {
  uint32_t used_ms = 0;
  uint8_t bucket;
  for (bucket = 0; bucket < SATO_BUCKETS; bucket++) used_ms += ledger->used_ms[bucket];
  return used_ms;
}

/* 1 where a packet of so many ms may begin now. Round up; 0 for ever where it is longer than a packet may be. */
static inline uint8_t sato_may_send(sato_ledger *ledger, uint32_t airtime_ms, uint32_t now_ms) {
  sato_ledger_pass(ledger, now_ms);
  if (airtime_ms > ledger->packet_ms || ledger->pausing_ms > 0) return 0;
  return ledger->share_ms == 0 || sato_used_ms(ledger) + airtime_ms <= ledger->share_ms;
}

/* Write down a packet that begins now. */
static inline void sato_sent(sato_ledger *ledger, uint32_t airtime_ms, uint32_t now_ms) {
  uint32_t used_ms;
  sato_ledger_pass(ledger, now_ms);
  used_ms = ledger->used_ms[ledger->at] + airtime_ms;
  ledger->used_ms[ledger->at] = (uint16_t)(used_ms > 0xFFFFu ? 0xFFFFu : used_ms);
  ledger->pausing_ms = airtime_ms + ledger->pause_ms;
}

#ifdef __cplusplus
}
#endif

#endif
