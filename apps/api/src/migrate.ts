import { migratedLines, migrateExternal } from '@tenantry/installation/migrate'
import { readCommandConfig } from './config.ts'
import { runCommand } from './run-command.ts'

await runCommand(async () => migratedLines(await migrateExternal(readCommandConfig('migrate'))))
