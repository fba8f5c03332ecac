// The test kit's door: harnesses for one node and for a whole job, crash tests, conformance lists for connectors.

export type { Conformance, ConformanceCase, SkippedCase } from './conformance.ts'
export { type CrashTestFailure, type CrashTestOptions, type CrashTestReport, crashTest } from './crash-test.ts'
export { ManualClock } from './manual-clock.ts'
export { sinkConformance } from './sink-conformance.ts'
export type { SinkConformanceOptions, SinkFixture, SinkSupport } from './sink-trial.ts'
export { sourceConformance } from './source-conformance.ts'
export type { SourceConformanceOptions, SourceFixture, SourceSupport } from './source-trial.ts'
export { at, elapse, type Step, second, watermark } from './step.ts'
export {
  type JobFault,
  type JobTest,
  type RunHereOptions,
  type RunHereResult,
  runJobHere,
  testJob,
} from './test-job.ts'
export { type NodeTest, type NodeTestWay, testNode } from './test-node.ts'
