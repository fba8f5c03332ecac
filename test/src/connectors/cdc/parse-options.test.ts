import { expect, it } from 'vitest'
import { z } from 'zod'
import { parseOptions } from '../../../../src/connectors/cdc/parse-options.ts'

const shape = z.strictObject({
  site: z.string(),
  deep: z.strictObject({ rows: z.array(z.strictObject({ name: z.string() })) }).optional(),
  either: z.union([z.string(), z.number()]).default('x'),
})

it.each<[string, unknown, string, RegExp]>([
  [
    'a mistyped key before the one that is missing',
    { sites: 'a' },
    'sites',
    /^there is no such key \(did you mean site\?\)$/,
  ],
  ['a key of nothing known', { site: 'a', xyz: 1 }, 'xyz', /no such key \(known are site, deep, either\)/],
  ['a key further in', { site: 'a', deep: { rows: [{ nam: 'x' }] } }, 'deep.rows.0.nam', /did you mean name\?/],
  ['what is missing', {}, 'site', /expected string/],
  ['no options at all', undefined, '(options)', /expected object/],
])('names %s', (_what, options, path, reason) => {
  expect(() => parseOptions(shape, options, 'x')).toThrow(
    expect.objectContaining({
      code: 'CONNECTOR_OPTION',
      details: { path, connector: 'x', reason: expect.stringMatching(reason) },
    }),
  )
})
