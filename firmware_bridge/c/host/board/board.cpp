/* Runs the example on a computer.
 *
 *   node EEPROM-FILE FRAMES SIXTEENTHS LOAD BATTERY [EEPROM-WRITES [MODULE-ANSWERS]]
 *
 * Prints what the node gives its radio, a line a frame, and ends after FRAMES of them. Exit status 3: it kept telling
 * a person that something is missing; 5: the power failed while the EEPROM was written.
 */
#include "Arduino.h"
#include "EEPROM.h"

Board board;
Console Serial;
Radio Serial1;
Eeprom EEPROM;

#include "../../examples/sensor_node/sensor_node.ino"

int main(int count, char **argument) {
  if (count < 6) return 2;
  EEPROM.load(argument[1], count > 6 ? atol(argument[6]) : -1);
  board.frames_left = atoi(argument[2]);
  board.sixteenths = (int16_t)atoi(argument[3]);
  board.load = atoi(argument[4]);
  board.battery = atoi(argument[5]);
  board.module_answers = count < 8 || atoi(argument[7]);
  setup();
  for (;;) loop();
}
