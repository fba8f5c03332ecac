// 1. A job is a value: a named graph of named nodes, from a source to a sink. Importing this file runs nothing.
//
//    npx run-job jobs/tour/01-hello.ts --set count=5

import { job } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'

export default job('tour-hello', (flow, settings) => {
  const count = settings.number('count', 10, { min: 1, integer: true })
  flow
    .from('numbers', generate({ count, make: (index) => index + 1 }))
    .filter('odd', (n) => n % 2 === 1)
    .map('greeting', (n) => `hello ${n}`)
    .to('terminal', print())
})
