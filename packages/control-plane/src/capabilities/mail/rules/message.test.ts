import { expect, test } from 'vitest'
import { writeMessage } from './message.ts'

test('a text stays a text in HTML, whatever it holds', () => {
  const { subject, text, html } = writeMessage({
    subject: 'Bits & Bobs <Ltd> is "ready"',
    paragraphs: ["<script>alert('x')</script>", 'Second & last'],
  })
  expect(subject).toBe('Bits & Bobs <Ltd> is "ready"')
  expect(text).toBe("<script>alert('x')</script>\n\nSecond & last\n")
  expect(html).toContain('<title>Bits &amp; Bobs &lt;Ltd&gt; is &quot;ready&quot;</title>')
  expect(html).toContain('<p>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</p>\n<p>Second &amp; last</p>')
})

test('a secret link is a link in what is sent, and left out of what is kept', () => {
  const { text, html, complete } = writeMessage({
    subject: 'Hello',
    paragraphs: ['Open this:', { secretUrl: 'https://a.example/?x=1&y="2"#token=abc' }],
  })
  expect(text + html).not.toContain('abc')
  expect(complete?.text).toBe('Open this:\n\nhttps://a.example/?x=1&y="2"#token=abc\n')
  expect(complete?.html).toContain('<a href="https://a.example/?x=1&amp;y=&quot;2&quot;#token=abc">')
  expect(writeMessage({ subject: 'Hello', paragraphs: ['No link'] }).complete).toBeNull()
})

test('figures are lines of text and a table of HTML, and a link is shown as its label there', () => {
  const { text, html, complete } = writeMessage({
    subject: 'Hello',
    paragraphs: [
      {
        facts: [
          ['Used', '<5> MB'],
          ['Limit', '6 MB'],
        ],
      },
      { url: 'https://a.example/?x="1"&y=2', label: 'Here & there' },
    ],
  })
  expect(text).toBe('Used: <5> MB\nLimit: 6 MB\n\nHere & there: https://a.example/?x="1"&y=2\n')
  expect(html).toContain('<tr><th align="left">Used</th><td>&lt;5&gt; MB</td></tr>\n<tr><th align="left">Limit</th>')
  expect(html).toContain('<p><a href="https://a.example/?x=&quot;1&quot;&amp;y=2">Here &amp; there</a></p>')
  expect(complete).toBeNull()
})
