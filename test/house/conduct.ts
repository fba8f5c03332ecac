// What no source file may do, each with the reason why in its mend.

import {
  commentsNear,
  isNode,
  modulesOf,
  type SourceModule,
  type SyntaxNode,
  stringValue,
  visitNodes,
} from './source-module.ts'
import { type Files, lineAt, type Offence } from './source-tree.ts'

/** What is wrong with a node: [what, how to mend it]. */
type Verdict = readonly [what: string, mend: string] | undefined
type Rule = (node: SyntaxNode, module: SourceModule) => Verdict

/** any without a reason, console, eval, imports that nobody sees, unchecked certificates, focused or skipped tests, silenced compiler errors. */
export function checkConduct(files: Files): Offence[] {
  return [...modulesOf(files).values()].flatMap((module) => [...checkNodes(module), ...checkComments(module)])
}

/** Default exports outside jobs/ and configuration, and `export *` anywhere. */
export function checkExportForms(files: Files): Offence[] {
  return [...modulesOf(files).values()].flatMap(({ file, exports }) =>
    exports.flatMap(({ kind, line }): Offence[] => {
      if (kind === 'star')
        return [{ file, line, what: 'export *', mend: 'list the names: a door shows what it lets out' }]
      if (kind !== 'default' || /^jobs\/|\.config\.ts$/.test(file) || isJobFixture(file) || PACKAGED_JOB.test(file))
        return []
      return [{ file, line, what: 'default export', mend: 'export it by name; only a job file has a default export' }]
    }),
  )
}

/** A job that a test or benchmark hands to run-job: a file must export it by default. */
function isJobFixture(file: string): boolean {
  return /^(test|benchmarks)\/(.*\/)?((jobs|fixtures)\/|[^/]*-job\.ts$)/.test(file)
}

/** Jobs that a command of ours runs (runtime/cli/commands/relay.ts): workers import them as any job, by default export. */
const PACKAGED_JOB = /^src\/relay\/agent\/(send|receive)-job\.ts$/

function checkNodes(module: SourceModule): Offence[] {
  const offences: Offence[] = []
  visitNodes(module.root, (node) => {
    for (const rule of RULES) {
      const verdict = rule(node, module)
      if (verdict === undefined) continue
      offences.push({ file: module.file, line: lineAt(module.text, node.start), what: verdict[0], mend: verdict[1] })
    }
  })
  return offences
}

const RULES: readonly Rule[] = [
  anyWithoutReason,
  consoleOutsideCli,
  codeFromData,
  unseenImport,
  uncheckedCertificate,
  restrictedTest,
]

function anyWithoutReason(node: SyntaxNode, module: SourceModule): Verdict {
  if (node.type !== 'TSAnyKeyword') return undefined
  const near = commentsNear(module, lineAt(module.text, node.start))
  if (/\bany: \S{3,}|noExplicitAny: \S{3,}/.test(near)) return undefined
  return ['any', 'use unknown, or say why on the line above: // any: …']
}

function consoleOutsideCli(node: SyntaxNode, { file }: SourceModule): Verdict {
  if (node.type !== 'MemberExpression' || !isNamed(node.object, 'console') || file.startsWith('runtime/cli/'))
    return undefined
  return ['console', 'log through RuntimeContext.logger; in tests and benchmarks write to process.stdout']
}

function codeFromData(node: SyntaxNode): Verdict {
  const calls = node.type === 'CallExpression' || node.type === 'NewExpression'
  if (!calls || !(isNamed(node.callee, 'eval') || isNamed(node.callee, 'Function'))) return undefined
  return ['code made from data', 'pass a function; Millrace never compiles text']
}

/** The import table judges names that are written down; of others it must be said why they are not. */
function unseenImport(node: SyntaxNode, module: SourceModule): Verdict {
  if (node.type !== 'ImportExpression' || stringValue(node.source) !== undefined) return undefined
  if (!/^(src|runtime)\//.test(module.file)) return undefined
  if (/\bimport: \S{3,}/.test(commentsNear(module, lineAt(module.text, node.start)))) return undefined
  return ['import() of what no one can see', 'name the module, or say why on the line above: // import: …']
}

function uncheckedCertificate(node: SyntaxNode): Verdict {
  if (node.type !== 'Property' || !isNode(node.value) || node.value.value !== false) return undefined
  if (!isNamed(node.key, 'rejectUnauthorized') && stringValue(node.key) !== 'rejectUnauthorized') return undefined
  return ['rejectUnauthorized: false', 'take the authority to trust as an option (ca)']
}

const TEST_CALLS = new Set(['describe', 'it', 'test', 'suite', 'bench'])

function restrictedTest(node: SyntaxNode, module: SourceModule): Verdict {
  if (node.type !== 'MemberExpression' || !isNode(node.property)) return undefined
  const how = String(node.property.name ?? '')
  const base = rootOf(node.object)
  if (!TEST_CALLS.has(base ?? '') || !/^(only|skip|skipIf|runIf|todo|fails)$/.test(how)) return undefined
  if (how === 'only' || how === 'todo') return [`.${how}`, 'every test runs: take it out']
  if (/\bskip: \S{3,}/.test(commentsNear(module, lineAt(module.text, node.end)))) return undefined
  return [`.${how} without a reason`, 'say why on the line above: // skip: …']
}

function checkComments({ file, text, comments }: SourceModule): Offence[] {
  return comments.flatMap((comment): Offence[] => {
    const line = lineAt(text, comment.start)
    if (/@ts-(ignore|nocheck)/.test(comment.value)) {
      return [
        {
          file,
          line,
          what: comment.value.trim(),
          mend: 'mend the type; in a type test, @ts-expect-error with a reason',
        },
      ]
    }
    if (/@ts-expect-error\W*$/.test(comment.value)) {
      return [
        { file, line, what: '@ts-expect-error without a reason', mend: 'say after it which error is expected and why' },
      ]
    }
    if (/\b(TODO|FIXME|XXX|HACK)\b/.test(comment.value)) {
      return [{ file, line, what: comment.value.trim(), mend: 'do it now, or say in the README what is not done' }]
    }
    return []
  })
}

/** The name a chain of members and calls begins with: `it` of it.each([…]).skip. */
function rootOf(node: unknown): string | undefined {
  let at: unknown = node
  while (isNode(at) && at.type !== 'Identifier') at = at.object ?? at.callee ?? at.tag
  return isNode(at) ? String(at.name) : undefined
}

function isNamed(node: unknown, name: string): boolean {
  return isNode(node) && node.type === 'Identifier' && node.name === name
}
