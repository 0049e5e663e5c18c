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
  nameUnreadable(python);
  const answers = python.pyimport("cost").Answers();
  return { python, answers };
}

// A file may be gone or changed since it was chosen, or be a folder: to Python that is an OSError like any other.
function nameUnreadable(python) {
  const { filesystems, ErrnoError } = python.FS;
  const operations = filesystems.WORKERFS.stream_ops;
  const { read } = operations;
  const { EIO } = python.pyimport("errno");
  operations.read = (...given) => {
    try {
      return read(...given);
    } catch (error) {
      throw error instanceof ErrnoError ? error : new ErrnoError(EIO);
    }
  };
}

// A name is one step of a path, and no other folder.
const step = (name) => (/^\.{0,2}$/.test(name) ? `file ${name}` : name.replaceAll("/", "_"));

// Files are read where they are, by position: only the parts that hold headers are read at all.
function ofFiles({ python, answers }, files) {
  const blobs = files.map((file, at) => ({ name: `${at}/${step(file.name)}`, data: file }));
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
let wheel;

self.onmessage = async ({ data }) => {
  wheel ??= data.wheel;
  try {
    started ??= start(wheel);
    const ready = await started;
    if (data.wheel) {
      postMessage({ about: JSON.parse(ready.answers.about()) });
    } else {
      const text = data.files ? ofFiles(ready, data.files) : ready.answers.size(data.size);
      postMessage({ number: data.number, answer: JSON.parse(text) });
    }
  } catch (error) {
    started = undefined; // what has failed may be unusable: the next question starts Python again
    postMessage({ number: data.number, failure: String(error.message ?? error) });
  }
};
