// What a handler may ask of which records.

import type { Condition, HandledAs, HandledField, ParsedHandler } from './spec.ts'

/** `path` is below the handler's own. Throws. */
type Fail = (path: string, reason: string) => never

const OF_RECORDS: readonly HandledField[] = ['topic', 'key', 'partition', 'timestampMs']
const OF_CHANGES: readonly HandledField[] = ['database', 'table', 'op']

const FIELDS: Readonly<Record<HandledAs, readonly HandledField[]>> = {
  rows: [],
  changes: OF_CHANGES,
  records: OF_RECORDS,
  'json-records': OF_RECORDS,
  'change-records': OF_CHANGES,
}

/** Whether these are records of Kafka. */
function isOfKafka(of: HandledAs): boolean {
  return of === 'records' || of === 'json-records' || of === 'change-records'
}

/** Whether these are changes, also those in records of Kafka. */
export function isOfChanges(of: HandledAs): boolean {
  return of === 'changes' || of === 'change-records'
}

/** Calls `fail` for the first part that such records do not have. */
export function checkHandler(handler: ParsedHandler, of: HandledAs, fail: Fail): void {
  const { filter, project, rename, mask, route, only } = handler
  if (only !== undefined && of === 'rows') fail('only', 'plain rows have no table')
  if (filter !== undefined) checkCondition(filter, of, 'filter', fail)
  if (of === 'records') {
    const reason = `the values of these records are not read: say of: 'json-records' or 'change-records'`
    if (project !== undefined) fail('project', reason)
    if (mask !== undefined) fail('mask', reason)
    if (rename?.columns !== undefined) fail('rename.columns', reason)
  }
  if (rename?.tables !== undefined && !isOfChanges(of)) fail('rename.tables', 'only changes are of a table')
  if (rename?.topics !== undefined && !isOfKafka(of)) fail('rename.topics', 'only records of Kafka are of a topic')
  for (const [from, to] of Object.entries(rename?.tables ?? {}))
    if (!isTable(to)) fail(`rename.tables.${from}`, TABLE_EXPECTED)
  if (route === undefined) return
  if (of === 'rows') fail('route', 'plain rows go nowhere by name: streamOf() chooses the stream of a relay')
  for (const [index, { when, to }] of route.rules.entries()) {
    checkCondition(when, of, `route.rules[${index}].when`, fail)
    if (isOfChanges(of) && !isTable(to)) fail(`route.rules[${index}].to`, TABLE_EXPECTED)
  }
  const { otherwise } = route
  if (isOfChanges(of) && typeof otherwise === 'string' && !isTable(otherwise)) fail('route.otherwise', TABLE_EXPECTED)
}

/** Calls `fail` for the first part of a condition that such records do not have. */
function checkCondition(condition: Condition, of: HandledAs, path: string, fail: Fail): void {
  if ('all' in condition && condition.all !== undefined) {
    for (const [index, one] of condition.all.entries()) checkCondition(one, of, `${path}.all[${index}]`, fail)
  } else if ('any' in condition && condition.any !== undefined) {
    for (const [index, one] of condition.any.entries()) checkCondition(one, of, `${path}.any[${index}]`, fail)
  } else if ('not' in condition && condition.not !== undefined) checkCondition(condition.not, of, `${path}.not`, fail)
  else checkComparison(condition as { column?: string; field?: HandledField; header?: string }, of, path, fail)
}

function checkComparison(
  { column, field, header }: { column?: string; field?: HandledField; header?: string },
  of: HandledAs,
  path: string,
  fail: Fail,
): void {
  if (column !== undefined && of === 'records')
    fail(`${path}.column`, `the values of these records are not read: say of: 'json-records' or 'change-records'`)
  if (header !== undefined && of !== 'records' && of !== 'json-records')
    fail(`${path}.header`, 'only records of Kafka have headers, and for changes within them tables are told apart')
  if (field !== undefined && !FIELDS[of].includes(field)) {
    const there = FIELDS[of].length === 0 ? 'they have columns only' : `expected one of ${FIELDS[of].join(', ')}`
    fail(`${path}.field`, `${of} have no field "${field}": ${there}`)
  }
}

const TABLE_EXPECTED = 'expected database.table, each a name or with * for the present one; or * alone'

/** `*`, or two parts with a dot between. */
function isTable(target: string): boolean {
  const dot = target.indexOf('.')
  return target === '*' || (dot > 0 && dot < target.length - 1)
}
