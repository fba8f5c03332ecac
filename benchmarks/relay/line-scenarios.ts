// The line alone: two jobs, no Kafka.

import { type Measured, thousands } from '../mysql/measured.ts'
import { median, percentile } from '../statistics.ts'
import { ackTimes } from './ack-times.ts'
import type { Bench } from './comparing.ts'
import { type LineResult, type LineWork, performLine } from './line.ts'

const KIB = 1_024
const PAYLOAD = 1_000_000
const PACED_MB = 20
const PACED_SECONDS = 15
/** What a line lets through, MB/s. */
const WIDTHS = [5, 50, Number.POSITIVE_INFINITY]
const WIDE_SECONDS = 15

/** Throughput by batch size, rows, and acknowledgements at a steady rate. */
export async function line(bench: Bench): Promise<Measured[]> {
  const measured: Measured[] = []
  for (const kib of [64, 256]) {
    const records = PAYLOAD * bench.scale
    const best = await rounds(bench, `batches of ${kib} KiB`, {
      kind: 'kilobytes',
      records,
      batchBytes: kib * KIB,
      intervalMs: 1_000,
    })
    measured.push({
      ...{
        name: `line, batches of ${kib} KiB, fsync at both ends`,
        ours: describe(best),
        beside: '',
        ratio: undefined,
      },
      ...{ goal: '≥ 80 MB/s', met: megabytesPerSecond(best) >= 80 },
    })
  }
  const rows = await rounds(bench, 'rows', { kind: 'rows', records: 3 * PAYLOAD * bench.scale, intervalMs: 1_000 })
  const rowsPerSecond = rows.records / rows.seconds
  measured.push({
    name: 'line, rows of 200 bytes',
    ours: `${thousands(rowsPerSecond)} rows/s (${thousands(rows.records / rows.cpuSeconds)} per CPU-second)`,
    beside: 'published: 16 K rows/s',
    ratio: rowsPerSecond / 16_000,
    goal: '≥ 1 ×',
    met: rowsPerSecond >= 16_000,
  })
  return [...measured, await acknowledgement(bench)]
}

async function acknowledgement({ scale, say }: Bench): Promise<Measured> {
  const perSecond = (PACED_MB * 1e6) / KIB
  const records = Math.round(perSecond * Math.max(PACED_SECONDS * scale, 5))
  let times: readonly number[] = []
  await performLine({ kind: 'kilobytes', records, perSecond, intervalMs: 100 }, (proxy) => {
    times = ackTimes(proxy)
  })
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)]
  say(`  ${times.length} batches at ${PACED_MB} MB/s: acknowledged in ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`)
  return {
    name: `line, ${PACED_MB} MB/s, from publishing to acknowledgement, checkpoints of 0.1 s`,
    ours: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    ...{ beside: '', ratio: undefined, goal: 'p99 ≤ 50 ms', met: p99 <= 50 },
  }
}

/** The same payload over lines of different widths, with each way of compressing. */
export async function compression(bench: Bench): Promise<Measured[]> {
  const measured: Measured[] = []
  for (const width of WIDTHS) {
    const records = Math.round(PAYLOAD * Math.min(1, (width * WIDE_SECONDS) / 1_000) * bench.scale)
    const work = { kind: 'kilobytes', records, intervalMs: 1_000 } as const
    const rates = new Map<string, number>()
    for (const mode of ['none', 'snappy', 'auto'] as const) {
      const result = await performLine({ ...work, compression: mode }, (proxy) => {
        proxy.bytesPerSecond = width * 1e6
      })
      bench.say(`  ${widthOf(width)}, ${mode}: ${describe(result)}`)
      rates.set(mode, megabytesPerSecond(result))
    }
    const [none = 0, snappy = 0, auto = 0] = [...rates.values()]
    measured.push({
      name: `compression auto, ${widthOf(width)}`,
      ours: `${auto.toFixed(1)} MB/s`,
      beside: `none ${none.toFixed(1)}, snappy ${snappy.toFixed(1)} MB/s`,
      ratio: auto / Math.max(none, snappy),
      goal: '≥ 0.9 × the better',
      met: auto >= 0.9 * Math.max(none, snappy),
    })
  }
  return measured
}

async function rounds({ rounds: count, say }: Bench, name: string, work: LineWork): Promise<LineResult> {
  const results: LineResult[] = []
  for (let round = 0; round < count; round += 1) {
    const result = await performLine(work)
    say(`  ${name}: ${describe(result)}`)
    results.push(result)
  }
  const middle = median(results.map(({ seconds }) => seconds))
  return results.find(({ seconds }) => seconds >= middle) as LineResult
}

const widthOf = (width: number): string => (Number.isFinite(width) ? `a line of ${width} MB/s` : 'loopback')

const megabytesPerSecond = ({ payloadBytes, seconds }: LineResult): number => payloadBytes / 1e6 / seconds

function describe(result: LineResult): string {
  const perCpu = (result.payloadBytes / 1e6 / result.cpuSeconds).toFixed(0)
  const memory = result.peakMb.map((one) => Math.round(one)).join(' + ')
  return `${megabytesPerSecond(result).toFixed(1)} MB/s (${perCpu} MB per CPU-second, ${memory} MB)`
}
