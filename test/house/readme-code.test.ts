// Every ```ts block of every page compiles as it stands, as a module of a user who has Millrace installed.

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { type Files, lineAt, readTree } from './source-tree.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Block {
  readonly page: string
  readonly line: number
  readonly code: string
}

function codeBlocks(files: Files): Block[] {
  return [...files].flatMap(([page, text]) => {
    if (!page.endsWith('.md')) return []
    const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
    return blocks.map((match) => ({ page, line: lineAt(text, match.index), code: match[1] ?? '' }))
  })
}

/** A folder with one file for each block, and a tsconfig that finds the package by its name. */
function writeProject(folder: string, blocks: readonly Block[]): void {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  const compilerOptions = {
    noUnusedLocals: false,
    noUnusedParameters: false,
    typeRoots: ['./node_modules/@types'],
    paths: {
      millrace: [join(root, 'src/index.ts')],
      'millrace/runtime': [join(root, 'runtime/index.ts')],
      'millrace/testing': [join(root, 'runtime/testing/index.ts')],
      'millrace/connectors/*': [join(root, 'src/connectors/*/index.ts')],
    },
  }
  const tsconfig = { extends: join(root, 'tsconfig.json'), compilerOptions, include: ['pages'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  mkdirSync(join(folder, 'pages'))
  for (const [i, { code }] of blocks.entries())
    writeFileSync(join(folder, 'pages', `block-${i}.ts`), `${code}\nexport {}\n`)
}

/** The compiler's complaints about the blocks, told by page and line. */
async function complaints(blocks: readonly Block[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-pages-'))
  try {
    writeProject(folder, blocks)
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const run = promisify(execFile)(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { cwd: folder })
    const output = await run.then(
      () => '',
      (error: { stdout?: string; stderr?: string }) => `${error.stdout}${error.stderr}`,
    )
    return [...output.matchAll(/block-(\d+)\.ts\((\d+),\d+\): (.*)/g)].map(([, block, line, message]) => {
      const { page, line: start } = blocks[Number(block)] ?? { page: '?', line: 0 }
      return `${page}:${start + Number(line)}: ${message}`
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('a planted mistake is found, with its page and line', async () => {
  const page = 'text\n```ts\nexport const a = 1\nexport const b: string = a\n```\n'
  const found = await complaints(codeBlocks(new Map([['x/README.md', page]])))
  expect(found).toEqual(["x/README.md:4: error TS2322: Type 'number' is not assignable to type 'string'."])
})

test('the code of every page compiles', async () => {
  expect(await complaints(codeBlocks(readTree(root)))).toEqual([])
})
