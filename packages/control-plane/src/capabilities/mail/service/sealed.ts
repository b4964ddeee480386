import type { Sealer } from '@tenantry/kernel/context/dependencies'
import type { Mail } from '../repository.ts'
import type { WrittenText } from '../rules/message.ts'

type Place = Pick<Mail, 'tenantId' | 'id'>

export const seal = (sealer: Sealer, place: Place, text: WrittenText): string =>
  sealer.seal(JSON.stringify(text), contextOf(place))

/** The mail as it is to be sent. */
export function open<Row extends Pick<Mail, 'tenantId' | 'id' | 'sealed' | 'text' | 'html'>>(
  sealer: Sealer,
  { sealed, ...mail }: Row,
): Omit<Row, 'sealed'> {
  if (!sealed) return mail
  return { ...mail, ...(JSON.parse(sealer.open(sealed, contextOf(mail as unknown as Place))) as WrittenText) }
}

const contextOf = ({ tenantId, id }: Place) => [tenantId, 'mails', 'sealed', id].join('|')
