import type { Scenario } from './scenario.ts'
import { keyedSum } from './scenarios/keyed-sum.ts'
import { numbers } from './scenarios/numbers.ts'

/** Everything that is measured, in the order of the table. */
export const SCENARIOS: readonly Scenario[] = [numbers, keyedSum]
