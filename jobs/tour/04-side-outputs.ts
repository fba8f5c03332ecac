// 4. More than one way out of a node: what does not fit goes to a side output with its reason, instead of failing the job.
//
//    npx run-job jobs/tour/04-side-outputs.ts

import { job, sideOutput } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'

interface Reading {
  readonly sensor: number
  readonly celsius: number
}

const malformed = sideOutput<{ readonly line: string; readonly reason: string }>('malformed')

export default job('tour-side-outputs', (flow) => {
  const make = (index: number): string =>
    index % 7 === 3 ? 'out of paper' : JSON.stringify({ sensor: index % 3, celsius: 15 + (index % 20) })

  const readings = flow
    .from('lines', generate({ count: 30, make }))
    .process<Reading>('parse', (line, _context, out) => {
      try {
        out.emit(JSON.parse(line) as Reading)
      } catch (error) {
        out.side(malformed, { line, reason: String(error) })
      }
    })
  readings.side(malformed).to('malformed-lines', print({ prefix: 'malformed: ' }))

  // split is the short form for two: those for which it holds, and the others.
  const [hot, normal] = readings.split('hot', (reading) => reading.celsius > 30)
  hot.map('alarm', ({ sensor, celsius }) => `sensor ${sensor}: ${celsius} °C`).to('alarms', print({ prefix: 'hot: ' }))
  normal
    .keyBy('sensor', ({ sensor }) => sensor)
    .aggregate('mean', {
      create: () => ({ sum: 0, count: 0 }),
      add: ({ celsius }, { sum, count }) => ({ sum: sum + celsius, count: count + 1 }),
      result: ({ sum, count }) => Math.round(sum / count),
      merge: (a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }),
    })
    .to('means', print({ prefix: 'mean so far: ' }))
})
