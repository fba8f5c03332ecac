// npm run house:update: makes the committed lists anew from the code (table of errors, public names, messages of the relay).

import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { API_FILE, publicApi, withErrorTable } from './registers.ts'
import { readTree } from './source-tree.ts'
import { wireMessages } from './wire-messages.ts'

const root = new URL('../../', import.meta.url)
const files = readTree(fileURLToPath(root))
const page = 'src/README.md'
writeFileSync(new URL(page, root), withErrorTable(files.get(page) ?? '', files))
writeFileSync(new URL(API_FILE, root), publicApi(files))
const messages = wireMessages(files)
for (const [file, text] of messages) writeFileSync(new URL(file, root), text)
process.stdout.write(`wrote ${[page, API_FILE, ...messages.keys()].join(', ')}\n`)
