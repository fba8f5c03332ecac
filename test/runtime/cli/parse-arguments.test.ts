import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../../../runtime/cli/command-table.ts'
import { commandHelp, overviewHelp, runHelp } from '../../../runtime/cli/help.ts'
import { pairsOf, parseArguments } from '../../../runtime/cli/parse-arguments.ts'
import { type OptionRow, RUN_OPTIONS } from '../../../runtime/config/options.ts'

const parse = (...args: string[]) => parseArguments(args, RUN_OPTIONS)

/** A value the option takes, as one argument. */
function example({ name, kind, choices }: OptionRow): string {
  if (kind === 'switch' || kind === 'optional') return `--${name}`
  return `--${name}=${kind === 'pair' ? 'a=b' : (choices?.[0] ?? '1')}`
}

describe('help', () => {
  it.each(RUN_OPTIONS.map((row) => row.name))('--%s is in run-job --help and parses', (name) => {
    const row = RUN_OPTIONS.find((other) => other.name === name) as OptionRow
    expect(runHelp('run-job')).toMatch(new RegExp(`--${name}\\b`))
    const { values, repeated } = parse(example(row), 'job.ts')
    expect(values.has(name) || repeated.has(name)).toBe(true)
  })

  it.each(Object.entries(COMMANDS))('millrace %s is in millrace help and has its own', (name, command) => {
    expect(overviewHelp()).toContain(`  ${name} ${command.arguments}`)
    const help = commandHelp(name, command)
    for (const option of command.options) expect(help).toContain(`--${option.name}`)
  })

  it('fits a hundred columns', () => {
    const texts = [overviewHelp(), ...Object.entries(COMMANDS).map(([name, command]) => commandHelp(name, command))]
    for (const line of texts.join('\n').split('\n')) expect(line.length, line).toBeLessThanOrEqual(100)
  })
})

describe('arguments', () => {
  it('flags and files come in any order', () => {
    const args = parse('--set', 'a=1', 'job.ts', '--fresh', '--set=b=2=3', '-v')
    expect(args.positionals).toEqual(['job.ts'])
    expect(pairsOf(args, 'set')).toEqual(
      new Map([
        ['a', '1'],
        ['b', '2=3'],
      ]),
    )
    expect(args.values).toEqual(
      new Map([
        ['fresh', 'true'],
        ['verbose', 'true'],
      ]),
    )
  })

  it('the last of several values wins; lists gather', () => {
    const args = parse('--workers', '1', '--workers', '2', '--allow-repeat', 'a', '--allow-repeat', 'b')
    expect(args.values.get('workers')).toBe('2')
    expect(args.repeated.get('allow-repeat')).toEqual(['a', 'b'])
  })

  it('--explain takes its format behind "=" only, so that a file may follow', () => {
    expect(parse('--explain', 'job.ts').values.get('explain')).toBe('')
    expect(parse('--explain', 'job.ts').positionals).toEqual(['job.ts'])
    expect(parse('--explain=dot', 'job.ts').values.get('explain')).toBe('dot')
  })

  it('--from-checkpoint without a value is noted, whatever follows', () => {
    expect(parse('job.ts', '--from-checkpoint').bare.has('from-checkpoint')).toBe(true)
    const args = parse('--from-checkpoint', '--data-dir', 'there', 'job.ts')
    expect(args).toMatchObject({ positionals: ['job.ts'], bare: new Set(['from-checkpoint']) })
    expect(args.values.get('data-dir')).toBe('there')
    expect(parse('--from-checkpoint', '7', 'job.ts').values.get('from-checkpoint')).toBe('7')
  })

  it.each([
    [
      ['--paralelism', '2'],
      'Option --paralelism from the command line: there is no such flag (did you mean --parallelism?).',
    ],
    [['--zebra'], 'there is no such flag (see --help)'],
    [['-z'], 'there is no such flag'],
    [['--data-dir'], '--data-dir from the command line: needs a value: --data-dir DIR'],
    [['--data-dir', '--fresh'], 'needs a value'],
    [['--fresh=yes'], 'takes no value, got "yes"'],
    [['--explain=svg'], 'expected one of text, dot, mermaid, json, got "svg"'],
    [['--restart', 'never'], 'expected one of exponential-delay'],
  ])('%j is refused', (args, message) => expect(() => parse(...args)).toThrow(message))

  it('a setting alone means yes', () => {
    expect(pairsOf(parse('--set', 'fast'), 'set')).toEqual(new Map([['fast', '']]))
  })

  it('a pair without "=" is refused', () => {
    expect(() => pairsOf(parse('--map', 'orders'), 'map')).toThrow('expected two parts joined by "=", got "orders"')
    expect(() => pairsOf(parse('--map', '=new'), 'map')).toThrow('--map')
  })

  it('whatever is typed, it parses or is refused with CONFIG_INVALID', () => {
    const word = fc.oneof(fc.constantFrom(...RUN_OPTIONS.map(({ name }) => `--${name}`), '--', '-', '-q'), fc.string())
    fc.assert(
      fc.property(fc.array(word), (args) => {
        try {
          parse(...args)
        } catch (error) {
          expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
        }
      }),
    )
  })
})
