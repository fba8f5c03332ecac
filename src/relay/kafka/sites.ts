import { z } from 'zod'

/** Where offsets of groups of other sites are kept, unless an option says otherwise. */
export const GROUP_OFFSETS_TOPIC = 'millrace-group-offsets'

/** Topics of a cluster that relays write to or hold markers under. */
export const OWN_TOPICS: readonly string[] = [GROUP_OFFSETS_TOPIC, 'millrace-markers']

/** The name of a site, as both ends of a relay have it. */
export const siteName = z
  .string()
  .regex(/^[a-z0-9._-]{1,60}$/, { error: 'expected a name of 1 to 60 of the characters a-z 0-9 . _ -' })
