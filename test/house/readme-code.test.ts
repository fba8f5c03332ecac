// Every ```ts block of every page compiles as it stands, as a module of a user who has Millrace installed, and every job in one can be built.

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
      'millrace/sync': [join(root, 'src/sync/index.ts')],
      'millrace/relay': [join(root, 'src/relay/index.ts')],
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

/** Calls with a project of the blocks that is gone afterwards. */
async function inProject<T>(blocks: readonly Block[], work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-pages-'))
  try {
    writeProject(folder, blocks)
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The compiler's complaints about the blocks, told by page and line. */
function complaints(blocks: readonly Block[]): Promise<string[]> {
  return inProject(blocks, async (folder) => {
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
  })
}

/** Why jobs of the blocks cannot be built, told by page and line. They find the variables of the environment that they name. */
function refusals(blocks: readonly Block[]): Promise<string[]> {
  return inProject(blocks, async (folder) => {
    const jobs = [...blocks.entries()].filter(([, { code }]) => code.includes('export default job('))
    const files = new Map(jobs.map(([i, block]) => [join(folder, 'pages', `block-${i}.ts`), block]))
    const named = jobs.flatMap(([, { code }]) => [...code.matchAll(/Env: '(\w+)'/g)].map(([, name]) => [name, 'x']))
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', join(root, 'test/house/build-jobs-main.ts'), ...files.keys()],
      { cwd: folder, env: { ...process.env, ...Object.fromEntries(named) } },
    )
    const lines = stdout.split('\n').filter((line) => line !== '')
    return lines.map((line) => {
      const { file, reason } = JSON.parse(line) as { file: string; reason: string }
      const block = files.get(file)
      return `${block?.page}:${block?.line}: ${reason}`
    })
  })
}

test('a planted mistake is found, with its page and line', async () => {
  const page = 'text\n```ts\nexport const a = 1\nexport const b: string = a\n```\n'
  const found = await complaints(codeBlocks(new Map([['x/README.md', page]])))
  expect(found).toEqual(["x/README.md:4: error TS2322: Type 'number' is not assignable to type 'string'."])
})

test('the code of every page compiles', async () => {
  expect(await complaints(codeBlocks(readTree(root)))).toEqual([])
})

test('a planted job that a run would refuse is found; one that asks for settings is given some', async () => {
  const job = (stream: string): string => `text
\`\`\`ts
import { fromArray, job } from 'millrace'
import { print } from 'millrace/connectors/print'

export default job('planted', (flow, settings) => {
  const label = settings.string('label') + settings.number('count')
  flow.from('numbers', fromArray([1])).map('twice', (n) => label + n)${stream}.to('out', print())
})
\`\`\`
`
  const pages = new Map([
    ['good/README.md', job('')],
    ['bad/README.md', job(".filter('twice', () => true)")],
  ])
  expect(await refusals(codeBlocks(pages))).toEqual([
    'bad/README.md:2: Job "planted" names two nodes "twice": give each node a name of its own, state and metrics are kept under it.',
  ])
})

test('every job of every page can be built', async () => {
  expect(await refusals(codeBlocks(readTree(root)))).toEqual([])
})
