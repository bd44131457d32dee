/* An EEPROM that is a file, written byte by byte; its power can fail after so many bytes. */
#ifndef BOARD_EEPROM_H
#define BOARD_EEPROM_H

#include "Arduino.h"

struct Eeprom {
  uint8_t bytes[64];
  const char *path;
  long writes_left;
  void load(const char *file_path, long writes) {
    FILE *file = fopen(file_path, "rb");
    path = file_path;
    writes_left = writes;
    memset(bytes, 0xFF, sizeof bytes);
    if (file && fread(bytes, 1, sizeof bytes, file) == 0) exit(2);
    if (file) fclose(file);
  }
  template <typename T>
  void get(int at, T &value) {
    memcpy(&value, bytes + at, sizeof value);
  }
  template <typename T>
  void put(int at, T value) {
    for (size_t index = 0; index < sizeof value; index++) {
      if (writes_left-- == 0) exit(5);
      memcpy(bytes + at + index, (const uint8_t *)&value + index, 1);
      FILE *file = fopen(path, "wb");
      if (!file || fwrite(bytes, 1, sizeof bytes, file) != sizeof bytes) exit(2);
      fclose(file);
    }
  }
};

extern Eeprom EEPROM;

#endif
