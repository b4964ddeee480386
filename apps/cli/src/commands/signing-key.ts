import { resolve } from 'node:path'
import type { EmbeddedKeys } from '@tenantry/installation/signing-keys'
import type { Command } from 'commander'
import { commandGroup, defineCommand, type Shown, type Surroundings, UsageError } from '../command.ts'
import { readSigningKeyVariables } from '../config.ts'
import { withInstallation } from '../installation.ts'

const defaultOverlapSeconds = '60'
const leastOverlapSeconds = 5
const mostOverlapSeconds = 86_400

export const signingKeyCommand = (surroundings: Surroundings): Command =>
  commandGroup('signing-key', 'Rotate the key that tenant contexts are signed with, while the service runs.', [
    rotateCommand(surroundings),
    retireCommand(surroundings),
  ])

const isExternal = ({ DATABASE_URL, MIGRATION_DATABASE_URL }: NodeJS.ProcessEnv) =>
  Boolean(DATABASE_URL || MIGRATION_DATABASE_URL)

const onEmbedded = <Result>(
  environment: NodeJS.ProcessEnv,
  work: (keys: EmbeddedKeys) => Promise<Result>,
): Promise<Result> =>
  withInstallation(environment, ({ storage }, config) => {
    if (storage.ownerUrl === null) throw new Error('An embedded database has an owner')
    return work({ dataFolder: resolve(config.DATA_DIR), ownerUrl: storage.ownerUrl })
  })

const rotateCommand = ({ environment, ...surroundings }: Surroundings): Command =>
  defineCommand<{ overlap?: string }>(
    { environment, ...surroundings },
    'rotate',
    {
      description:
        'Make a new signing key that the database accepts beside the one in use. A running service of the embedded database takes it up within a second, and the former one ends by itself. With DATABASE_URL it shows the variable that your processes need, a secret; it needs MIGRATION_DATABASE_URL and CONTEXT_SIGNING_KEYS.',
      examples: [
        ['signing-key rotate', 'the first step; it says what the next one is'],
        ['signing-key rotate --overlap 300', 'embedded: the former key ends after five minutes'],
      ],
    },
    async ({ overlap }) =>
      isExternal(environment) ? showExternal(environment, overlap) : showEmbedded(environment, overlap),
  ).option('--overlap <seconds>', `how long the former key is still accepted, embedded only (${defaultOverlapSeconds})`)

async function showEmbedded(environment: NodeJS.ProcessEnv, overlap = defaultOverlapSeconds): Promise<Shown> {
  const seconds = Number(overlap)
  if (!Number.isInteger(seconds) || seconds < leastOverlapSeconds || seconds > mostOverlapSeconds) {
    throw new UsageError(
      '--overlap',
      `Expected a whole number of seconds, ${leastOverlapSeconds} to ${mostOverlapSeconds}.`,
    )
  }
  const { rotateEmbedded } = await import('@tenantry/installation/signing-keys')
  const data = await onEmbedded(environment, (keys) => rotateEmbedded(keys, seconds * 1_000))
  const text = `${data.signs} signs from now on, in a running service within a second. ${data.retiring} is accepted until ${data.until.toISOString()}.`
  return { text, data }
}

async function showExternal(environment: NodeJS.ProcessEnv, overlap: string | undefined): Promise<Shown> {
  if (overlap !== undefined) {
    throw new UsageError('--overlap', 'With an external database the former key is accepted until it is retired.')
  }
  const { rotateExternal } = await import('@tenantry/installation/signing-keys')
  const data = await rotateExternal(await readSigningKeyVariables(environment))
  const text = [
    `The database accepts ${data.signs} beside ${data.retiring}. Nobody signs with it yet. Next, with this variable, which is a secret:`,
    '',
    data.variable,
    '',
    '1. Set it for every process and command, and restart the processes one after the other.',
    `2. Once all run with it, end ${data.retiring}: pnpm tenantry signing-key retire`,
  ].join('\n')
  return { text, data }
}

const retireCommand = ({ environment, ...surroundings }: Surroundings): Command =>
  defineCommand(
    { environment, ...surroundings },
    'retire',
    {
      description:
        'Refuse at once every signing key but the one in use: the first of CONTEXT_SIGNING_KEYS, or that of the data folder. A process that still signs with another one finds no tenant any more.',
      examples: [['signing-key retire', 'the last step of a rotation']],
    },
    async () => {
      const { retireEmbedded, retireExternal } = await import('@tenantry/installation/signing-keys')
      const data = isExternal(environment)
        ? await retireExternal(await readSigningKeyVariables(environment))
        : await onEmbedded(environment, retireEmbedded)
      const { signs, retired } = data
      const text = retired.length === 0 ? 'There is no other key.' : `Refused from now on: ${retired.join(', ')}.`
      return { text: `${text} Only ${signs} is accepted.`, data }
    },
  )
