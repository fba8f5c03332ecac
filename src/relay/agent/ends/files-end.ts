import { z } from 'zod'
import { parseOptions } from '../../../connectors/cdc/parse-options.ts'
import {
  type FilesSinkOptions,
  type FilesSourceOptions,
  filesSink,
  filesSource,
} from '../../../connectors/files/index.ts'
import type { AgentEnd } from '../agent-end.ts'

const format = z.enum(['ndjson', 'csv', 'lines'])
const dialect = { delimiter: z.string().optional(), quote: z.string().optional() }

const sourceSchema = z.strictObject({
  paths: z.union([z.string(), z.array(z.string())]),
  format,
  follow: z.boolean().optional(),
  csv: z
    .strictObject({
      ...dialect,
      header: z.union([z.literal(true), z.array(z.string())]).optional(),
      pad: z.boolean().optional(),
    })
    .optional(),
  compression: z.enum(['auto', 'none', 'gzip']).optional(),
  recordBytesMax: z.number().optional(),
  allowNone: z.boolean().optional(),
  pollIntervalMs: z.number().optional(),
  discoverIntervalMs: z.number().optional(),
})

const sinkSchema = z.strictObject({
  directory: z.string(),
  format,
  prefix: z.string().optional(),
  roll: z.strictObject({ bytes: z.number().optional() }).optional(),
  gzip: z.boolean().optional(),
  columns: z.array(z.string()).optional(),
  csv: z.strictObject(dialect).optional(),
})

/** Values of lines, as `filesSource` and `filesSink` take them. Their options, without those that are code. */
export const filesEnd: AgentEnd<unknown> = {
  handledAs: () => 'rows',
  read: (flow, options) =>
    flow.from(
      'from',
      filesSource(
        parseOptions(sourceSchema, options, 'filesSource') as FilesSourceOptions<unknown> & {
          readonly onMalformed: 'fail'
        },
      ),
    ),
  write: (stream, options) =>
    stream.to('to', filesSink(parseOptions(sinkSchema, options, 'filesSink') as unknown as FilesSinkOptions<unknown>)),
}
