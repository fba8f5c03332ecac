import type { Report } from './report.ts'
import type { Row } from './scenario.ts'

/** What the baseline keeps of a row: its ratio to the ceiling of the same run, which does not depend on the machine. */
export interface BaselineRow {
  readonly ratio: number
  readonly noise: number
  readonly better: 'higher' | 'lower'
}

export type Baseline = Readonly<Record<string, BaselineRow>>

/** Differences below this are noise whatever the rounds of one run say: processes differ more than rounds. */
const NOISE_FLOOR = 0.2

/** The baseline that a run would leave. */
export function baselineOf({ rows }: Report): Baseline {
  return Object.fromEntries(
    rows.flatMap(({ name, ratio, noise = 0, better }) =>
      ratio === undefined ? [] : [[name, { ratio, noise, better }]],
    ),
  )
}

/** Rows that are worse than the baseline by more than noise, and rows that are gone; each as a sentence. */
export function regressions(baseline: Baseline, rows: readonly Row[]): string[] {
  return Object.entries(baseline).flatMap(([name, was]) => {
    const ratio = rows.find((row) => row.name === name)?.ratio
    if (ratio === undefined) return [`"${name}" is in the baseline and was not measured`]
    const now = rows.find((row) => row.name === name)?.noise ?? 0
    const allowed = Math.max(NOISE_FLOOR, 2 * (was.noise + now))
    const worse = was.better === 'higher' ? 1 - ratio / was.ratio : ratio / was.ratio - 1
    if (worse <= allowed) return []
    const figures = `${ratio.toFixed(2)} of the plain loop, was ${was.ratio.toFixed(2)}`
    return [`"${name}": ${figures}: ${Math.round(worse * 100)} % worse, noise allows ${Math.round(allowed * 100)} %`]
  })
}
