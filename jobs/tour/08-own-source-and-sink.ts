// 8. A source and a sink of your own. A source says how to read on from a position: that makes it replayable, and its job
//    exactly-once. A sink that may be written again without harm (here: a Map by key) is an upsert sink.
//
//    npx run-job jobs/tour/08-own-source-and-sink.ts

import { defineSource, job, UpsertSinkFunction } from 'millrace'

interface Commit {
  readonly author: string
  readonly lines: number
}

const HISTORY: readonly Commit[] = Array.from({ length: 500 }, (_, i) => ({
  author: ['Ada', 'Grace', 'Edsger'][i % 3] ?? '',
  lines: (i * 37) % 100,
}))

/** A service that gives a page from an offset on, as many do. */
async function fetchCommits(offset: number, limit: number): Promise<readonly Commit[]> {
  return HISTORY.slice(offset, offset + limit)
}

const commits = () =>
  defineSource({
    start: 0,
    bounded: true,
    read: async (offset, limit) => {
      const records = await fetchCommits(offset, Math.min(limit, 50))
      return records.length === 0 ? 'end' : { records, position: offset + records.length }
    },
  })

/** Keeps the last total of each author, and shows them at the end. */
class Scoreboard extends UpsertSinkFunction<Commit> {
  readonly #totals = new Map<string, number>()

  override write(records: readonly Commit[]): void {
    for (const { author, lines } of records) this.#totals.set(author, lines)
  }

  /** A real one waits here until all that was written is durable. */
  override flush(): void {}

  override close(): void {
    for (const [author, lines] of [...this.#totals].sort()) process.stdout.write(`${author} wrote ${lines} lines\n`)
  }
}

export default job('tour-own-source-and-sink', (flow) => {
  flow
    .from('commits', commits())
    .keyBy('author', (commit) => commit.author)
    .reduce('lines', (total, commit) => ({ author: commit.author, lines: total.lines + commit.lines }))
    .to('scoreboard', new Scoreboard())
})
