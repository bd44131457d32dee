/* One DS18B20 on the wire, or none. */
#ifndef BOARD_ONEWIRE_H
#define BOARD_ONEWIRE_H

#include "Arduino.h"

struct OneWire {
  uint8_t scratch[9];
  int at;
  explicit OneWire(int) : at(0) {}
  static uint8_t crc8(const uint8_t *data, uint8_t size) {
    uint8_t crc = 0;
    for (uint8_t index = 0; index < size; index++) {
      crc ^= data[index];
      for (int bit = 0; bit < 8; bit++) crc = (uint8_t)(crc & 1 ? crc >> 1 ^ 0x8C : crc >> 1);
    }
    return crc;
  }
  bool reset() { return board.sixteenths != -32768; }
  void skip() {}
  void write(int) {
    const uint8_t said[8] = {(uint8_t)(board.sixteenths & 0xFF), (uint8_t)(board.sixteenths >> 8 & 0xFF), 0x4B, 0x46,
                             0x7F, 0xFF, 0x0C, 0x10};
    memcpy(scratch, said, 8);
    scratch[8] = crc8(scratch, 8);
    at = 0;
  }
  uint8_t read() { return scratch[at++ % 9]; }
};

#endif
