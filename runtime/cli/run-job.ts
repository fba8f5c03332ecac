#!/usr/bin/env node
import { runBin } from './bin.ts'

await runBin('run-job')
