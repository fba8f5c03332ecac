// What the house checks look at: every file of the repository as text, and its parsed form on demand.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Path from the top folder, with `/` -> the file's text. A check is a pure function of this. */
export type Files = ReadonlyMap<string, string>

/** One thing that is not as agreed: where, what, and how to mend it. */
export interface Offence {
  readonly file: string
  readonly line: number
  readonly what: string
  readonly mend: string
}

/** `file:line: what (mend)`: one line for a person. */
export function describeOffence({ file, line, what, mend }: Offence): string {
  return `${file}:${line}: ${what} — ${mend}`
}

/** The line (from 1) of an offset in a text. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1
  return line
}

/** Offences at every match of a pattern in a text. */
export function offencesAt(file: string, text: string, pattern: RegExp, what: string, mend: string): Offence[] {
  return [...text.matchAll(pattern)].map((match) => ({
    file,
    line: lineAt(text, match.index),
    what: `${what}: ${match[0].trim()}`,
    mend,
  }))
}

/** Reads the repository, without what .gitignore names and without git's own folder. */
export function readTree(root: string): Files {
  const ignored = ignoreRules(readFileSync(join(root, '.gitignore'), 'utf8'))
  const files = new Map<string, string>()
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.name === '.git' || ignored(entry.name, entry.isDirectory())) continue
      if (entry.isDirectory()) visit(path)
      else if (entry.isFile()) files.set(path, readFileSync(join(root, path), 'utf8'))
    }
  }
  visit('')
  return files
}

/** The two forms of .gitignore lines in use here: `name/` for a folder anywhere and `*.ending`, or a plain name. */
function ignoreRules(gitignore: string): (name: string, isFolder: boolean) => boolean {
  const rules = gitignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return (name, isFolder) =>
    rules.some((rule) => {
      if (rule.endsWith('/')) return isFolder && name === rule.slice(0, -1)
      return rule.startsWith('*') ? name.endsWith(rule.slice(1)) : name === rule
    })
}
