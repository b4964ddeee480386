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
