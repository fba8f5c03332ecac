// One TypeScript file as the checks see it: its syntax tree, what it imports, what it exports.

import { type Comment, parseSync } from 'oxc-parser'
import { type Files, lineAt } from './source-tree.ts'

/** A node of the syntax tree: what every kind has in common, its other fields by name. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

/** One reference to another module: import, export … from, import(), an import type, or a path in a string. */
export interface ModuleReference {
  readonly specifier: string
  readonly line: number
  readonly kind: 'import' | 'path'
  /** Names taken; undefined when all may be (a namespace, import(), a path). */
  readonly names: readonly string[] | undefined
}

export interface ModuleExport {
  readonly name: string
  readonly line: number
  readonly kind: 'value' | 'type' | 'default' | 'star'
}

export interface SourceModule {
  readonly file: string
  readonly text: string
  readonly root: SyntaxNode
  readonly comments: readonly Comment[]
  readonly references: readonly ModuleReference[]
  readonly exports: readonly ModuleExport[]
}

const parsed = new WeakMap<Files, ReadonlyMap<string, SourceModule>>()

/** Every .ts file of the tree, parsed once. */
export function modulesOf(files: Files): ReadonlyMap<string, SourceModule> {
  const known = parsed.get(files)
  if (known !== undefined) return known
  const modules = new Map<string, SourceModule>()
  for (const [file, text] of files) if (file.endsWith('.ts')) modules.set(file, parseModule(file, text))
  parsed.set(files, modules)
  return modules
}

/** Calls back for every node, parents first; `parent` is undefined for the root. */
export function visitNodes(
  node: SyntaxNode,
  visit: (node: SyntaxNode, parent: SyntaxNode | undefined) => void,
  parent?: SyntaxNode,
): void {
  visit(node, parent)
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visitNodes(child, visit, node)
  }
}

/** The text of a string literal, or of a template without holes. */
export function stringValue(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value
  if (node.type !== 'TemplateLiteral') return undefined
  const [quasi, ...rest] = node.quasis as { value: { cooked: string } }[]
  return rest.length === 0 ? quasi?.value.cooked : undefined
}

/** The comments on the line of a node and on the lines just above it. */
export function commentsNear(module: SourceModule, line: number): string {
  const near = module.comments.filter((comment) => {
    const last = lineAt(module.text, comment.end)
    return last === line || last === line - 1
  })
  return near.map((comment) => comment.value).join('\n')
}

/** Type guard for what a field of a node holds. */
export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

function parseModule(file: string, text: string): SourceModule {
  const result = parseSync(file, text)
  const root = result.program as unknown as SyntaxNode
  const references: ModuleReference[] = []
  const note = (
    specifier: string | undefined,
    at: number,
    kind: 'import' | 'path',
    names?: readonly string[],
  ): void => {
    if (specifier !== undefined) references.push({ specifier, line: lineAt(text, at), kind, names })
  }
  for (const one of result.module.staticImports) {
    const names = one.entries.map(
      (entry) => entry.importName.name ?? (entry.importName.kind === 'Default' ? 'default' : '*'),
    )
    note(one.moduleRequest.value, one.start, 'import', names.includes('*') ? undefined : names)
  }
  for (const one of result.module.staticExports) {
    for (const { moduleRequest, importName } of one.entries) {
      note(moduleRequest?.value, one.start, 'import', importName.name === null ? undefined : [importName.name])
    }
  }
  visitNodes(root, (node, parent) => {
    if (node.type === 'ImportExpression' || node.type === 'TSImportType') {
      note(stringValue(node.source), node.start, 'import')
    } else if (
      /^\.{1,2}\/.*\.ts$/.test(stringValue(node) ?? '') &&
      !/^(Import|Export|TSImport)/.test(parent?.type ?? '')
    ) {
      note(stringValue(node), node.start, 'path')
    }
  })
  return { file, text, root, comments: result.comments, references, exports: exportsOf(result, text) }
}

function exportsOf(result: ReturnType<typeof parseSync>, text: string): ModuleExport[] {
  return result.module.staticExports.flatMap((one) =>
    one.entries.map(({ exportName, isType }): ModuleExport => {
      const line = lineAt(text, one.start)
      if (exportName.kind === 'Default') return { name: 'default', line, kind: 'default' }
      if (exportName.name === null) return { name: '*', line, kind: 'star' }
      return { name: exportName.name, line, kind: isType ? 'type' : 'value' }
    }),
  )
}
