import { describe, expect, it } from 'vitest'
import { AppendSinkFunction, fromArray, job } from '../../../src/index.ts'

class AloneSink extends AppendSinkFunction<number> {
  override readonly parallelism = 1
  restore(): void {}
  write(): void {}
  prepare() {
    return { state: undefined, commit: undefined }
  }
  commit(): void {}
}

const jobOf = (parallelism?: number) =>
  job(
    'one',
    (flow) => {
      flow
        .from('numbers', fromArray([1]))
        .to('out', () => new AloneSink(), parallelism === undefined ? {} : { parallelism })
    },
    { parallelism: 4 },
  )
const build = (parallelism?: number) =>
  jobOf(parallelism).build({ settings: {}, dataDir: '.', mode: 'stream' }).graph.nodes.at(-1)

describe('a sink with a parallelism of its own', () => {
  it.each([undefined, 1])('runs at it, whatever that of the job is; given: %s', (given) => {
    expect(build(given)?.parallelism).toBe(1)
  })

  it('is refused another one, by node', () => {
    expect(() => build(2)).toThrow(
      'Option parallelism of node "out" (alone): this sink runs at parallelism 1, not 2: leave the option out',
    )
  })
})
