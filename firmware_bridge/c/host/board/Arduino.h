/* As much of an Arduino as the example asks for, on a computer: its sensors read what the test says, its clock is
 * counted, and what leaves the second UART is printed in hex, a line a write. */
#ifndef BOARD_ARDUINO_H
#define BOARD_ARDUINO_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HIGH 1
#define LOW 0
#define INPUT 0
#define OUTPUT 1
#define A0 54
#define F(text) (text)

struct Board {
  uint32_t clock_ms;
  int pins[64];
  int32_t load;        /* what the HX711 says */
  int load_bit;        /* which of its bits is on the pin */
  int16_t sixteenths;  /* what the DS18B20 says; -32768: there is none */
  int battery;         /* what the ADC says */
  int frames_left;
  bool module_answers;
};

extern Board board;

inline uint32_t millis() { return board.clock_ms++; }
inline void delay(uint32_t ms) {
  board.clock_ms += ms;
  if (board.clock_ms > 4000000000u) exit(4); /* the example waits for ever */
}
inline void delayMicroseconds(unsigned) {}
inline void noInterrupts() {}
inline void interrupts() {}
inline void pinMode(int, int) {}
inline int analogRead(int) { return board.battery; }

inline void digitalWrite(int pin, int level) {
  if (pin == 9 && level == HIGH) board.load_bit++;
  board.pins[pin] = level;
}

inline int digitalRead(int pin) {
  if (pin == 6) return HIGH; /* AUX: the module is ready */
  if (pin != 8) return board.pins[pin];
  if (board.load_bit == 0 || board.load_bit > 24) return board.load_bit = 0;
  return (int)((uint32_t)board.load >> (24 - board.load_bit) & 1);
}

struct Console {
  void begin(long) {}
  void println(const char *text) {
    fprintf(stderr, "%s\n", text);
    if (--board.frames_left < 0) exit(3);
  }
};

/* The radio module: answers its configuration in mode 3, sends otherwise. */
struct Radio {
  uint8_t answer[16];
  size_t waiting;
  void begin(long) {}
  void setTimeout(long) {}
  void flush() {
    printf("\n");
    if (--board.frames_left <= 0) exit(0);
  }
  int available() { return 0; }
  int read() { return -1; }
  size_t write(const uint8_t *data, size_t size) {
    if (board.pins[4] == HIGH && board.pins[5] == HIGH) {
      memcpy(answer, data, size);
      answer[0] = 0xC1;
      waiting = board.module_answers ? size : 0;
      return size;
    }
    for (size_t at = 0; at < size; at++) printf("%02x", data[at]);
    return size;
  }
  size_t readBytes(uint8_t *to, size_t size) {
    size_t found = waiting < size ? waiting : size;
    memcpy(to, answer, found);
    waiting = 0;
    return found;
  }
};

extern Console Serial;
extern Radio Serial1;

#endif
