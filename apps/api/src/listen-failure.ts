import { ConfigurationError } from '@tenantry/installation/environment'

/** Says which variable to change where the port or the address cannot be had. */
export function listenFailure(error: NodeJS.ErrnoException, port: number, host: string): Error {
  const reasons: Record<string, string> = {
    EADDRINUSE: `Port ${port} on ${host} is in use. Stop what listens there, or choose another PORT.`,
    EACCES: `Port ${port} may not be used by this user. Choose a PORT from 1024 on.`,
    EADDRNOTAVAIL: `HOST ${host} is no address of this machine.`,
    ENOTFOUND: `HOST ${host} is no address of this machine.`,
  }
  const reason = reasons[error.code ?? '']
  return reason === undefined ? error : new ConfigurationError(reason, { cause: error })
}
