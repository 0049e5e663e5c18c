#!/usr/bin/env bash
# Guess: @musistudio/llms, which turns requests of Claude Code into those of OpenAI's API, passes on an image in the result
#   of a tool as it passes on one in a prompt: as a part that is an image.
# What happens: the image in a prompt becomes an image_url part. The same image in a tool result becomes a text, the JSON
#   of its block with the whole base64, in the message of the role "tool". The answer is 200, and nothing is logged.
# Why it matters: Read on a picture file, and every screenshot of an MCP server, is a tool result. The model sees none of
#   them, and 200 kB of picture are 270,000 characters of text in this and each later request, until the context is full
#   or the bill is noticed. With a picture pasted into the prompt, as one tries it first, all is well.
# Seen with: @musistudio/llms 1.0.53, a server on this machine in place of the API, Node 20.20.2, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @musistudio/llms@1.0.53
cat > look.cjs <<'JS'
const assert = require('node:assert')
const {createServer} = require('node:http')
const {default: Server} = require('@musistudio/llms')

const bodies = []
const api = createServer((request, response) => {
  let body = ''
  request.on('data', chunk => (body += chunk))
  request.on('end', () => {
    bodies.push(JSON.parse(body))
    const message = {role: 'assistant', content: 'done'}
    const choices = [{index: 0, finish_reason: 'stop', message}]
    const usage = {prompt_tokens: 1, completion_tokens: 1, total_tokens: 2}
    response.writeHead(200, {'content-type': 'application/json'})
    response.end(JSON.stringify({id: 'x', object: 'chat.completion', created: 1, model: 'm', choices, usage}))
  })
})
const listening = server => new Promise(ready => server.listen(0, '127.0.0.1', () => ready(server.address().port)))

const main = async () => {
  const free = createServer(), PORT = await listening(free)
  await new Promise(closed => free.close(closed))
  const to = `http://127.0.0.1:${await listening(api)}/v1/chat/completions`
  const providers = [{name: 'p', api_base_url: to, api_key: 'x', models: ['m']}]
  await new Server({initialConfig: {providers, HOST: '127.0.0.1', PORT, LOG: false}, logger: false}).start()
  const data = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=='
  const image = {type: 'image', source: {type: 'base64', media_type: 'image/png', data}}
  const body = {
    model: 'p,m',
    max_tokens: 100,
    messages: [
      {role: 'user', content: [{type: 'text', text: 'Compare it with b.png.'}, image]},
      {role: 'assistant', content: [{type: 'tool_use', id: 't1', name: 'Read', input: {file_path: 'b.png'}}]},
      {role: 'user', content: [{type: 'tool_result', tool_use_id: 't1', content: [image]}]},
    ],
    tools: [{name: 'Read', description: 'Reads a file', input_schema: {type: 'object', properties: {}}}],
  }
  const headers = {'content-type': 'application/json', 'x-api-key': 'x', 'anthropic-version': '2023-06-01'}
  const options = {method: 'POST', headers, body: JSON.stringify(body)}
  const {status} = await fetch(`http://127.0.0.1:${PORT}/v1/messages`, options)
  assert.equal(status, 200)
  assert.equal(bodies.length, 1)
  const [prompt, , result] = bodies[0].messages
  console.log(`prompt: ${prompt.content.map(part => part.type).join(', ')}`)
  console.log(`result of the tool: ${result.role}, ${typeof result.content}: ${result.content.slice(0, 60)}...`)
  assert.equal(prompt.content[1].image_url.url, `data:image/png;base64,${data}`)
  assert.equal(result.role, 'tool')
  assert.equal(result.content, JSON.stringify([image]))
  console.log('as seen')
  process.exit(0)
}
main()
JS
node look.cjs
