// The house as it stands: every check over the repository. What each check catches is proved in checks.test.ts.

import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { checkConduct, checkExportForms } from './conduct.ts'
import { checkCycles, checkDriverFreeCore, checkUnusedExports, checkUnusedFiles } from './import-graph.ts'
import { checkImports } from './import-table.ts'
import { checkLinks, checkMachineTraces, checkNames, checkTopLevel } from './layout.ts'
import { checkLockfile } from './lockfile.ts'
import { checkErrors, checkFailpoints, checkPackages, checkPublicApi } from './registers.ts'
import { checkSizes } from './size.ts'
import { describeOffence, type Files, type Offence, readTree } from './source-tree.ts'
import { checkWireMessages } from './wire-messages.ts'

const CHECKS: Readonly<Record<string, (files: Files) => readonly Offence[]>> = {
  'the import table holds, types included': checkImports,
  'no import cycles, types included': checkCycles,
  'the core needs no optional driver': checkDriverFreeCore,
  'no file that nothing imports': checkUnusedFiles,
  'no exported value that nothing imports': checkUnusedExports,
  'files and functions are short': checkSizes,
  'conduct: any, console, eval, certificates, focused tests, silenced errors': checkConduct,
  'exports are named and listed': checkExportForms,
  'every error is raised and documented': checkErrors,
  'every failpoint is called and crash-tested': checkFailpoints,
  'the public API is what the committed list says': checkPublicApi,
  'the messages of the relay are what relay.proto says': checkWireMessages,
  'every package imported is declared': checkPackages,
  'the lockfile serves every platform': checkLockfile,
  'the top level is exact': checkTopLevel,
  'names are kebab-case': checkNames,
  'no machine paths, no registries': checkMachineTraces,
  'links between pages lead somewhere': checkLinks,
}

const files = readTree(fileURLToPath(new URL('../../', import.meta.url)))

test.each(Object.entries(CHECKS))('%s', (_name, check) => {
  expect(check(files).map(describeOffence)).toEqual([])
})
