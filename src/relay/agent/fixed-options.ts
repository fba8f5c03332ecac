import { MillraceError } from '../../errors.ts'
import type { EndOptions } from './agent-config.ts'

/** Options with those that an agent sets itself. Throws CONNECTOR_OPTION where one of them is given. */
export function withFixed<Fixed extends object>(options: EndOptions, fixed: Fixed): EndOptions & Fixed {
  for (const path of Object.keys(fixed))
    if (Object.hasOwn(options, path))
      throw new MillraceError('CONNECTOR_OPTION', {
        path,
        connector: 'millrace relay',
        reason: 'an agent sets it: leave it out',
      })
  return { ...options, ...fixed }
}
