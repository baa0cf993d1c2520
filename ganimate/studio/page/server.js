// What the page asks of the server. Every failure becomes an Error whose message helps.

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The studio does not answer: was it stopped in the terminal?");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({ message: `status ${answer.status}`, hint: "" }));
  const error = new Error(told.hint ? `${told.message} (${told.hint})` : told.message);
  error.status = answer.status;
  throw error;
}

const post = (path, wish, signal) =>
  ask(path, { method: "POST", body: JSON.stringify(wish), signal });

export const facts = async () => (await ask("/api/facts")).json();

/** Open a File, or with null the photo that the command named. */
export async function openPhoto(file) {
  const path = file ? `/api/photos?name=${encodeURIComponent(file.name)}` : "/api/photos?given";
  const told = await (await ask(path, { method: "POST", body: file })).json();
  return new Photo(told);
}

/** A patch of the picture, ready to be drawn: a bitmap, and where it belongs. */
async function patchOf(blob, box) {
  return { bitmap: await createImageBitmap(blob), box: box.split(" ").map(Number) };
}

export class Photo {
  constructor(told) {
    Object.assign(this, told);
    this.path = `/api/photos/${told.id}`;
  }

  async picture(scale) {
    const answer = await ask(`${this.path}/picture?scale=${scale}`);
    return createImageBitmap(await answer.blob());
  }

  async preview(wish, scale) {
    const answer = await post(`${this.path}/preview?scale=${scale}`, wish);
    return patchOf(await answer.blob(), answer.headers.get("X-Box"));
  }

  async words(wish) {
    return (await post(`${this.path}/words`, wish)).json();
  }

  async save(wish) {
    return (await post(`${this.path}/save`, wish)).blob();
  }

  /** Play a film: calls told({fps, frames}) once, then frame(patch) for each. */
  async play(wish, scale, signal, told, frame) {
    const answer = await post(`${this.path}/play?scale=${scale}`, wish, signal);
    const box = answer.headers.get("X-Box");
    told({ fps: +answer.headers.get("X-Fps"), frames: +answer.headers.get("X-Frames") });
    let held = new Uint8Array();
    for await (const part of chunks(answer)) {
      held = joined(held, part);
      while (held.length >= 4) {
        const length = new DataView(held.buffer, held.byteOffset).getUint32(0);
        if (held.length < 4 + length) break;
        const jpeg = new Blob([held.slice(4, 4 + length)], { type: "image/jpeg" });
        frame(await patchOf(jpeg, box));
        held = held.slice(4 + length);
      }
    }
  }

  /** Make a film file: calls told({done, frames}); returns the file's name. */
  async film(wish, signal, told) {
    const answer = await post(`${this.path}/film`, wish, signal);
    const decoder = new TextDecoder();
    let text = "";
    for await (const part of chunks(answer)) {
      text += decoder.decode(part, { stream: true });
      const lines = text.split("\n");
      text = lines.pop();
      for (const line of lines.map((one) => JSON.parse(one))) {
        if (line.message) throw new Error(line.message);
        if (line.file) return line.file;
        told(line);
      }
    }
    throw new Error("The film was broken off.");
  }

  close() {
    fetch(this.path, { method: "DELETE", keepalive: true }).catch(() => {});
  }
}

async function* chunks(answer) {
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function joined(first, second) {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Runs one job at a time, and of those that wait only the latest. */
export class Latest {
  constructor(run) {
    this.run = run;
    this.busy = false;
    this.waiting = null;
  }

  async ask(wish) {
    this.waiting = { wish };
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.waiting) {
        const { wish: next } = this.waiting;
        this.waiting = null;
        await this.run(next, () => this.waiting === null);
      }
    } finally {
      this.busy = false;
    }
  }
}

/** Give a file to the person. */
export function download(href, name) {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  link.click();
}
