import { describe, expect, it } from 'vitest'
import { CompressionChoice, paysOff } from '../../../../../src/connectors/relay/send/compression.ts'

const MB = 1e6

describe('paysOff', () => {
  const base = { payload: 80 * MB, ratio: 2, compress: 400 * MB }

  it.each([
    ['a slow line, data that shrinks', { ...base, line: 10 * MB }, true],
    ['a slow line, data that does not', { ...base, line: 10 * MB, ratio: 1.05 }, false],
    ['a line faster than compressing', { ...base, line: 900 * MB }, false],
    ['a line that is not full, a processor that has work', { ...base, line: undefined }, false],
    ['a line that is not full, hardly any data', { ...base, line: undefined, payload: 1 * MB }, true],
    ['nothing measured', { ...base, line: undefined, compress: 0 }, false],
  ])('%s', (_name, measured, expected) => {
    expect(paysOff(measured, false)).toBe(expected)
  })

  it('takes more to change than to stay', () => {
    const even = { ...base, line: 390 * MB }
    expect([paysOff(even, false), paysOff(even, true)]).toEqual([false, true])
  })
})

/** A sender that always has more, over a line and with a processor of these speeds; bytes a second. */
class Road {
  readonly choice = new CompressionChoice()
  now = 0
  line: number
  /** Plain bytes in a compressed one. */
  ratio: number
  compressed = 0
  batches = 0
  readonly #compress: number
  readonly #source: number
  #bytesOut = 0
  #blockedMs = 0

  constructor(options: { line: number; ratio: number; compress?: number; source?: number }) {
    this.line = options.line
    this.ratio = options.ratio
    this.#compress = options.compress ?? 400 * MB
    this.#source = options.source ?? 300 * MB
  }

  drive(ms: number): void {
    const end = this.now + ms
    const plainBytes = 262_144
    while (this.now < end) {
      let bytes = plainBytes
      let workMs = (plainBytes / this.#source) * 1000
      this.batches += 1
      if (this.choice.next()) {
        this.compressed += 1
        const compressMs = (plainBytes / this.#compress) * 1000
        bytes = Math.min(plainBytes, plainBytes / this.ratio)
        workMs += compressMs
        this.choice.compressed(plainBytes, plainBytes / this.ratio, compressMs)
      }
      const lineMs = (bytes / this.line) * 1000
      this.#bytesOut += bytes
      this.#blockedMs += Math.max(0, lineMs - workMs)
      this.now += Math.max(lineMs, workMs)
      const traffic = {
        bytesIn: 0,
        bytesOut: this.#bytesOut,
        blockedMs: this.#blockedMs,
        queuedBytes: 0,
        roundTripMs: 1,
      }
      this.choice.sent(plainBytes, traffic, this.now)
    }
  }

  share(ms: number): number {
    const { compressed, batches } = this
    this.drive(ms)
    return (this.compressed - compressed) / (this.batches - batches)
  }
}

describe('CompressionChoice', () => {
  it('compresses over a slow line within seconds, and goes on', () => {
    const road = new Road({ line: 10 * MB, ratio: 3 })
    road.drive(2000)
    expect(road.choice.isOn).toBe(true)
    expect(road.share(60_000)).toBeGreaterThan(0.9)
  })

  it('leaves a fast line alone but for rare looks', () => {
    const road = new Road({ line: 2000 * MB, ratio: 3 })
    road.drive(2000)
    expect(road.share(20_000)).toBeLessThan(0.05)
  })

  it('gives up at once what does not shrink, and looks ever less often', () => {
    const road = new Road({ line: 10 * MB, ratio: 3 })
    road.drive(5000)
    road.ratio = 1
    road.drive(2000)
    expect(road.choice.isOn).toBe(false)
    road.drive(600_000)
    expect(road.share(60_000)).toBeLessThan(0.005)
    road.ratio = 3
    road.drive(60_000)
    expect(road.choice.isOn).toBe(true)
  })

  it('follows a line that becomes faster, and one that becomes slower', () => {
    const road = new Road({ line: 10 * MB, ratio: 3 })
    road.drive(5000)
    road.line = 2000 * MB
    road.drive(30_000)
    expect(road.choice.isOn).toBe(false)
    road.line = 10 * MB
    road.drive(5000)
    expect(road.choice.isOn).toBe(true)
  })

  it('compresses what hardly costs anything', () => {
    const road = new Road({ line: 100 * MB, ratio: 3, source: 1 * MB })
    road.drive(30_000)
    expect(road.choice.isOn).toBe(true)
  })
})
