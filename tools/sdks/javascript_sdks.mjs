// Calls of the SDKs for JavaScript: `node javascript_sdks.mjs SDK SERVER FOLDER`, where FOLDER has the images.
// The last line that it prints is JSON: the versions, and the calls that failed.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [sdk, server, folder] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const CLAUDE = "claude-opus-5-5", GPT = "gpt-5.6-sol", GEMINI = "gemini-3.5-flash", MISTRAL = "mistral-medium-3.5";
const WEB = "https://example.com/a.png", ASK = "What is it?";
const SEVERAL = ["small.png", "photo.jpg", "wide.webp", "icon.gif"];
const TYPES = { png: "image/png", jpg: "image/jpeg", webp: "image/webp", gif: "image/gif", pdf: "application/pdf" };
const SCHEMA = { type: "object", properties: {}, required: [] };
const bytes = (name) => readFileSync(`${folder}/${name}`);
const base64 = (name) => bytes(name).toString("base64");
const mediaType = (name) => TYPES[name.split(".").pop()];
const text = (words = ASK) => ({ type: "text", text: words });
const failed = [];

// The version in the package.json of a package, which is not exported by all.
function installed(name) {
  const paths = require.resolve.paths(name).map((path) => `${path}/${name}/package.json`);
  for (const path of paths) {
    try {
      return JSON.parse(readFileSync(path, "utf8")).version;
    } catch {}
  }
}

// That the SDK does not like the answer is no failure; the server knows whether a body arrived.
async function call(name, send) {
  await fetch(`${server}/call/${encodeURIComponent(name)}`, { method: "POST", body: "{}" });
  try {
    await send();
  } catch (error) {
    console.log(`  ${name}: ${String(error).slice(0, 200)}`);
    if (!(await (await fetch(`${server}/sent`)).json()).sent) failed.push(name);
  }
}

async function anthropic() {
  const { default: Anthropic } = await import("@anthropic-ai/sdk");
  const client = new Anthropic({ apiKey: "x", baseURL: server, maxRetries: 0 });
  const image = (name, data = base64(name)) =>
    ({ type: "image", source: { type: "base64", media_type: mediaType(name), data } });
  const create = (name, content, more = {}) =>
    call(name, () => client.messages.create({ model: CLAUDE, max_tokens: 100, messages: [{ role: "user", content }], ...more }));
  await create("one image", [image("small.png"), text()]);
  await create("several images", [...SEVERAL.flatMap((name, i) => [text(`Image ${i + 1}:`), image(name)]), text()]);
  await create("system prompt", [image("photo.jpg"), text()], { system: "Be short." });
  const result = { type: "tool_result", tool_use_id: "toolu_1", content: [text("a screenshot"), image("wide.webp")] };
  const messages = [
    { role: "user", content: "Take a screenshot." },
    { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "shot", input: {} }] },
    { role: "user", content: [result] },
  ];
  await create("image in a tool result", [], { messages, tools: [{ name: "shot", input_schema: SCHEMA }] });
  const pdf = { type: "base64", media_type: "application/pdf", data: base64("page.pdf") };
  await create("document", [{ type: "document", source: pdf }, text()]);
  await create("url image", [{ type: "image", source: { type: "url", url: WEB } }, text()]);
  await create("Buffer as data", [image("small.png", bytes("small.png")), text()]);
  await create("Uint8Array as data", [image("small.png", new Uint8Array(bytes("small.png"))), text()]);
  const turns = [{ role: "user", content: [image("wide.webp"), text()] }];
  await call("count of tokens", () => client.messages.countTokens({ model: CLAUDE, messages: turns }));
  const params = { model: CLAUDE, max_tokens: 100, messages: turns };
  await call("batch", () => client.messages.batches.create({ requests: [{ custom_id: "a", params }] }));
  return ["@anthropic-ai/sdk"];
}

async function bedrock() {
  const { AnthropicBedrock } = await import("@anthropic-ai/bedrock-sdk");
  const client = new AnthropicBedrock({ awsAccessKey: "x", awsSecretKey: "x", awsRegion: "us-east-1", baseURL: server, maxRetries: 0 });
  const source = { type: "base64", media_type: "image/png", data: base64("small.png") };
  const messages = [{ role: "user", content: [{ type: "image", source }, text()] }];
  const model = `us.anthropic.${CLAUDE}`;
  await call("one image", () => client.messages.create({ model, max_tokens: 100, messages }));
  return ["@anthropic-ai/bedrock-sdk"];
}

async function openai() {
  const { default: OpenAI } = await import("openai");
  const client = new OpenAI({ apiKey: "x", baseURL: `${server}/v1`, maxRetries: 0 });
  const uri = (name) => `data:${mediaType(name)};base64,${base64(name)}`;
  const image = (name) => ({ type: "image_url", image_url: { url: uri(name), detail: "low" } });
  const input = (name) => ({ type: "input_image", image_url: uri(name), detail: "auto" });
  const chat = (name, content) =>
    call(`chat: ${name}`, () => client.chat.completions.create({ model: GPT, messages: [{ role: "user", content }] }));
  const respond = (name, items) => call(`responses: ${name}`, () => client.responses.create({ model: GPT, input: items }));
  await chat("several images", [text(), ...SEVERAL.map(image)]);
  await chat("document", [{ type: "file", file: { filename: "page.pdf", file_data: uri("page.pdf") } }, text()]);
  await chat("Buffer as address", [text(), { type: "image_url", image_url: { url: bytes("small.png") } }]);
  const content = [{ type: "input_text", text: ASK }, ...SEVERAL.map(input)];
  await respond("several images", [{ role: "user", content }]);
  const about = { call_id: "call_1" };
  const output = [{ type: "input_text", text: "a shot" }, input("wide.webp")];
  await respond("image in a tool result", [
    { role: "user", content: ASK },
    { type: "function_call", ...about, name: "shot", arguments: "{}" },
    { type: "function_call_output", ...about, output },
  ]);
  return ["openai"];
}

async function google() {
  const { GoogleGenAI, createPartFromBase64 } = await import("@google/genai");
  const client = new GoogleGenAI({ apiKey: "x", httpOptions: { baseUrl: server } });
  const part = (name) => createPartFromBase64(base64(name), mediaType(name));
  const generate = (name, contents, config = {}) =>
    call(name, () => client.models.generateContent({ model: GEMINI, contents, config }));
  await generate("one image", [part("photo.jpg"), ASK]);
  await generate("several images", [ASK, ...SEVERAL.slice(0, 3).map(part)], { systemInstruction: "Be short." });
  await generate("document", [part("page.pdf"), ASK]);
  const response = { result: "a shot" };
  const parts = [{ inlineData: { mimeType: "image/png", data: base64("small.png") } }];
  await generate("image in a tool result", [
    { role: "user", parts: [{ text: ASK }] },
    { role: "model", parts: [{ functionCall: { id: "c1", name: "shot", args: {} } }] },
    { role: "user", parts: [{ functionResponse: { id: "c1", name: "shot", response, parts } }] },
  ]);
  await generate("Buffer as data", [{ inlineData: { mimeType: "image/png", data: bytes("small.png") } }, ASK]);
  const image = { type: "image", mime_type: "image/png", data: base64("small.png") };
  await call("interaction: one image", () => client.interactions.create({ model: GEMINI, input: [text(), image] }));
  return ["@google/genai"];
}

async function mistral() {
  const { Mistral } = await import("@mistralai/mistralai");
  const client = new Mistral({ apiKey: "x", serverURL: server });
  const uri = (name) => `data:${mediaType(name)};base64,${base64(name)}`;
  const complete = (name, content) =>
    call(name, () => client.chat.complete({ model: MISTRAL, messages: [{ role: "user", content }] }));
  await complete("one image", [text(), { type: "image_url", imageUrl: uri("small.png") }]);
  await complete("several images", [text(), ...SEVERAL.map((name) => ({ type: "image_url", imageUrl: { url: uri(name) } }))]);
  await complete("document", [{ type: "document_url", documentUrl: uri("page.pdf") }, text()]);
  return ["@mistralai/mistralai"];
}

// The AI SDK: `suffix` is that of the names of its packages, of which two major versions are in use.
async function aiSdk(suffix) {
  const { generateText, tool, jsonSchema } = await import(`ai${suffix}`);
  const { createAnthropic } = await import(`@ai-sdk/anthropic${suffix}`);
  const { createOpenAI } = await import(`@ai-sdk/openai${suffix}`);
  const { createGoogleGenerativeAI } = await import(`@ai-sdk/google${suffix}`);
  const { createMistral } = await import(`@ai-sdk/mistral${suffix}`);
  const openai = createOpenAI({ apiKey: "x", baseURL: `${server}/v1` });
  const models = {
    anthropic: createAnthropic({ apiKey: "x", baseURL: `${server}/v1` })(CLAUDE),
    "openai responses": openai.responses(GPT),
    "openai chat": openai.chat(GPT),
    google: createGoogleGenerativeAI({ apiKey: "x", baseURL: `${server}/v1beta` })(GEMINI),
    mistral: createMistral({ apiKey: "x", baseURL: `${server}/v1` })(MISTRAL),
  };
  const tools = { shot: tool({ description: "a screenshot", inputSchema: jsonSchema(SCHEMA) }) };
  const image = (name) => ({ type: "image", image: new Uint8Array(bytes(name)), mediaType: mediaType(name) });
  const file = (name, data = new Uint8Array(bytes(name))) => ({ type: "file", data, mediaType: mediaType(name), filename: name });
  for (const [target, model] of Object.entries(models)) {
    const generate = (name, content, more = {}) =>
      call(`${target}: ${name}`, () =>
        generateText({ model, maxRetries: 0, messages: [{ role: "user", content }], ...more }));
    const several = target === "google" ? SEVERAL.slice(0, 3) : SEVERAL; // it takes no GIF
    await generate("one image", [text(), image("small.png")]);
    await generate("several images", [text(), ...several.map((name) => file(name))]);
    await generate("image without a media type", [text(), { type: "image", image: base64("photo.jpg") }]);
    await generate("system prompt", [image("photo.jpg"), text()], { system: "Be short." });
    const shot = ["anthropic", "openai responses"].includes(target) ? "wide.webp" : "noise.png"; // as text: a long one
    for (const type of ["image-data", "file-data", "media"]) {
      const output = { type: "content", value: [text("a shot"), { type, data: base64(shot), mediaType: mediaType(shot) }] };
      const messages = [
        { role: "user", content: ASK },
        { role: "assistant", content: [{ type: "tool-call", toolCallId: "call_1", toolName: "shot", input: {} }] },
        { role: "tool", content: [{ type: "tool-result", toolCallId: "call_1", toolName: "shot", output }] },
      ];
      await generate(`${type} in a tool result`, "", { messages, tools });
    }
    await generate("document", [file("page.pdf"), text()]);
    if (!["google", "mistral"].includes(target)) await generate("url image", [{ type: "image", image: new URL(WEB) }, text()]);
  }
  return ["ai", ...["anthropic", "openai", "google", "mistral"].map((name) => `@ai-sdk/${name}`)].map((name) => name + suffix);
}

const drivers = {
  "anthropic-typescript": anthropic,
  "anthropic-bedrock-typescript": bedrock,
  "openai-typescript": openai,
  "google-genai-typescript": google,
  "mistralai-typescript": mistral,
  "ai-sdk-6": () => aiSdk("-6"),
  "ai-sdk-7": () => aiSdk("-7"),
};
const names = await drivers[sdk]();
const versions = Object.fromEntries(names.map((name) => [name.replace(/-[67]$/, ""), installed(name)]));
console.log(JSON.stringify({ versions, failed }));
