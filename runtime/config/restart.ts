import { MillraceError } from '../../src/errors.ts'
import type { RestartOptions } from '../../src/graph/job.ts'
import type { Layer } from './schema.ts'

type RestartLayer = NonNullable<Layer['restart']>
type Knob = Exclude<keyof RestartLayer, 'strategy'>

/** Which knobs each strategy has. `needs` have no default that would suit everyone. */
const KNOBS: Readonly<Record<string, { readonly needs: readonly Knob[]; readonly may: readonly Knob[] }>> = {
  none: { needs: [], may: [] },
  'fixed-delay': { needs: ['attempts', 'delay'], may: [] },
  'failure-rate': { needs: ['failures', 'interval', 'delay'], may: [] },
  'exponential-delay': { needs: [], may: ['delay', 'maxDelay', 'multiplier', 'resetAfter', 'jitter', 'attempts'] },
}

/** The merged restart keys as the run takes them; undefined when nothing was said. `origin(key)` tells who set a key. */
export function restartOptions(
  restart: RestartLayer,
  origin: (key: string) => { readonly path: string; readonly origin: string },
): RestartOptions | undefined {
  const set = (Object.keys(restart) as (keyof RestartLayer)[]).filter((key) => restart[key] !== undefined)
  if (set.length === 0) return undefined
  const strategy = restart.strategy ?? 'exponential-delay'
  const knobs = KNOBS[strategy] ?? { needs: [], may: [] }
  for (const key of set) {
    if (key === 'strategy' || knobs.needs.includes(key) || knobs.may.includes(key)) continue
    const allowed = [...knobs.needs, ...knobs.may].join(', ') || 'nothing else'
    throw new MillraceError('CONFIG_INVALID', { ...origin(key), reason: `strategy ${strategy} takes ${allowed}` })
  }
  for (const key of knobs.needs) {
    if (restart[key] !== undefined) continue
    throw new MillraceError('CONFIG_INVALID', {
      ...origin('strategy'),
      reason: `${strategy} also needs restart.${key}`,
    })
  }
  return build(strategy, restart)
}

function build(strategy: NonNullable<RestartLayer['strategy']>, restart: RestartLayer): RestartOptions {
  const { attempts = 0, delay: delayMs = 0, failures = 0, interval: intervalMs = 0 } = restart
  switch (strategy) {
    case 'none':
      return { strategy }
    case 'fixed-delay':
      return { strategy, attempts, delayMs }
    case 'failure-rate':
      return { strategy, failures, intervalMs, delayMs }
    case 'exponential-delay':
      return {
        strategy,
        ...(restart.delay !== undefined && { initialDelayMs: restart.delay }),
        ...(restart.maxDelay !== undefined && { maxDelayMs: restart.maxDelay }),
        ...(restart.multiplier !== undefined && { multiplier: restart.multiplier }),
        ...(restart.resetAfter !== undefined && { resetAfterMs: restart.resetAfter }),
        ...(restart.jitter !== undefined && { jitter: restart.jitter }),
        ...(restart.attempts !== undefined && { attempts: restart.attempts }),
      }
  }
}
