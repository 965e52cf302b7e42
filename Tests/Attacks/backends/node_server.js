// Ideas of a path on Node: what handlers do with `req.url`, and Express's router where installed.
'use strict'
const http = require('http')
const path = require('path')
const legacyURL = require('url')

const isAdmin = p => /^\/(admin|tasks)(\/|$)/.test(p)
const decoded = url => decodeURIComponent(url.split('?')[0])

const ideas = {
  raw: url => url.split('?')[0],
  'new URL': url => new URL(url, 'http://a.example').pathname,
  'new URL, decoded': url => decodeURIComponent(new URL(url, 'http://a.example').pathname),
  'new URL of a string': url => new URL('http://a.example' + url).pathname,
  'decoded, then new URL': url => new URL(decodeURI(url), 'http://a.example').pathname,
  'url.parse': url => legacyURL.parse(url).pathname,
  'url.parse, slashes denote host': url => legacyURL.parse(url, false, true).pathname,
  decodeURIComponent: decoded,
  'decoded, trimmed': url => decoded(url).trim(),
  'decoded twice': url => decodeURIComponent(decoded(url)),
  'path.normalize': url => path.posix.normalize(decoded(url)),
  'path.join': url => path.posix.join('/', decoded(url)),
  'path.win32.normalize': url =>
    path.win32.normalize(decoded(url)).replace(/\\/g, '/').toLowerCase(),
  toLowerCase: url => decoded(url).toLowerCase(),
  'case-insensitive expression': url => (/^\/(admin|tasks)(\/|$)/iu.test(decoded(url)) ? '/admin' : ''),
  querystring: url => require('querystring').unescape(url.split('?')[0])
}

// Express as people use it: a router of its own below a mount point, and a route.
let express = null
for (const name of ['express', '/usr/share/nodejs/express']) {
  try { express = express || require(name) } catch (error) { /* the next place */ }
}
const routed = new Map()
function application(mount) {
  const app = express()
  app.disable('x-powered-by')
  mount(app)
  app.use((error, req, res, next) => next())
  return app
}
if (express) {
  const hit = (req, res) => { req.reached = true }
  routed.set('Express route', application(app => app.all('/(admin|tasks)/:rest(.*)', hit)))
  routed.set('Express router', application(app => {
    const router = express.Router()
    router.use(hit)
    app.use(['/admin', '/tasks'], router)
  }))
  routed.set('Express parameter', application(app => app.all('/:section/:page', (req, res, next) => {
    if (isAdmin('/' + req.params.section)) hit(req)
  })))
}

function reaches(idea, url) {
  try { return isAdmin(idea(url) || '') } catch (error) { return false }
}

function routes(app, req) {
  const copy = Object.create(req, { url: { value: req.url, writable: true } })
  copy.method = req.method
  copy.reached = false
  const answer = { setHeader() {}, end() {}, on() {}, removeListener() {} }
  try { app(copy, answer, () => {}) } catch (error) { /* what was reached was reached */ }
  return copy.reached
}

http.createServer((req, res) => {
  const reached = Object.keys(ideas).filter(name => reaches(ideas[name], req.url))
  for (const [name, app] of routed) if (routes(app, req)) reached.push(name)
  req.resume()
  res.writeHead(200, {
    'X-Reached': reached.length ? 'admin: ' + reached.join('; ') : '-',
    'Content-Length': 0
  })
  res.end()
}).listen(Number(process.argv[2]), '127.0.0.1')
