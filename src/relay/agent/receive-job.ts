// What `millrace relay receive` runs: its job, made of the file that it was given.

import { agentJob } from './agent-job.ts'

export default await agentJob('receive')
