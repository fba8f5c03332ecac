import { describeStorms } from './mysql-storms.ts'

describeStorms('mariadb')
