// Express with its body parsers and busboy, and what recipes of method-override read.
'use strict'
const http = require('http')
const express = require('express')
let busboy = null
try { busboy = require('busboy') } catch (error) { /* then without */ }

const isDelete = value => typeof value === 'string' && value.trim().toUpperCase() === 'DELETE'

function application(extended) {
  const app = express()
  app.disable('x-powered-by')
  app.use(express.urlencoded({ extended, inflate: true }))
  app.use(express.json({ type: ['json', '+json'], strict: false, inflate: false }))
  const forms = (req, res, next) => {
    if (!busboy || !/multipart/i.test(req.headers['content-type'] || '')) return next()
    let parser
    try { parser = busboy({ headers: req.headers }) } catch (error) { return next() }
    const parts = req.parts = []
    const done = () => { done.called || next(); done.called = true }
    parser.on('field', (name, value) => parts.push([name, value]))
    parser.on('file', (name, stream) => {
      let text = ''
      stream.on('data', data => { text += data }).on('end', () => parts.push([name, text]))
    })
    parser.on('error', done).on('close', done)
    req.pipe(parser)
  }
  app.use(forms)
  app.use((req, res) => {
    const found = []
    if (req.body && isDelete(req.body._method)) found.push('body')
    if (isDelete(req.query._method)) found.push('query')
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
      if (isDelete((req.headers[name] || '').split(/ *, */)[0])) found.push(name)
    }
    for (const [name, value] of req.parts || []) if (name === '_method' && isDelete(value)) found.push('part')
    answer(res, found)
  })
  app.use((error, req, res, next) => answer(res, []))
  return app
}

function answer(res, found) {
  if (res.headersSent) return
  res.writeHead(200, { 'X-Reached': found.length ? 'admin: ' + found.join('; ') : '-', 'Content-Length': 0 })
  res.end()
}

// A part that breaks its parser is no DELETE.
process.on('uncaughtException', () => {})

const apps = [application(true), application(false)]
let turn = 0
http.createServer((req, res) => apps[turn++ % 2](req, res)).listen(Number(process.argv[2]), '127.0.0.1')
