"""Checksums, each with its published check value over the ASCII bytes `123456789`."""

import binascii


def _table_reflected(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & 0x80 else value << 1) & 0xFF
        table.append(value)
    return tuple(table)


_MODBUS = _table_reflected(0xA001)
_KERMIT = _table_reflected(0x8408)
_CRC8 = _table(0x07)


def crc16_modbus(data: bytes) -> int:
    """CRC-16/MODBUS, polynomial 0x8005 reflected, start 0xFFFF; check value 0x4B37. Sent low byte first."""
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ _MODBUS[(value ^ byte) & 0xFF]
    return value


def crc16_ccitt(data: bytes) -> int:
    """CRC-16/CCITT-FALSE (IBM-3740), polynomial 0x1021, start 0xFFFF; check value 0x29B1. Sent high byte first."""
    return binascii.crc_hqx(data, 0xFFFF)


def crc16_kermit(data: bytes) -> int:
    """CRC-16/KERMIT, polynomial 0x1021 reflected, start 0; check value 0x2189. SenseCAP sends it low byte first."""
    value = 0
    for byte in data:
        value = (value >> 8) ^ _KERMIT[(value ^ byte) & 0xFF]
    return value


def crc8(data: bytes) -> int:
    """CRC-8/SMBUS, polynomial 0x07, start 0; check value 0xF4. EnOcean ESP3 and ERP2 use it."""
    value = 0
    for byte in data:
        value = _CRC8[value ^ byte]
    return value


def xor8(data: bytes) -> int:
    """Exclusive or of all bytes, as NMEA 0183 writes it after `*`; check value 0x31."""
    value = 0
    for byte in data:
        value ^= byte
    return value
