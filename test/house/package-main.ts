// npm run test:package: the package as a stranger gets it. Packs a clean copy, installs the tarball into an empty project,
// imports every door, runs the commands and type-checks a job of that project.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { API_FILE } from './registers.ts'
import { readTree } from './source-tree.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  devDependencies: Record<string, string>
  peerDependencies: Record<string, string>
  bin: Record<string, string>
}

function run(folder: string, command: string, ...args: string[]): string {
  process.stdout.write(`  ${command} ${args.join(' ')}\n`)
  // On Windows npm and npx are scripts, which only a shell can start.
  return execFileSync(command, args, { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' })
}

/** Packs what is committed or about to be, never what an earlier build left in dist. */
function pack(folder: string): string {
  for (const file of readTree(root).keys()) {
    mkdirSync(join(folder, dirname(file)), { recursive: true })
    cpSync(join(root, file), join(folder, file))
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  run(folder, 'npm', 'pack', '--silent')
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('npm pack made no tarball')
  return join(folder, tarball)
}

/** Doors behind which the user's own drivers are imported. */
const NEED_DRIVERS = /^millrace\/(connectors\/|sync$|relay$)/

function install(folder: string, tarball: string): void {
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type: 'module' }))
  const own = (name: string): string => `${name}@${manifest.devDependencies[name]}`
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', '--silent', tarball, own('typescript'), own('@types/node'))
}

/** Public names by door, from the committed list. */
function doors(): Map<string, { readonly values: string[]; readonly types: string[] }> {
  const found = new Map<string, { values: string[]; types: string[] }>()
  for (const line of readFileSync(join(root, API_FILE), 'utf8').split('\n').filter(Boolean)) {
    const [door = '', ...rest] = line.split(' ')
    const names = found.get(door) ?? { values: [], types: [] }
    found.set(door, names)
    if (rest[0] === 'type') names.types.push(rest[1] ?? '')
    else names.values.push(rest[0] ?? '')
  }
  return found
}

function importEverything(folder: string, names: readonly string[]): void {
  const lines = names.map((door) => `await import('${door}')`)
  writeFileSync(join(folder, 'import-all.js'), `${lines.join('\n')}\n`)
  run(folder, process.execPath, 'import-all.js')
}

/** A module that names every public type and value, checked with the library's declarations (skipLibCheck off). */
function typeCheck(folder: string): void {
  const lines = [...doors()].map(([door, { values, types }]) => {
    const names = [...values, ...types.map((name) => `type ${name}`)]
    return `export { ${names.join(', ')} } from '${door}'`
  })
  for (const [i, line] of lines.entries()) writeFileSync(join(folder, `door-${i}.ts`), `${line}\n`)
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023'],
    module: 'nodenext',
    moduleResolution: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  run(folder, process.execPath, 'node_modules/typescript/bin/tsc', '-p', '.')
}

function checkPackage(): void {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-package-'))
  try {
    const copy = join(folder, 'copy')
    const project = join(folder, 'project')
    mkdirSync(copy)
    install(project, pack(copy))
    const names = [...doors().keys()]
    importEverything(
      project,
      names.filter((door) => !NEED_DRIVERS.test(door)),
    )
    for (const command of Object.keys(manifest.bin)) run(project, 'npx', '--no-install', command, '--help')
    const drivers = Object.entries(manifest.peerDependencies).map(([name, range]) => `${name}@${range}`)
    run(project, 'npm', 'install', '--no-audit', '--no-fund', '--silent', ...drivers)
    importEverything(project, names)
    typeCheck(project)
    process.stdout.write(`the package installs, imports (${names.length} doors), runs and type-checks\n`)
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    process.stderr.write(`${stdout}${stderr}${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

checkPackage()
