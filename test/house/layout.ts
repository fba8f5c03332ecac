// Names and places: the top level, file names, links between pages, and what must not be written in any file.

import { posix } from 'node:path'
import { type Files, lineAt, type Offence, offencesAt } from './source-tree.ts'

/** The top level, exactly. */
export const TOP_LEVEL = [
  '.ci',
  '.gitignore',
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'benchmarks',
  'biome.json',
  'jobs',
  'package-lock.json',
  'package.json',
  'runtime',
  'src',
  'test',
  'tsconfig.json',
  'vitest.config.ts',
]

/** Entries of the top level that are missing or too many, and folders of code without a README. */
export function checkTopLevel(files: Files): Offence[] {
  const found = new Set([...files.keys()].map((file) => file.split('/')[0] ?? ''))
  const offence = (file: string, what: string, mend: string): Offence => ({ file, line: 1, what, mend })
  const extra = [...found].filter((entry) => !TOP_LEVEL.includes(entry))
  const missing = TOP_LEVEL.filter((entry) => !found.has(entry))
  const pages = ['src', 'runtime', 'jobs', 'test', 'benchmarks'].map((folder) => `${folder}/README.md`)
  return [
    ...extra.map((entry) => offence(entry, 'not part of the top level', `it is exactly: ${TOP_LEVEL.join(' ')}`)),
    ...missing.map((entry) => offence(entry, 'missing from the top level', 'put it back')),
    ...pages.filter((page) => !files.has(page)).map((page) => offence(page, 'missing', 'say what lives there')),
  ]
}

const KEBAB = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/
const NAMED_BY_CUSTOM = new Set(['README.md', 'DESIGN.md', 'CHANGELOG.md', 'LICENSE'])

/** Files and folders that are not in kebab-case. */
export function checkNames(files: Files): Offence[] {
  return [...files.keys()].flatMap((file) => {
    const bad = file.split('/').find((part) => !KEBAB.test(part) && !NAMED_BY_CUSTOM.has(part))
    if (bad === undefined) return []
    return [
      { file, line: 1, what: `"${bad}" is not kebab-case`, mend: 'name it after its main export: record-batch.ts' },
    ]
  })
}

/** Absolute paths of one machine; spelt in pieces, so that this file does not offend. */
const MACHINE_PATH = new RegExp(`(?<![\\w.$}*-])/(${['work', 'root', 'tmp', 'home', 'Users'].join('|')})/[\\w.-]+`, 'g')
const REGISTRY = new RegExp(`(npm_config_|--)${'registry'}\\b|_${'authToken'}`, 'g')
const RESOLVED = /"resolved": "(?!https:\/\/registry\.npmjs\.org\/)[^"]+"/g

/** Machine paths and package registries in any file. */
export function checkMachineTraces(files: Files): Offence[] {
  return [...files].flatMap(([file, text]) => [
    ...offencesAt(
      file,
      text,
      MACHINE_PATH,
      'a path of one machine',
      'make it relative, or use os.tmpdir() and mkdtemp',
    ),
    ...offencesAt(file, text, REGISTRY, 'a package registry', 'leave it to the settings of whoever installs'),
    ...(file === 'package-lock.json'
      ? offencesAt(file, text, RESOLVED, 'a package registry', 'write the lockfile anew')
      : []),
  ])
}

/** Links in pages that lead to no file, or to no heading of it. */
export function checkLinks(files: Files): Offence[] {
  const folders = foldersOf(files)
  return [...files].flatMap(([file, text]) => (file.endsWith('.md') ? linksOf(file, text, files, folders) : []))
}

function linksOf(file: string, text: string, files: Files, folders: ReadonlySet<string>): Offence[] {
  const prose = withoutCode(text)
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match): Offence[] => {
    const link = match[1] ?? ''
    if (/^[a-z]+:/.test(link)) return []
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? file : posix.normalize(posix.join(posix.dirname(file), path)).replace(/\/$/, '')
    const line = lineAt(text, match.index)
    if (!files.has(target) && !folders.has(target)) {
      return [{ file, line, what: `the link ${link} leads nowhere`, mend: 'links are relative to the page' }]
    }
    if (anchor === undefined || headingsOf(files.get(target) ?? '').has(anchor)) return []
    return [{ file, line, what: `${target} has no heading #${anchor}`, mend: 'name a heading as GitHub spells it' }]
  })
}

/** The text with code blanked out (as long as before, so that lines stay right). */
function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```|`[^`\n]*`/gm, (code) => code.replace(/[^\n]/g, ' '))
}

function headingsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#{1,6} (.+)$/gm)].map((match) => match[1] ?? '')
  return new Set(
    headings.map((one) =>
      one
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

function foldersOf(files: Files): Set<string> {
  const folders = new Set(['.'])
  for (const file of files.keys()) {
    for (let at = posix.dirname(file); at !== '.'; at = posix.dirname(at)) folders.add(at)
  }
  return folders
}
