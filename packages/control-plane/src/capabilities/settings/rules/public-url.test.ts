import { describe, expect, test } from 'vitest'
import { isPublicAddress, urlProblems } from './public-url.ts'

const notPublic = [{ message: 'Must name a host on the public Internet.', openableHost: expect.any(String) }]

describe('a URL of the public Internet is taken', () => {
  test.each([
    'https://example.com',
    'https://cdn.example.com:8443/logo.png?size=2#top',
    'https://münchen.example/',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'https://localhost.example.com/',
    'https://not-local.org/',
  ])('%s', (url) => {
    expect(urlProblems(url)).toEqual([])
  })
})

describe('a URL of a private host is refused', () => {
  test.each([
    'https://localhost/',
    'https://LOCALHOST./',
    'https://app.localhost/',
    'https://printer.local/',
    'https://db.internal/',
    'https://metadata.google.internal/computeMetadata/v1/',
    'https://metadata/',
    'https://intranet/',
    'https://127.0.0.1/',
    'https://127.0.0.1./',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0x7f.0.0.1/',
    'https://0177.0.0.01/',
    'https://%31%32%37.0.0.1/',
    'https://127。0。0。1/',
    'https://0.0.0.0/',
    'https://10.1.2.3/',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'https://100.64.0.1/',
    'https://100.100.100.200/latest/meta-data/',
    'https://169.254.169.254/latest/meta-data/',
    'https://168.63.129.16/',
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://[::1]/',
    'https://[::]/',
    'https://[::7f00:1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[fe80::1]/',
    'https://[fc00::1]/',
    'https://[fd00:ec2::254]/',
    'https://[ff02::1]/',
    'https://[2001:db8::1]/',
  ])('%s', (url) => {
    expect(urlProblems(url)).toEqual(notPublic)
  })
})

describe('what is not a plain https URL is refused', () => {
  test.each([
    ['http://example.com/', 'Must use https.'],
    ['ftp://example.com/', 'Must use https.'],
    ['javascript:alert(1)', 'Must use https.'],
    ['data:text/html,hello', 'Must use https.'],
    ['file:///etc/passwd', 'Must use https.'],
    ['https://user@example.com/', 'Must not hold credentials.'],
    ['https://user:secret@example.com/', 'Must not hold credentials.'],
    ['example.com', 'Must be an absolute URL.'],
    ['/logo.png', 'Must be an absolute URL.'],
    ['https://', 'Must be an absolute URL.'],
    ['https://exa mple.com/', 'Must be an absolute URL.'],
    [' https://example.com/', 'Must be an absolute URL.'],
    ['https://example.com/\n', 'Must be an absolute URL.'],
    ['https:\\\\example.com', 'Must be an absolute URL.'],
    ['https://1.2.3.4.5.999999/', 'Must be an absolute URL.'],
  ])('%s: %s', (url, message) => {
    expect(urlProblems(url).map((problem) => problem.message)).toEqual([message])
  })
})

test('every problem of one URL is named, and only those that configuration may waive name the host', () => {
  expect(urlProblems('http://user:secret@127.0.0.1:4000/')).toEqual([
    { message: 'Must use https.', openableHost: '127.0.0.1' },
    { message: 'Must not hold credentials.' },
    { message: 'Must name a host on the public Internet.', openableHost: '127.0.0.1' },
  ])
})

test('only unicast addresses of the public Internet are public', () => {
  expect(['1.1.1.1', '2606:4700:4700::1111'].every(isPublicAddress)).toBe(true)
  expect(['', 'example.com', '10.0.0.1', '::ffff:1.1.1.1', '169.254.169.254', '::1'].some(isPublicAddress)).toBe(false)
})
