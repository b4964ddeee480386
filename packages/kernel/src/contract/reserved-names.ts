/** Parts of our own paths, which come where a tenant is named too. */
const pathWords = [
  'current',
  'settings',
  'analytics',
  'audit-log',
  'health-summary',
  'bulk',
  'broadcast',
  'import',
  'onboard',
  'provision-from-template',
]

/** Hosts that installations serve beside those of tenants. */
const subdomains = [
  ...['account', 'accounts', 'admin', 'api', 'app', 'assets', 'auth', 'billing', 'blog', 'cdn', 'console', 'dashboard'],
  ...[
    'dev',
    'docs',
    'files',
    'ftp',
    'health',
    'help',
    'id',
    'images',
    'imap',
    'internal',
    'localhost',
    'login',
    'mail',
  ],
  ...['media', 'metrics', 'mta-sts', 'mx', 'news', 'ns1', 'ns2', 'oauth', 'pop', 'portal', 'preview', 'public', 'root'],
  ...[
    'security',
    'smtp',
    'sso',
    'staging',
    'static',
    'stats',
    'status',
    'support',
    'system',
    'test',
    'trpc',
    'webhooks',
  ],
  ...['webmail', 'wpad', 'www'],
]

const reservedNames: ReadonlySet<string> = new Set([...pathWords, ...subdomains])

/** Whether no tenant may be called so. */
export const isReservedName = (name: string): boolean => reservedNames.has(name.toLowerCase())
