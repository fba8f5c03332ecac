// A decimal in the log: groups of nine digits in four bytes, big-endian, from the point outwards; fewer digits in fewer bytes.
// The first bit is 1 for a positive number; all bits of a negative one are inverted.

import type { Cursor } from './cursor.ts'

const BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const

/** Reads a decimal as the server prints it. */
export function decimalReader(precision: number, scale: number): (cursor: Cursor) => string {
  const whole = precision - scale
  const head = BYTES[whole % 9] as number
  const groups = Math.floor(whole / 9)
  const fractionGroups = Math.floor(scale / 9)
  const tail = BYTES[scale % 9] as number
  const tailOver = 10 ** (scale % 9)
  return (cursor) => {
    const { buffer } = cursor
    let at = cursor.at
    const mask = (buffer[at] as number) & 0x80 ? 0 : -1
    // The sign's bit is no digit: flipped, it is that of a positive number below.
    let text = ''
    let first = 0x80
    if (head > 0) {
      const value = readGroup(buffer, at, head, mask, first)
      first = 0
      at += head
      if (value !== 0) text = `${value}`
    }
    for (let i = 0; i < groups; i += 1, at += 4) {
      const value = readGroup(buffer, at, 4, mask, first)
      first = 0
      if (text !== '') text += nineDigits(value)
      else if (value !== 0) text = `${value}`
    }
    if (text === '') text = '0'
    if (scale > 0) text += '.'
    for (let i = 0; i < fractionGroups; i += 1, at += 4) {
      text += nineDigits(readGroup(buffer, at, 4, mask, first))
      first = 0
    }
    if (tail > 0) {
      text += `${tailOver + readGroup(buffer, at, tail, mask, first)}`.slice(1)
      at += tail
    }
    cursor.at = at
    return mask === 0 ? text : `-${text}`
  }
}

function nineDigits(value: number): string {
  return `${1_000_000_000 + value}`.slice(1)
}

function readGroup(buffer: Buffer, at: number, bytes: number, mask: number, sign: number): number {
  let value = ((buffer[at] as number) ^ sign ^ mask) & 0xff
  for (let i = 1; i < bytes; i += 1) value = (value << 8) | (((buffer[at + i] as number) ^ mask) & 0xff)
  return value
}
