// The smallest job: how long it takes from the command to its first record.

import { job } from 'millrace'
import { CountSource } from '../count-source.ts'
import { MarkingSink } from '../marking-sink.ts'

export default job('start', (flow, settings) => {
  flow.from('numbers', new CountSource(1000, (i) => i)).to('mark', new MarkingSink(settings.string('marker')))
})
