import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isFatal, REFUSALS } from '../../../../../src/connectors/relay/wire/refusals.ts'

test('the page says what the table says', () => {
  const page = readFileSync(new URL('../../../../../src/connectors/relay/README.md', import.meta.url), 'utf8')
  const rows = Object.entries(REFUSALS).map(
    ([code, { fatal, meaning }]) => `| \`${code}\` | ${fatal ? 'no' : 'yes'} | ${meaning} |`,
  )
  expect(page).toContain(rows.join('\n'))
})

test('codes that are not known may heal', () => {
  expect(isFatal('FENCED')).toBe(true)
  expect(isFatal('BUSY')).toBe(false)
  expect(isFatal('OF_A_LATER_RELEASE')).toBe(false)
  expect(isFatal('constructor')).toBe(false)
})
