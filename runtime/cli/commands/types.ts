import { readdirSync, writeFileSync } from 'node:fs'
import type { GenerateTypes } from '../../../src/contract/generate-types.ts'
import { MillraceError, reasonOf } from '../../../src/errors.ts'
import { nearest } from '../../../src/util/nearest.ts'
import { type CommandFunction, EXIT, type Terminal } from '../command.ts'
import { type Arguments, misuse, pairsOf } from '../parse-arguments.ts'

/** Schemes that another connector answers. */
const ALIASES: Readonly<Record<string, string>> = { mariadb: 'mysql' }

/** `millrace types URL TABLE… [--out FILE]`: a TypeScript file of row types. */
export const typesCommand: CommandFunction = async (args, terminal) => {
  const [url = '', ...tables] = args.positionals
  const scheme = url.slice(0, Math.max(0, url.indexOf('://')))
  const options = Object.fromEntries(pairsOf(args, 'option'))
  const generate = await generatorOf(scheme)
  const text = await generate({ url, password: passwordOf(url, args, terminal), tables, options })
  const file = `${header(url, tables, options)}\n${text}`
  const out = args.values.get('out')
  if (out === undefined) terminal.stdout.write(file)
  else writeTo(out, file)
  return EXIT.done
}

/**
 * What the connector of a scheme offers. The one place where the machine reaches for a connector: by a name that the user gave and the
 * package's own door, so that no part of it is needed to build or run a job, and none but the one asked for is loaded.
 */
async function generatorOf(scheme: string): Promise<GenerateTypes> {
  const known = schemes()
  const name = ALIASES[scheme] ?? scheme
  if (!/^[a-z][a-z0-9]*$/.test(name) || !known.includes(name)) {
    const meant = nearest(scheme, [...known, ...Object.keys(ALIASES)])
    const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`
    throw misuse(
      'URL',
      `types are made of ${[...known, ...Object.keys(ALIASES)].join(', ')}; "${scheme}" is none of them${hint}`,
    )
  }
  const door = `millrace/connectors/${name}`
  // import: which connector it is, is known only now
  const connector = (await import(door)) as { readonly generateTypes: GenerateTypes }
  return connector.generateTypes
}

/** Connectors that have such a file. */
function schemes(): string[] {
  const folder = new URL('../../../src/connectors/', import.meta.url)
  const hasGenerator = (name: string): boolean =>
    readdirSync(new URL(`${name}/`, folder)).some((file) => /^generate-types\.[jt]s$/.test(file))
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && hasGenerator(entry.name))
    .map(({ name }) => name)
}

/** From the variable that was named, else from MILLRACE_PASSWORD unless the URL has one. */
function passwordOf(url: string, args: Arguments, { env }: Terminal): string | undefined {
  const named = args.values.get('password-env')
  const inUrl = URL.canParse(url) && new URL(url).password !== ''
  if (named === undefined) return inUrl ? undefined : env.MILLRACE_PASSWORD
  return env[named] ?? missingVariable(named)
}

function missingVariable(name: string): never {
  throw misuse('--password-env', `environment variable ${name} is not set`)
}

/** Says how the file was made, but no password. */
function header(url: string, tables: readonly string[], options: Readonly<Record<string, string>>): string {
  const place = new URL(url)
  place.password = ''
  const flags = Object.entries(options).map(([key, value]) => `--option ${key}=${value}`)
  const words = ['millrace types', place.href, ...tables, ...flags].map((word) => word.replaceAll(/\s+/g, ' '))
  return `// Made by: ${words.join(' ')}\n// Make it again rather than change it.\n`
}

function writeTo(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (error) {
    throw new MillraceError('IO', { action: 'write', path, reason: reasonOf(error) }, error)
  }
}
