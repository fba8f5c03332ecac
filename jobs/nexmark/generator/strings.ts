import { Buffer } from 'node:buffer'
import type { Draws } from './draws.ts'

const LENGTH_MIN = 3
const LETTERS = 26
const LETTER_A = 97
const scratch = Buffer.alloc(128)

/** A word of small letters, at least 3 and less than `below` of them. Draws its length, then each letter. */
export function word(draws: Draws, below: number): string {
  const length = LENGTH_MIN + draws.int(below - LENGTH_MIN)
  for (let i = 0; i < length; i += 1) scratch[i] = LETTER_A + draws.int(LETTERS)
  return scratch.toString('latin1', 0, length)
}

/** Four groups of four digits. */
export function cardNumber(draws: Draws): string {
  const group = (): string => String(draws.int(10_000)).padStart(4, '0')
  return `${group()} ${group()} ${group()} ${group()}`
}

/** One of a list, each as likely. */
export function pick<T>(draws: Draws, list: readonly T[]): T {
  return list[draws.int(list.length)] as T
}
