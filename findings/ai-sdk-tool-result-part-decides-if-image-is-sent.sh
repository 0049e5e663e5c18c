#!/usr/bin/env bash
# Guess: an image in the result of a tool reaches the model the same way whether its part is of type file-data, media or
#   image-data, as all three are typed parts with base64 and a media type, and it is the same after an update of the SDK.
# What happens: with ai 6 an image in file-data does not reach Claude at all, and is sent to OpenAI's Responses API as a
#   file named "data". With ai 7 file-data is an image in both, and media is the one that is left out of both bodies;
#   Gemini gets it as base64 in the text of the response. The call succeeds; a line on the console, and `warnings` of
#   the result, are the only signs.
# Why it matters: the model answers about a screenshot that it never saw, and nothing in the body shows that there was
#   one. A tool that works with one major version loses its images with the other; image-data works with both.
# Seen with: ai 6.0.326 with @ai-sdk/anthropic 3.0.140, @ai-sdk/openai 3.0.141, @ai-sdk/google 3.0.141; ai 7.0.173 with
#   4.0.105, 4.0.118, 4.0.121; a server on this machine in place of the APIs, Node 20.20.2 and 24.21.0, 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . zod@4.6.7 \
  ai-6@npm:ai@6.0.326 anthropic-6@npm:@ai-sdk/anthropic@3.0.140 openai-6@npm:@ai-sdk/openai@3.0.141 \
  google-6@npm:@ai-sdk/google@3.0.141 ai-7@npm:ai@7.0.173 anthropic-7@npm:@ai-sdk/anthropic@4.0.105 \
  openai-7@npm:@ai-sdk/openai@4.0.118 google-7@npm:@ai-sdk/google@4.0.121
cat >send.mjs <<'JS'
import assert from "node:assert";
import { createServer } from "node:http";

globalThis.AI_SDK_LOG_WARNINGS = false;
const data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";
let body = "";
const server = createServer((request, response) => {
  body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const baseURL = `http://127.0.0.1:${server.address().port}/v1`, own = { apiKey: "x", baseURL };

const kindOf = () => {
  assert(body.startsWith("{"), body);
  const at = body.indexOf(data);
  if (at < 0) return "not sent";
  const before = body.slice(Math.max(0, at - 120), at);
  if (before.includes("input_file")) return "file";
  return before.includes('\\"') ? "text" : "image";
};

const all = "image, image, image";
const expected = {
  6: { "image-data": all, "file-data": "not sent, file, image", media: all },
  7: { "image-data": all, "file-data": all, media: "not sent, not sent, text" },
};
for (const major of [6, 7]) {
  const { generateText, tool, jsonSchema } = await import(`ai-${major}`);
  const { createAnthropic } = await import(`anthropic-${major}`);
  const { createOpenAI } = await import(`openai-${major}`);
  const { createGoogleGenerativeAI } = await import(`google-${major}`);
  const models = [
    createAnthropic(own)("claude-opus-5-5"),
    createOpenAI(own).responses("gpt-5.6-sol"),
    createGoogleGenerativeAI(own)("gemini-3.5-flash"),
  ];
  const tools = { shot: tool({ inputSchema: jsonSchema({ type: "object", properties: {} }) }) };
  for (const type of ["image-data", "file-data", "media"]) {
    const kinds = [];
    for (const model of models) {
      const output = { type: "content", value: [{ type: "text", text: "a shot" }, { type, data, mediaType: "image/png" }] };
      const about = { toolCallId: "call_1", toolName: "shot" };
      const messages = [
        { role: "user", content: "What is it?" },
        { role: "assistant", content: [{ type: "tool-call", ...about, input: {} }] },
        { role: "tool", content: [{ type: "tool-result", ...about, output }] },
      ];
      body = "no body";
      // the empty answer is an error, but the body was sent
      await generateText({ model, messages, tools, maxRetries: 0 }).catch(() => {});
      kinds.push(kindOf());
    }
    console.log(`ai ${major}, ${type}: Claude ${kinds[0]}, OpenAI ${kinds[1]}, Gemini ${kinds[2]}`);
    assert.equal(kinds.join(", "), expected[major][type]);
  }
}
console.log("as seen");
server.close();
JS
node send.mjs
