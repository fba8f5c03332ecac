import { isMillraceError } from '../../src/errors.ts'
import { nearest } from '../../src/util/nearest.ts'
import { EXIT, type Terminal } from './command.ts'
import { COMMANDS, type Command } from './command-table.ts'
import { exitCodeOf } from './exit-code.ts'
import { type Arguments, misuse, parseArguments } from './parse-arguments.ts'

/** Runs one command line. `bin` is what the user typed: run-job is `millrace run`. Never rejects. */
export async function main(bin: 'run-job' | 'millrace', args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return bin === 'run-job' ? await runNamed('run', args, terminal, bin) : await dispatch(args, terminal)
  } catch (error) {
    terminal.stderr.write(await errorText(error))
    return exitCodeOf(isMillraceError(error) ? error.code : undefined)
  }
}

async function dispatch(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = commandWords(args)
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    return await help(commandWords(rest)[0], terminal)
  }
  if (name === '--version') return await printVersion(terminal)
  return await runNamed(name, rest, terminal, 'millrace')
}

/** `savepoint inspect` is one command of two words. */
function commandWords([first, second, ...rest]: readonly string[]): string[] {
  const both = `${first} ${second}`
  if (first !== undefined && Object.hasOwn(COMMANDS, both)) return [both, ...rest]
  return [first, second, ...rest].filter((word) => word !== undefined)
}

async function runNamed(name: string, args: readonly string[], terminal: Terminal, bin: string): Promise<number> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) throw unknownCommand(name)
  const parsed = parseArguments(args, command.options)
  if (parsed.values.get('help') === 'true') {
    const help = await import('./help.ts')
    terminal.stdout.write(bin === 'run-job' ? help.runHelp(bin) : help.commandHelp(name, command))
    return EXIT.done
  }
  if (parsed.values.get('version') === 'true') return await printVersion(terminal)
  checkCount(name, command, parsed, bin)
  const run = await command.load()
  return await run(parsed, terminal)
}

async function help(name: string | undefined, terminal: Terminal): Promise<number> {
  const text = await import('./help.ts')
  const command = name === undefined || !Object.hasOwn(COMMANDS, name) ? undefined : COMMANDS[name]
  if (name !== undefined && command === undefined) throw unknownCommand(name)
  terminal.stdout.write(
    name === undefined || command === undefined ? text.overviewHelp() : text.commandHelp(name, command),
  )
  return EXIT.done
}

function checkCount(name: string, command: Command, { positionals, bare }: Arguments, bin: string): void {
  const [least, most] = command.takes
  const typed = bin === 'run-job' ? 'run-job' : `millrace ${name}`
  if (positionals.length > most) {
    throw misuse(`"${positionals[most]}"`, `it is one argument too many: ${typed} ${command.arguments}`)
  }
  // `run-job --from-checkpoint` alone: the run command says that the list needs the file.
  if (positionals.length < least && bare.size === 0) {
    throw misuse(command.arguments, `it is missing: ${typed} ${command.arguments} (${typed} --help tells more)`)
  }
}

function unknownCommand(name: string): Error {
  const meant = nearest(name, [...Object.keys(COMMANDS), 'help'])
  const looksLikeFile = /\.[cm]?[jt]s$/.test(name)
  const hint = looksLikeFile
    ? `to run a file: run-job ${name}`
    : meant === undefined
      ? 'see millrace help'
      : `did you mean ${meant}?`
  return misuse(name, `there is no such command (${hint})`)
}

async function printVersion(terminal: Terminal): Promise<number> {
  const { packageVersion } = await import('./package-version.ts')
  terminal.stdout.write(`millrace ${packageVersion()}\n`)
  return EXIT.done
}

async function errorText(error: unknown): Promise<string> {
  const { thrownText } = await import('./failure-text.ts')
  return thrownText(error)
}
