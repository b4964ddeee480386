import { writeFile } from 'node:fs/promises'
import { generateClients } from './generate.ts'

for (const { path, content } of await generateClients()) await writeFile(path, content)
