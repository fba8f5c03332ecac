// When batches are compressed on their way: measured, decided, and looked at again.
//
// Owns: what was measured of a line and of the data. Does not own: compressing (target-line).
//
// I1. A line's speed is known only from times when it was what everything waited for.
// I2. What does not shrink is not compressed, but for a rare batch that looks whether that is still so.
// I3. Once on for the line's sake, plain is tried again now and then, less often each time that it was slower.

import type { LineTraffic } from '../line/line.ts'

/** What is known when choosing. Bytes a second. */
export interface Measured {
  /** Of the line, while it was the bottleneck; undefined if it is not. */
  readonly line: number | undefined
  /** Plain bytes that go now. */
  readonly payload: number
  /** Plain bytes in a compressed byte. */
  readonly ratio: number
  /** Plain bytes that are compressed. */
  readonly compress: number
}

const SHRINKS = 1.1
const HYSTERESIS = 1.15
/** The share of a core below which compressing costs nothing. */
const FREE_SHARE = 0.03

/** Whether compressing gives more payload a second, or costs nothing; `isOn`: it is done now, which takes more to change. */
export function paysOff({ line, payload, ratio, compress }: Measured, isOn: boolean): boolean {
  if (ratio < SHRINKS || compress <= 0) return false
  const edge = isOn ? 1 / HYSTERESIS : HYSTERESIS
  if (line === undefined) return payload * edge <= compress * FREE_SHARE
  return Math.min(line * ratio, compress) > line * edge
}

const WINDOW_MS = 500
const BOTTLENECK_SHARE = 0.5
const PROBE_BATCHES_MIN = 32
const PROBE_BATCHES_MAX = 1024
const TRY_PLAIN_MS_MIN = 10_000
const TRY_PLAIN_MS_MAX = 320_000
const NEW_WEIGHT = 0.3

/** Decides batch by batch for one target. Times are monotonic. */
export class CompressionChoice {
  #isOn = false
  #ratio: number | undefined
  #compress = 0
  #line: number | undefined
  #lineSeenAt = 0
  #payload = 0
  #sinceProbe = 0
  #probeEvery = PROBE_BATCHES_MIN
  #window: { readonly at: number; readonly traffic: LineTraffic; plainBytes: number } | undefined
  #tryPlainMs = TRY_PLAIN_MS_MIN

  get isOn(): boolean {
    return this.#isOn
  }

  /** Of what was compressed lately; 1 if nothing was. */
  get ratio(): number {
    return this.#ratio ?? 1
  }

  /** A new connection may be a new line. */
  connected(): void {
    this.#window = undefined
    this.#line = undefined
  }

  /** Whether the next batch is to be compressed: since it pays off, or to see whether it would. */
  next(): boolean {
    if (this.#isOn) return true
    this.#sinceProbe += 1
    if (this.#ratio !== undefined && this.#sinceProbe < this.#probeEvery) return false
    this.#sinceProbe = 0
    return true
  }

  /** A batch was compressed, in so many ms. */
  compressed(plainBytes: number, bytes: number, ms: number): void {
    const ratio = plainBytes / bytes
    const perSecond = (plainBytes * 1000) / Math.max(ms, 0.01)
    this.#compress = this.#ratio === undefined ? perSecond : mixed(this.#compress, perSecond)
    this.#ratio = this.#ratio === undefined ? ratio : mixed(this.#ratio, ratio)
    if (this.#ratio >= SHRINKS) this.#probeEvery = PROBE_BATCHES_MIN
    else {
      this.#isOn = false
      this.#probeEvery = Math.min(PROBE_BATCHES_MAX, this.#probeEvery * 2)
    }
  }

  /** A batch of so many plain bytes went out. */
  sent(plainBytes: number, traffic: LineTraffic, now: number): void {
    this.#window ??= { at: now, traffic, plainBytes: 0 }
    const { at, traffic: before } = this.#window
    this.#window.plainBytes += plainBytes
    const ms = now - at
    if (ms < WINDOW_MS) return
    this.#payload = (this.#window.plainBytes * 1000) / ms
    this.#window = { at: now, traffic, plainBytes: 0 }
    const gone = traffic.bytesOut - traffic.queuedBytes - (before.bytesOut - before.queuedBytes)
    this.#judge(now, (gone * 1000) / ms, (traffic.blockedMs - before.blockedMs) / ms)
  }

  #judge(now: number, perSecond: number, blockedShare: number): void {
    if (blockedShare >= BOTTLENECK_SHARE) {
      this.#line = this.#line === undefined ? perSecond : mixed(this.#line, perSecond)
      this.#lineSeenAt = now
    } else if (this.#line !== undefined && now - this.#lineSeenAt >= this.#tryPlainMs) {
      this.#line = undefined
      this.#tryPlainMs = Math.min(TRY_PLAIN_MS_MAX, this.#tryPlainMs * 2)
    }
    const measured = { line: this.#line, payload: this.#payload, ratio: this.ratio, compress: this.#compress }
    this.#isOn = paysOff(measured, this.#isOn)
    // A line that is not missed for so long is another one.
    if (!this.#isOn && now - this.#lineSeenAt > TRY_PLAIN_MS_MAX) this.#tryPlainMs = TRY_PLAIN_MS_MIN
  }
}

function mixed(old: number, found: number): number {
  return old * (1 - NEW_WEIGHT) + found * NEW_WEIGHT
}
