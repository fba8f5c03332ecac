// What the smallest job is measured against: Node, the same loader for TypeScript, and nothing else.

import { writeMarker } from './marker.ts'

writeMarker(process.argv[2] ?? '.', 'first-output', 0)
