import { configure } from '@testing-library/dom'
import { Window } from 'happy-dom'

/** React draws into a page that only it sees: the rest of the process keeps the platform of Node. */
const window = new Window({ url: 'http://localhost' })
Object.assign(globalThis, {
  window,
  document: window.document,
  HTMLElement: window.HTMLElement,
  HTMLIFrameElement: window.HTMLIFrameElement,
  Node: window.Node,
  MutationObserver: window.MutationObserver,
  getComputedStyle: window.getComputedStyle.bind(window),
})

// What is waited for comes from a server and a database, on a machine that may be busy.
configure({ asyncUtilTimeout: 10_000 })

/** All that stands on the page. */
export const shownText = () => window.document.body.textContent
