// Ties the parts together: what the person does, what the server paints, what is shown.

import { lookText, Model } from "./model.js";
import { choice, Panel } from "./panel.js";
import { download, facts, Latest, openPhoto } from "./server.js";
import { Stage } from "./stage.js";
import { Player, Strip } from "./strip.js";

const byId = (id) => document.getElementById(id);

// The token has become a cookie; it need not stay in the address.
history.replaceState(null, "", "/");

const known = await facts();
let photo = null;
let attention = false;
let moment = null; // seconds, while the film is looked at between its keys
let playing = null; // {player, abort}
let words = {};
let command = "edit"; // or "animate"
const thumbnails = new Map(); // "face look" -> a small canvas

const model = new Model(known, (settled) => {
  stop();
  moment = null;
  panel.show();
  strip.show();
  showHistory();
  paint();
  if (settled) tell.ask();
});
const panel = new Panel(model, known);
const stage = new Stage(pickFace);
const strip = new Strip(model, known, { shown: seek, thumbnail, label });

// Painting

const painter = new Latest(async ({ face, text, wish }, isLast) => {
  if (!wish) {
    stage.patches.delete(face);
    stage.moment = null;
  } else {
    const patch = await photo.preview(wish, stage.scale).catch(complain);
    if (!patch) return;
    if ("at" in wish) stage.moment = patch;
    else {
      stage.patches.set(face, patch);
      stage.moment = null;
    }
  }
  stage.draw();
  describe(text);
  if (isLast()) fillThumbnails();
});

function paint() {
  if (!photo) return;
  const face = model.face;
  const text = model.text();
  if (moment !== null && model.state.keys.length > 1) {
    painter.ask({ face, text: `${moment} s`, wish: { ...model.film(), at: moment, attention } });
    return;
  }
  const wish = text || attention ? { face, look: text || "current", attention } : null;
  painter.ask({ face, text, wish });
}

function describe(text) {
  const shown = text || "as in the photo";
  const faces = photo.faces.length > 1 ? `, face ${model.face}` : "";
  stage.canvas.setAttribute("aria-label", `${photo.name}${faces}: ${shown}`);
  stage.canvas.dataset.look = text;
}

/** The photo and all patches again, at the size that the window has now. */
const refresher = new Latest(async () => {
  const scale = stage.scale;
  if (stage.drawnScale === scale) return;
  stage.drawnScale = scale;
  const bitmap = await photo.picture(scale).catch(complain);
  if (!bitmap) return;
  stage.bitmap = bitmap;
  for (const [face, text] of Object.entries(model.looks())) {
    if (+face === model.face) continue;
    const patch = await photo.preview({ face: +face, look: text }, scale).catch(complain);
    if (patch) stage.patches.set(+face, patch);
  }
  stage.draw();
  paint();
});
stage.onResize = () => photo && refresher.ask();

// Thumbnails of keys

function thumbnail(canvas, key) {
  const made = thumbnails.get(`${model.face} ${lookText(key.look, model.numbers)}`);
  const context = canvas.getContext("2d");
  if (made) context.drawImage(made, 0, 0);
  else context.clearRect(0, 0, canvas.width, canvas.height);
}

async function fillThumbnails() {
  const face = model.face;
  const texts = model.state.keys.map((key) => lookText(key.look, model.numbers));
  const missing = texts.find((text) => !thumbnails.has(`${face} ${text}`));
  if (missing === undefined || playing || painter.waiting) return;
  const patch = missing
    ? await photo.preview({ face, look: missing }, stage.scale).catch(complain)
    : null;
  if (missing && !patch) return;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 100;
  stage.thumbnail(canvas, patch);
  thumbnails.set(`${face} ${missing}`, canvas);
  strip.show();
  fillThumbnails();
}

function label({ expression, strength, changes }) {
  const changed = Object.keys(changes);
  if (expression) {
    const name = expression.replaceAll("-", " ");
    return `${name}${strength < 1 ? ` ${strength}` : ""}${changed.length ? " +" : ""}`;
  }
  return changed.length ? `AU ${changed.join(" ")}` : "photo";
}

// Photos

async function open(file) {
  if (file && file.size > known.max_upload) {
    complain(new Error(`${file.name}: this file is too large for a photo`));
    return;
  }
  stop();
  busy("Looking for faces …");
  try {
    const opened = await openPhoto(file);
    photo?.close();
    photo = opened;
  } catch (error) {
    complain(error);
    return;
  } finally {
    busy("");
  }
  byId("message").hidden = true;
  byId("welcome").hidden = true;
  byId("name").textContent = fileName();
  byId("name").title = photo.name;
  document.title = `${fileName()} · ganimate studio`;
  thumbnails.clear();
  moment = null;
  stage.open(photo);
  stage.drawnScale = null;
  toggle("zoom", false);
  model.begin(photo);
  await refresher.ask();
  strip.at = 0;
  model.changed(true);
  byId("save").disabled = false;
  const { faces, notices } = photo;
  if (notices.length) busy(notices.join(" "));
  else if (faces.length > 1) busy(`${faces.length} faces: click the one to change`);
}

function fileName() {
  return photo.name.split(/[\\/]/).at(-1);
}

function pickFace(face) {
  stop();
  moment = null;
  model.face = stage.face = face;
  busy("");
  model.selected = null;
  if (stage.zoomed) refresher.ask();
  stage.draw();
  model.changed(true);
}

// The film

function seek(key) {
  stop();
  moment = key ? null : strip.at;
  if (model.state.keys.length > 1) showCommand("animate");
  paint();
}

async function play() {
  if (playing) {
    stop();
    paint();
    return;
  }
  const abort = new AbortController();
  const player = new Player((patch, at) => {
    stage.moment = patch;
    stage.draw();
    stage.canvas.dataset.look = `${at} s`;
    strip.at = at;
  });
  playing = { player, abort };
  byId("play").textContent = "Pause";
  showCommand("animate");
  try {
    await photo.play(
      model.film(), stage.scale, abort.signal,
      (told) => player.start(told),
      (patch) => player.frames.push(patch),
    );
  } catch (error) {
    if (error.name !== "AbortError") complain(error);
  }
}

function stop() {
  if (!playing) return;
  playing.abort.abort();
  playing.player.stop();
  playing = null;
  stage.moment = null;
  byId("play").textContent = "Play";
}

async function exportFilm() {
  const abort = new AbortController();
  const done = byId("done");
  done.removeAttribute("value");
  byId("stop").onclick = () => abort.abort();
  byId("progress").hidden = false;
  byId("export").hidden = byId("film-format").hidden = true;
  try {
    const wish = { ...model.film(), suffix: byId("film-format").value };
    const name = await photo.film(wish, abort.signal, (told) => {
      done.max = told.frames;
      done.value = told.done;
    });
    download(`${photo.path}/film`, name);
    busy(`${name} is made`);
  } catch (error) {
    if (error.name !== "AbortError") complain(error);
  }
  byId("progress").hidden = true;
  byId("export").hidden = byId("film-format").hidden = false;
}

// Words

const tellNow = async () => {
  words = await photo.words({ looks: model.looks(), ...model.film() }).catch(complain) ?? {};
};

const tell = new Latest(async () => {
  if (!photo) return;
  await tellNow();
  showCommand(model.state.keys.length > 1 && (moment !== null || model.key) ? "animate" : "edit");
});

function showCommand(which) {
  command = which;
  setWhich(which);
  byId("command").value = words[which] ?? "";
  byId("copy").disabled = !words[which];
}

const setWhich = choice(
  byId("which"), "which",
  [["edit", "Picture", "The command that makes this picture"],
   ["animate", "Film", "The command that makes this film of story.yaml"]],
  showCommand,
);
setWhich(command);

function complain(error) {
  const message = byId("message");
  message.textContent = error.message;
  message.hidden = false;
  clearTimeout(message.timer);
  message.timer = setTimeout(() => (message.hidden = true), 12000);
}

function busy(text) {
  byId("status").textContent = text;
}

function showHistory() {
  byId("undo").disabled = !model.past.length;
  byId("redo").disabled = !model.future.length;
  byId("reset").disabled = !photo || !model.text();
}

// Buttons and keys

function toggle(id, on) {
  byId(id).setAttribute("aria-pressed", on);
  return on;
}

function showBefore(on) {
  stage.before = on;
  byId("before").setAttribute("aria-pressed", on);
  stage.draw();
}

const pressed = (id) => byId(id).getAttribute("aria-pressed") === "true";
const click = (id, action) => byId(id).addEventListener("click", action);

click("choose", () => byId("file").click());
click("choose-first", () => byId("file").click());
byId("file").addEventListener("change", (event) => {
  if (event.target.files.length) open(event.target.files[0]);
  event.target.value = "";
});
click("undo", () => model.undo());
click("redo", () => model.redo());
click("reset", () => model.reset());
click("play", play);
click("export", exportFilm);
click("attention", () => {
  attention = toggle("attention", !attention);
  paint();
});
click("divide", () => {
  stage.divided = toggle("divide", !stage.divided);
  byId("divider").hidden = byId("line").hidden = !stage.divided;
  stage.draw();
});
click("zoom", () => {
  stage.zoomed = toggle("zoom", !stage.zoomed);
  stage.draw();
  if (photo) refresher.ask();
});
click("save", async () => {
  const suffix = byId("picture-format").value;
  try {
    const blob = await photo.save({ looks: model.looks(), suffix });
    const link = URL.createObjectURL(blob);
    download(link, `${fileName().replace(/\.[^.]*$/, "")}-edited${suffix}`);
    setTimeout(() => URL.revokeObjectURL(link), 60000);
  } catch (error) {
    complain(error);
  }
});
click("story", async () => {
  await tellNow(); // what was told last may be older than the last change
  if (!words.story) return;
  const link = URL.createObjectURL(new Blob([words.story], { type: "application/yaml" }));
  download(link, "story.yaml");
  setTimeout(() => URL.revokeObjectURL(link), 60000);
});
click("copy", async () => {
  try {
    await navigator.clipboard.writeText(byId("command").value);
    busy("Copied");
  } catch {
    byId("command").select();
    busy("Press Ctrl+C to copy");
  }
});

const before = byId("before");
before.addEventListener("pointerdown", (event) => {
  before.setPointerCapture(event.pointerId);
  showBefore(true);
});
for (const name of ["pointerup", "pointercancel", "blur"]) {
  before.addEventListener(name, () => showBefore(false));
}

const holds = (event) =>
  event.key.toLowerCase() === "b" ||
  (event.key === " " && (event.target === document.body || event.target === before));

document.addEventListener("keydown", (event) => {
  const writing = event.target.matches("input[type=number], input[type=text], select");
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (control && (key === "z" || key === "y")) {
    event.preventDefault();
    if (key === "y" || event.shiftKey) model.redo();
    else model.undo();
  } else if (!control && !writing && holds(event)) {
    event.preventDefault();
    if (!event.repeat) showBefore(true);
  } else if (!control && !writing && key === "k" && photo) strip.add();
  else if (!control && !writing && key === "p" && !byId("play").disabled) play();
});
document.addEventListener("keyup", (event) => {
  if (holds(event) && stage.before) showBefore(false);
});
addEventListener("blur", () => showBefore(false));

const screen = byId("screen");
addEventListener("dragover", (event) => {
  event.preventDefault();
  screen.classList.add("over");
});
addEventListener("dragleave", () => screen.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  screen.classList.remove("over");
  if (event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
});
addEventListener("pagehide", () => photo?.close());

byId("picture-format").append(...known.pictures.map((suffix) => new Option(suffix.slice(1), suffix)));
byId("film-format").append(...known.films.map((suffix) => new Option(suffix.slice(1), suffix)));
showHistory();
document.body.dataset.ready = "";
if (known.photo) open(null);
