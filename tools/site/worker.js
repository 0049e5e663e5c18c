// Runs the product's own Python in a worker, so that the page stays usable. It has no network code: what it
// loads are the files beside it, once.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const FOLDER = "/dropped";
const here = new URL(".", import.meta.url).href;

async function start(wheel) {
  const [python, archive, program] = await Promise.all([
    loadPyodide({ indexURL: `${here}pyodide/` }),
    fetch(`${here}${wheel}`).then((answer) => answer.arrayBuffer()),
    fetch(`${here}cost.py`).then((answer) => answer.text()),
  ]);
  python.unpackArchive(archive, "wheel");
  python.FS.writeFile("/home/pyodide/cost.py", program);
  python.FS.mkdir(FOLDER);
  const answers = python.pyimport("cost").Answers();
  return { python, answers };
}

// Files are read where they are, by position: only the parts that hold headers are read at all.
function ofFiles({ python, answers }, files) {
  const blobs = files.map((file, at) => ({ name: `${at}/${file.name.replaceAll("/", "_")}`, data: file }));
  python.FS.mount(python.FS.filesystems.WORKERFS, { blobs }, FOLDER);
  try {
    const paths = python.toPy(blobs.map((blob) => `${FOLDER}/${blob.name}`));
    try {
      return answers.files(paths);
    } finally {
      paths.destroy();
    }
  } finally {
    python.FS.unmount(FOLDER);
  }
}

let started;

self.onmessage = async ({ data }) => {
  try {
    started ??= start(data.wheel);
    const ready = await started;
    if (data.wheel) {
      postMessage({ about: JSON.parse(ready.answers.about()) });
    } else {
      const text = data.files ? ofFiles(ready, data.files) : ready.answers.size(data.size);
      postMessage({ number: data.number, answer: JSON.parse(text) });
    }
  } catch (error) {
    postMessage({ number: data.number, failure: String(error.message ?? error) });
  }
};
