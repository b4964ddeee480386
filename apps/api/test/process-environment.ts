import { fileURLToPath } from 'node:url'

/** All that a started process gets of this one's environment. Compiled code is kept, for a test starts many. */
export const processEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../../node_modules/.cache/node', import.meta.url)),
}
