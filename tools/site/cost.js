// The page "What does this image cost?": asks the worker, and shows its answer.
const wheel = new URL(import.meta.url).searchParams.get("wheel");
const part = (name) => document.getElementById(`cost-${name}`);
const frame = document.getElementById("cost");
const [state, errors, controls, answers] = ["state", "errors", "controls", "answers"].map(part);

// The worker begins as a blob, because such a worker obeys the content security policy of this page.
const program = `import ${JSON.stringify(new URL("worker.js", import.meta.url).href)};`;
const source = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
const worker = new Worker(source, { type: "module" });

let about = null;
let latest = 0;
let shown = null;
let leftOut = [];
let asked = 0;
const began = performance.now();

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function ask(question, what) {
  latest += 1;
  asked = performance.now();
  frame.dataset.state = about ? "working" : "loading";
  state.textContent = about ? `Reading ${what} …` : `Loading Python, then reading ${what} …`;
  worker.postMessage({ number: latest, ...question });
}

function askSize() {
  leftOut = [];
  const size = part("size").value;
  history.replaceState(null, "", `#${encodeURIComponent(size.trim().replaceAll(/[\s,]+/g, ","))}`);
  ask({ size }, "the size");
}

function askFiles(files, folders = []) {
  const list = [...files];
  if (list.length > 0 || folders.length > 0) {
    leftOut = folders.map(({ name }) => ({ name, text: "a folder: drop the images in it" }));
    history.replaceState(null, "", location.pathname + location.search);
    ask({ files: list }, list.length === 1 ? list[0].name : `${list.length} files`);
  }
}

worker.onmessage = ({ data }) => {
  if (data.about) {
    about = data.about;
    frame.dataset.startup = Math.round(performance.now() - began);
    if (latest === 0) state.textContent = ready();
    return;
  }
  if (data.number !== latest && data.number !== undefined) return;
  if (data.failure) {
    answers.replaceChildren(); // what is there answers an earlier question
    errors.hidden = controls.hidden = true;
    frame.dataset.state = "failed";
    state.textContent = `This failed: ${data.failure}`;
    return;
  }
  shown = data.answer;
  show();
  frame.dataset.took = Math.round(performance.now() - asked);
  frame.dataset.state = "ready";
};
worker.onerror = (event) => {
  frame.dataset.state = "failed";
  state.textContent = `Python could not be loaded: ${event.message || "the worker did not start"}`;
};

const ready = () => `Limits and prices of ${about.day}, imgbudget ${about.version}: ${about.models} models.`;

function show() {
  const unread = [...shown.errors, ...leftOut];
  errors.replaceChildren(
    ...unread.map(({ name, text }) => element("li", {}, element("strong", {}, name), name ? ": " : "", text)),
  );
  errors.hidden = unread.length === 0;
  const count = shown.images.length;
  const of = count === 0 ? "Nothing could be read. " : count === 1 ? "" : `${count} images. `;
  state.textContent = `${of}${ready()}`;
  controls.hidden = count === 0;
  const platforms = part("platform");
  if (count > 0 && platforms.options.length === 1) {
    const names = new Set(shown.images[0].rows.map((row) => row.platform));
    platforms.append(...[...names].map((name) => element("option", { value: name }, name)));
  }
  const sections = shown.images.map((image, at) => section(image, count === 1 || at === 0));
  if (shown.sum.length > 0) {
    const sum = { name: `All ${count} images together`, facts: "", size: "", rows: shown.sum };
    sections.unshift(section(sum, true));
  }
  answers.replaceChildren(...sections);
}

function section(image, isOpen) {
  const head = element("summary", {}, element("strong", {}, image.name));
  if (image.size && image.size !== image.name) head.append(` ${image.size} px`);
  if (image.facts) head.append(element("span", { className: "cost-facts" }, image.facts));
  const made = element("details", { open: isOpen, className: "cost-image" }, head);
  const fill = () => made.childElementCount > 1 || made.append(table(image));
  if (isOpen) fill();
  made.addEventListener("toggle", fill);
  return made;
}

const HEADS = ["model", "as seen, px", "tokens", "cost", "1,000 images", "what to know"];
const HEADS_OF_SUM = HEADS.with(1, "").with(4, "1,000 times");

function table(image) {
  const heads = image.size ? HEADS : HEADS_OF_SUM;
  const rows = wanted(image.rows).map((row) => tr(row, heads));
  const head = element("tr", {}, ...heads.map((text) => element(text ? "th" : "td", text ? { scope: "col" } : {}, text)));
  const caption = element("caption", {}, `What each model makes of ${image.name}`);
  const none = element("tr", {}, element("td", { colSpan: heads.length }, "no model has this in its name"));
  return element(
    "table",
    { className: "cost-table" },
    caption,
    element("thead", {}, head),
    element("tbody", {}, ...(rows.length > 0 ? rows : [none])),
  );
}

function tr(row, heads) {
  const cell = (text, label, className = "") => {
    const made = element("td", { className }, text);
    made.dataset.label = label;
    return made;
  };
  const model = element("th", { scope: "row" }, row.model, element("span", { className: "cost-by" }, row.platform));
  const last = cell("", heads[5], "cost-know");
  last.append(
    ...row.findings.map((finding) => element("p", { className: finding.severity, title: finding.help ?? "" }, link(finding), ` ${finding.message}`)),
    ...row.notes.map((note) => element("p", { className: "note" }, note)),
  );
  const figures = [row.seen, row.tokens, row.cost, row.per].map((text, at) =>
    cell(text, heads[at + 1], at === 0 ? "" : "figure"),
  );
  return element("tr", {}, model, ...figures, last);
}

const link = ({ code, name }) =>
  element("a", { href: new URL(`rules/${code.toLowerCase()}.html`, document.baseURI).href }, `${code} ${name}`);

function wanted(rows) {
  const [text, platform, order] = ["filter", "platform", "sort"].map((name) => part(name).value.trim());
  const found = rows.filter(
    (row) => row.model.includes(text.toLowerCase()) && (platform === "" || row.platform === platform),
  );
  const last = Number.POSITIVE_INFINITY; // what is not known comes last
  const keys = { cost: (row) => row.costs?.at(-1) ?? last, tokens: (row) => row.ends?.at(-1) ?? last };
  if (order === "model") return found.sort((a, b) => a.model.localeCompare(b.model));
  const key = keys[order];
  return key ? found.sort((a, b) => key(a) - key(b) || 0) : found;
}

function refresh() {
  const open = [...answers.children].map((one) => one.open);
  show();
  [...answers.children].forEach((one, at) => (one.open = open[at]));
}

for (const name of ["filter", "platform", "sort"]) part(name).addEventListener("input", refresh);
part("form").addEventListener("submit", (event) => {
  event.preventDefault();
  askSize();
});
part("files").addEventListener("change", (event) => askFiles(event.target.files));
document.addEventListener("paste", (event) => askFiles(event.clipboardData?.files ?? []));
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    frame.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => event.relatedTarget ?? frame.classList.remove("over"));
document.addEventListener("drop", (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  frame.classList.remove("over");
  const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
  const isFolder = items.map((item) => item.webkitGetAsEntry()?.isDirectory ?? false);
  const dropped = [...event.dataTransfer.files];
  askFiles(dropped.filter((_, at) => !isFolder[at]), dropped.filter((_, at) => isFolder[at]));
});

worker.postMessage({ wheel });
if (location.hash.length > 1) part("size").value = decodeURIComponent(location.hash.slice(1)).replaceAll(",", " ");
askSize();
