import { describeNetworkStorms } from './mysql-storms.ts'

describeNetworkStorms()
