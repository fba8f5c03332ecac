// How long a file and a function may be.

import { isNode, modulesOf, type SourceModule, type SyntaxNode, visitNodes } from './source-module.ts'
import { type Files, lineAt, type Offence } from './source-tree.ts'

export const FILE_LINES_MAX = 500
export const FUNCTION_LINES_MAX = 70

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])

/**
 * Files of more than 500 lines and functions of more than 70. A describe() of a test (or describeServers()) is a folder, not a function, and in test/types a
 * function is a list that only the compiler reads.
 */
export function checkSizes(files: Files): Offence[] {
  return [...modulesOf(files).values()].flatMap((module) => [...checkFile(module), ...checkFunctions(module)])
}

function checkFile({ file, text }: SourceModule): Offence[] {
  const lines = text.replace(/\n$/, '').split('\n').length
  if (lines <= FILE_LINES_MAX) return []
  const what = `${lines} lines; a file has at most ${FILE_LINES_MAX}`
  return [{ file, line: FILE_LINES_MAX + 1, what, mend: 'split it by idea; each file is named after its main export' }]
}

function checkFunctions({ file, text, root }: SourceModule): Offence[] {
  const offences: Offence[] = []
  visitNodes(root, (node, parent) => {
    if (!FUNCTIONS.has(node.type) || isDescribe(parent) || file.startsWith('test/types/')) return
    const line = lineAt(text, node.start)
    const lines = lineAt(text, node.end) - line + 1
    if (lines <= FUNCTION_LINES_MAX) return
    const what = `a function of ${lines} lines; at most ${FUNCTION_LINES_MAX}`
    offences.push({ file, line, what, mend: 'name its steps and make them functions' })
  })
  return offences
}

function isDescribe(parent: SyntaxNode | undefined): boolean {
  if (parent?.type !== 'CallExpression' || !isNode(parent.callee)) return false
  let callee: unknown = parent.callee
  while (isNode(callee) && callee.type !== 'Identifier') callee = callee.object ?? callee.callee
  return isNode(callee) && /^describe([A-Z]|$)/.test(String(callee.name))
}
