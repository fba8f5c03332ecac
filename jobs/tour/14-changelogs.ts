// Changelogs: a stream of changes is a table at every moment. What is said of the table holds whatever changes: results that are no
// longer so are taken back.
//
//   npx run-job jobs/tour/14-changelogs.ts
//
// Ships report their position again and again, some reports are put right later. Of each ship the latest report counts; ships are
// counted by port; ports are ranked. When a ship leaves for another port, both counts change, and perhaps the ranks: nobody has to
// write that down.

import { count, job } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'

interface Report {
  ship: number
  port: string
  day: number
}

const PORTS = ['Aden', 'Bergen', 'Cork', 'Dakar']

/** Report n of 400: each ship sails on every few days; the reports of one day come in any order. */
function reportOf(n: number): Report {
  const ship = (n * 7) % 20
  const day = Math.floor(n / 20)
  return { ship, port: PORTS[Math.floor((day + ship * ship) / 3) % PORTS.length] as string, day }
}

export default job('tour-changelogs', (flow) => {
  const ranked = flow
    .from('reports', generate({ count: 400, make: reportOf, perSecond: 400 }))
    .toChangelog()
    .deduplicate('latest', ({ ship }) => ship, { keep: 'last', orderBy: (a, b) => a.day - b.day })
    .groupBy('port', ({ port }) => port)
    .aggregate('ships', count(), (port, ships) => ({ port, ships }))
    .topN('ranking', {
      key: () => 'all',
      n: 3,
      orderBy: (a, b) => b.ships - a.ships || (a.port < b.port ? -1 : 1),
      rank: ({ port, ships }, rank) => ({ rank, port, ships }),
    })

  // The changes on the way: +I and +U add a row, -U and -D take one away. Changes that come together are one: how many there are
  // depends on how fast the reports come, but not what they make.
  ranked.changes('changes').to('each-change', print())

  // The table in the end, as for a report. For a table of a database that follows the changes: toUpserts().
  ranked
    .materialise('final')
    .map('line', ({ rank, port, ships }) => `in the end ${rank}. is ${port}, with ${ships} ships`)
    .to('end', print())
})
