import { describe, expect, it } from 'vitest'
import { type Config, loadConfig } from '../../../runtime/config/load-config.ts'
import { configKeys, RUN_OPTIONS } from '../../../runtime/config/options.ts'
import { layerSchema } from '../../../runtime/config/schema.ts'

interface Said {
  readonly flags?: Readonly<Record<string, string>>
  readonly set?: readonly (readonly [string, string])[]
  readonly env?: Readonly<Record<string, string>>
  readonly file?: string | object
  readonly named?: string
}

function load({ flags = {}, set = [], env = {}, file, named }: Said): Config {
  const readFile = (): string => {
    if (file === undefined) throw Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' })
    return typeof file === 'string' ? file : JSON.stringify(file)
  }
  return loadConfig({ flags: new Map(Object.entries(flags)), settings: new Map(set), env, file: named, readFile })
}

function refusal(said: Said): string {
  try {
    load(said)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('nothing was refused')
}

describe('precedence: flag over environment over file', () => {
  const sources = {
    flag: { flags: { parallelism: '3' } },
    env: { env: { MILLRACE_PARALLELISM: '2' } },
    file: { file: { parallelism: 1 } },
  }
  it.each([
    [['flag', 'env', 'file'], 3],
    [['flag', 'env'], 3],
    [['flag', 'file'], 3],
    [['flag'], 3],
    [['env', 'file'], 2],
    [['env'], 2],
    [['file'], 1],
    [[], undefined],
  ] as const)('said by %j', (names, expected) => {
    const said = Object.assign({}, ...names.map((name) => sources[name])) as Said
    expect(load(said).parallelism).toBe(expected)
  })

  it('holds key by key, also inside checkpoint and settings', () => {
    const config = load({
      flags: { 'checkpoint.interval': '1s' },
      set: [['a', 'flag']],
      env: {
        MILLRACE_CHECKPOINT_INTERVAL: '2s',
        MILLRACE_CHECKPOINT_RETAIN: '5',
        MILLRACE_SET_b: 'env',
        MILLRACE_SET_a: 'env',
      },
      file: { checkpoint: { interval: '3s', retain: 9, timeout: '1m' }, settings: { b: 'file', c: 3, d: true } },
    })
    expect(config.checkpoint).toEqual({ intervalMs: 1000, retain: 5, timeoutMs: 60_000 })
    expect(config.settings).toEqual({ a: 'flag', b: 'env', c: '3', d: 'true' })
  })

  it('a switch said in the file can be taken back by a flag', () => {
    expect(load({ flags: { quiet: 'false' }, file: { quiet: true } }).quiet).toBe(false)
  })
})

describe('values', () => {
  it('are in the units of the machine', () => {
    const config = load({ file: { stateCache: '1GiB', heartbeat: '3s', checkpoint: { expire: '7d', minPause: '0s' } } })
    expect(config).toMatchObject({ stateCacheBytes: 2 ** 30, heartbeatMs: 3000 })
    expect(config.checkpoint).toEqual({ expireMs: 604_800_000, minPauseMs: 0 })
  })

  it('that nobody said are absent, so that the machine keeps its defaults', () => {
    expect(load({})).toEqual({
      dataDir: '.millrace',
      settings: {},
      batch: false,
      inProcess: false,
      json: false,
      quiet: false,
      verbose: false,
    })
  })

  it.each([
    [{ flags: { 'checkpoint.interval': '10x' } }, '--checkpoint-interval', 'the command line', 'a duration'],
    [{ env: { MILLRACE_STATE_CACHE: '12' } }, 'MILLRACE_STATE_CACHE', 'the environment', 'a size'],
    [{ file: { checkpoint: { retain: 0 } } }, 'checkpoint.retain', 'millrace.config.json', '1 to 1000'],
    [{ file: { checkpoint: 3 } }, 'checkpoint', 'millrace.config.json', 'object'],
    [{ file: { settings: { a: [1] } } }, 'settings.a', 'millrace.config.json', 'expected text'],
    [{ flags: { parallelism: '1.5' } }, '--parallelism', 'the command line', 'whole number'],
    [{ flags: { parallelism: 'two' } }, '--parallelism', 'the command line', 'got "two"'],
    [{ env: { MILLRACE_QUIET: 'perhaps' } }, 'MILLRACE_QUIET', 'the environment', 'true or false'],
    [{ file: '{', named: 'my.json' }, '(the whole file)', 'my.json', 'is not JSON'],
    [{ file: '[]' }, '(the whole file)', 'millrace.config.json', 'expected an object'],
    [{ named: 'gone.json' }, '--config', 'the command line', 'cannot read gone.json'],
  ])('refused: %j', (said, path, origin, reason) => {
    const message = refusal(said)
    expect(message).toContain(`Option ${path} from ${origin}: `)
    expect(message).toContain(reason)
  })
})

describe('unknown keys', () => {
  it.each([
    [{ file: { paralelism: 2 } }, 'did you mean parallelism?'],
    [{ file: { checkpoint: { intervall: '1s' } } }, 'did you mean checkpoint.interval?'],
    [{ file: { fresh: true } }, 'Option fresh from millrace.config.json: there is no such key'],
    [{ env: { MILLRACE_PARALELISM: '2' } }, 'did you mean MILLRACE_PARALLELISM?'],
  ])('%j: %s', (said, message) => expect(refusal(said)).toContain(message))

  it.each(['MILLRACE_FAILPOINT', 'MILLRACE_CI_IMAGE', 'MILLRACE_FULL', 'MILLRACE_TEST_REPORTS', 'OTHER'])(
    'in the environment are left alone when they resemble nothing of ours: %s',
    (name) => expect(() => load({ env: { [name]: 'x', MILLRACE_WORKERS: '' } })).not.toThrow(),
  )
})

describe('prototype pollution', () => {
  it.each<[Said]>([
    [{ file: '{"__proto__": {"polluted": 1}}' }],
    [{ file: '{"settings": {"__proto__": {"polluted": 1}}}' }],
    [{ file: '{"checkpoint": {"constructor": {"prototype": {"polluted": 1}}}}' }],
    [{ env: { MILLRACE_SET___proto__: 'x' } }],
    [{ set: [['__proto__', 'x']] }],
  ])('%j is refused and nothing is polluted', (said) => {
    expect(refusal(said)).toContain('cannot be')
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

describe('restart', () => {
  it.each([
    [{ strategy: 'none' }, { strategy: 'none' }],
    [
      { strategy: 'fixed-delay', attempts: 3, delay: '2s' },
      { strategy: 'fixed-delay', attempts: 3, delayMs: 2000 },
    ],
    [
      { attempts: 3, jitter: 0 },
      { strategy: 'exponential-delay', attempts: 3, jitter: 0 },
    ],
    [
      { strategy: 'failure-rate', failures: 2, interval: '1m', delay: '1s' },
      { strategy: 'failure-rate', failures: 2, intervalMs: 60_000, delayMs: 1000 },
    ],
  ])('%j', (restart, expected) => expect(load({ file: { restart } }).restart).toEqual(expected))

  it('a strategy named above drops the knobs set below', () => {
    const file = { restart: { strategy: 'fixed-delay', attempts: 3, delay: '1s' } }
    expect(load({ file, flags: { 'restart.strategy': 'none' } }).restart).toEqual({ strategy: 'none' })
    expect(load({ file, env: { MILLRACE_RESTART_DELAY: '5s' } }).restart).toMatchObject({ attempts: 3, delayMs: 5000 })
  })

  it('knobs that are missing or another strategy’s are refused where they were said', () => {
    expect(refusal({ file: { restart: { strategy: 'fixed-delay', delay: '1s' } } })).toContain(
      'also needs restart.attempts',
    )
    const message = refusal({ file: { restart: { strategy: 'none' } }, env: { MILLRACE_RESTART_ATTEMPTS: '3' } })
    expect(message).toContain('Option MILLRACE_RESTART_ATTEMPTS from the environment: strategy none takes nothing else')
  })
})

describe('the table of options', () => {
  it('has the keys that the schema has', () => {
    const shape = Object.entries(layerSchema.shape).flatMap(([key, schema]) => {
      const inner = (schema as unknown as { unwrap?: () => { shape?: object } }).unwrap?.().shape
      return inner === undefined ? [key] : Object.keys(inner).map((name) => `${key}.${name}`)
    })
    expect([...configKeys().keys()].sort()).toEqual(shape.sort())
  })

  it('has no two of one name, variable or letter', () => {
    for (const values of [
      RUN_OPTIONS.map(({ name }) => name),
      [...configKeys().values()],
      RUN_OPTIONS.flatMap(({ short }) => short ?? []),
    ]) {
      expect(new Set(values).size).toBe(values.length)
    }
  })
})
