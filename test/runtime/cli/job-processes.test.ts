// Several jobs, each in a process: what becomes of them, with processes that do as they are told.

import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type JobProcess, JobProcesses, type ProcessEnd } from '../../../runtime/cli/job-processes.ts'
import { type Deferred, deferred } from '../../../src/util/deferred.ts'
import { seededRng } from '../../../src/util/rng.ts'

class ToldProcess implements JobProcess {
  readonly pid = 1
  readonly stdout = new PassThrough()
  readonly stderr = new PassThrough()
  readonly signals: NodeJS.Signals[] = []
  readonly #end: Deferred<ProcessEnd> = deferred()
  readonly ended = this.#end.promise

  kill(signal: NodeJS.Signals): void {
    this.signals.push(signal)
  }
  exit(code: number): void {
    this.#end.resolve({ code, signal: null })
  }
  die(signal: NodeJS.Signals): void {
    this.#end.resolve({ code: null, signal })
  }
}

function begin(names: readonly string[], { attempts = 1, plain = false } = {}) {
  const started = new Map<string, ToldProcess[]>(names.map((name) => [name, []]))
  const out = new PassThrough()
  const processes = new JobProcesses({
    jobs: names.map((name) => ({ name, restart: { strategy: 'fixed-delay', attempts, delayMs: 0 } })),
    start: (name) => {
      const process = new ToldProcess()
      started.get(name)?.push(process)
      return process
    },
    now: () => 0,
    rng: seededRng(1),
    stdout: out,
    stderr: out,
    plain,
  })
  const code = processes.run()
  const latest = (name: string): ToldProcess => started.get(name)?.at(-1) as ToldProcess
  const count = (name: string): number => started.get(name)?.length ?? 0
  return { processes, code, latest, count, written: () => String(out.read() ?? '') }
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

describe('JobProcesses', () => {
  it('starts again what was killed or crashed, as often as its strategy allows, and nothing else (I1)', async () => {
    const { latest, count, code, written } = begin(['a', 'b'], { attempts: 2 })
    latest('a').die('SIGKILL')
    await settled()
    latest('a').exit(134)
    await settled()
    expect([count('a'), count('b')]).toEqual([3, 1])
    latest('a').die('SIGSEGV')
    await settled()
    expect(count('a')).toBe(3)
    latest('b').exit(0)
    expect(await code).toBe(1)
    expect(written()).toBe(
      [
        'a | its process ended by SIGKILL; started again in 0ms',
        'a | its process ended by exit code 134; started again in 0ms',
        'a | its process ended by SIGSEGV; not started again',
        '',
      ].join('\n'),
    )
  })

  it.each([0, 1, 2])('takes exit code %i for a verdict', async (verdict) => {
    const { latest, count, code } = begin(['a'])
    latest('a').exit(verdict)
    expect(await code).toBe(verdict)
    expect(count('a')).toBe(1)
  })

  it('has the code of the first that failed (I3)', async () => {
    const { latest, code } = begin(['a', 'b', 'c'])
    latest('b').exit(2)
    await settled()
    latest('a').exit(1)
    latest('c').exit(0)
    expect(await code).toBe(2)
  })

  it('passes a signal on, and starts none from then on (I2)', async () => {
    const { processes, latest, count, code } = begin(['a', 'b', 'c'], { attempts: 9 })
    latest('c').die('SIGKILL')
    processes.signal('SIGTERM')
    await settled()
    expect([latest('a').signals, latest('b').signals, count('c')]).toEqual([['SIGTERM'], ['SIGTERM'], 1])
    latest('a').exit(0)
    // It was only starting: it had no handler yet.
    latest('b').die('SIGTERM')
    await settled()
    expect([count('a'), count('b')]).toEqual([1, 1])
    expect(await code).toBe(1)
  })

  it('ends with 0 when all were stopped, also one that was only starting', async () => {
    const { processes, latest, code } = begin(['a', 'b'])
    processes.signal('SIGINT')
    latest('a').exit(0)
    latest('b').die('SIGINT')
    expect(await code).toBe(0)
  })

  it('writes whole lines behind names, and as they are where they say themselves whose they are', async () => {
    const { latest, written, code } = begin(['a', 'long'])
    latest('a').stdout.write('one\ntw')
    latest('long').stdout.write('uno\n')
    await settled()
    latest('a').stdout.write('o\nthree')
    await settled()
    latest('a').exit(0)
    latest('long').exit(0)
    await code
    expect(written()).toBe('a    | one\nlong | uno\na    | two\na    | three\n')
    const plain = begin(['a'], { plain: true })
    plain.latest('a').stderr.write('{"job":"a"}\n')
    await settled()
    plain.latest('a').die('SIGKILL')
    await settled()
    plain.latest('a').exit(0)
    await plain.code
    const [line, note] = plain.written().split('\n')
    expect([line, JSON.parse(note ?? '')]).toEqual([
      '{"job":"a"}',
      expect.objectContaining({
        job: 'a',
        type: 'note',
        message: 'its process ended by SIGKILL; started again in 0ms',
      }),
    ])
  })
})
