// A file with two jobs, for tests of the command line: each counts, under settings of its own.
//   --set left=100 right=100 (how many numbers) rate=1000 fail=right (throws on its first number)

import { job } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'

const counting = (name: string) =>
  job(
    name,
    (flow, settings) => {
      const counts = { left: settings.number('left', 100), right: settings.number('right', 100) }
      const fails = settings.string('fail', '') === name
      const perSecond = settings.number('rate', 1_000_000)
      flow
        .from('numbers', generate({ count: counts[name as 'left'], perSecond, make: (index) => index }))
        .map('checked', (value) => {
          if (fails) throw new TypeError(`${name} was told to fail`)
          return `${name} ${value}`
        })
        .to('out', print())
    },
    { restart: { strategy: 'fixed-delay', attempts: 2, delayMs: 50 }, checkpoint: { intervalMs: 100 } },
  )

export default [counting('left'), counting('right')]
