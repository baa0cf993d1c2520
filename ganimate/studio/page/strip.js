// The keyframe strip: keys on a ruler, the playhead, and what plays.

import { element } from "./panel.js";

const byId = (id) => document.getElementById(id);
const STEP = 0.05;
const SNAP = 0.06; // seconds within which the playhead falls on a key

export class Strip {
  /** shown: called when the playhead stands at another moment; stopped: when playing has ended. */
  constructor(model, facts, { shown, thumbnail, label }) {
    Object.assign(this, { model, shown, thumbnail, label });
    this.longest = facts.max_seconds;
    this.playhead = byId("playhead");
    this.mark = element("div", { id: "mark" });
    byId("track").append(this.mark);
    byId("key-easing").append(
      ...["", ...facts.easings].map((name) => new Option(name || "as it comes", name)),
    );
    this.playhead.addEventListener("input", () => this.seek(+this.playhead.value));
    byId("add").addEventListener("click", () => this.add());
    byId("key-at").addEventListener("change", (event) => {
      model.moveKey(model.key, Math.min(+event.target.value || 0, this.longest), true);
      this.at = model.key.at;
    });
    byId("key-easing").addEventListener("change", (event) => {
      model.key.easing = event.target.value;
      model.settle();
    });
    byId("key-delete").addEventListener("click", () => model.removeKey(model.key));
    byId("blink").addEventListener("change", (event) => {
      model.state.blink = event.target.checked;
      model.settle();
    });
    this.show();
  }

  get at() {
    return +this.playhead.value;
  }

  set at(seconds) {
    this.playhead.max = Math.max(this.span, seconds);
    this.playhead.value = seconds;
    this.placeMark();
  }

  get span() {
    const last = this.model.state.keys.at(-1)?.at ?? 0;
    return Math.min(this.longest, Math.max(4, Math.ceil(last + 1), Math.ceil(this.at)));
  }

  /** Put the playhead somewhere; on a key, the sliders change that key. */
  seek(seconds) {
    const near = this.model.state.keys.find((key) => Math.abs(key.at - seconds) < SNAP);
    this.at = near ? near.at : seconds;
    if ((near?.id ?? null) !== this.model.selected) this.model.select(near ?? null);
    this.shown(near ?? null);
  }

  /** A key at the playhead; then the playhead moves on, ready for the next one. */
  add() {
    this.model.selected = null;
    this.model.addKey(this.at);
    this.at = Math.min(this.at + 1, this.longest);
    this.show();
  }

  show() {
    const { model } = this;
    const { keys, blink } = model.state;
    const open = model.photo !== null;
    byId("add").disabled = !open;
    byId("play").disabled = byId("export").disabled = keys.length < 2;
    byId("story").disabled = keys.length < 2;
    byId("no-keys").hidden = keys.length > 0;
    byId("blink").checked = blink;
    this.playhead.disabled = !open;
    this.playhead.max = this.span;
    this.drawRuler();
    this.placeMark();
    this.showKeys(keys);
    const key = model.key;
    byId("key-fields").hidden = !key;
    if (!key) return;
    byId("key-at").value = key.at;
    byId("key-easing").value = key.easing;
  }

  showKeys(keys) {
    const box = byId("keys");
    const known = new Map([...box.children].map((button) => [+button.dataset.id, button]));
    for (const [id, button] of known) if (!keys.some((key) => key.id === id)) button.remove();
    keys.forEach((key, index) => {
      const button = known.get(key.id) ?? this.handle(key.id);
      const name = this.label(key.look);
      button.style.left = `${(100 * key.at) / this.span}%`;
      button.setAttribute("aria-label", `Key ${index + 1} at ${key.at} seconds: ${name}`);
      button.setAttribute("aria-pressed", key.id === this.model.selected);
      button.title = `${key.at} s: ${name}`;
      button.lastChild.textContent = name;
      this.thumbnail(button.firstChild, key);
      if (!known.has(key.id)) box.append(button);
    });
  }

  /** A key's button: click selects, dragging and the arrow keys move, Delete removes. */
  handle(id) {
    const button = element(
      "button", { type: "button" }, element("canvas", { width: 100, height: 100 }), element("span"),
    );
    button.dataset.id = id;
    const find = () => this.model.state.keys.find((key) => key.id === id);
    const move = (at, settled) => {
      this.model.moveKey(find(), Math.min(at, this.longest), settled);
      if (this.model.selected === id) this.at = find().at;
    };
    button.addEventListener("click", () => this.seek(find().at));
    button.addEventListener("pointerdown", (down) => {
      const start = find().at;
      const span = this.span;
      const width = byId("keys").clientWidth;
      const moved = (event) => Math.round((start + ((event.clientX - down.clientX) * span) / width) / STEP) * STEP;
      const drag = (event) => {
        if (Math.abs(event.clientX - down.clientX) > 3) move(moved(event), false);
      };
      button.setPointerCapture(down.pointerId);
      button.addEventListener("pointermove", drag);
      const end = () => {
        button.removeEventListener("pointermove", drag);
        button.removeEventListener("pointerup", end);
        button.removeEventListener("pointercancel", end);
        this.model.settle();
      };
      button.addEventListener("pointerup", end);
      button.addEventListener("pointercancel", end);
    });
    button.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (steps) {
        event.preventDefault();
        move(find().at + steps * (event.shiftKey ? 10 : 1) * STEP, true);
      } else if (event.key === "Delete" || event.key === "Backspace") {
        event.preventDefault();
        this.model.removeKey(find());
        byId("add").focus();
      }
    });
    return button;
  }

  placeMark() {
    const share = this.at / this.playhead.max;
    this.mark.style.left = `calc(var(--edge) + (100% - 2 * var(--edge)) * ${share})`;
    this.playhead.style.setProperty("--share", share);
    this.playhead.setAttribute("aria-valuetext", `${this.at} seconds`);
  }

  drawRuler() {
    const { span } = this;
    if (this.drawn === span) return;
    this.drawn = span;
    const every = [0.5, 1, 2, 5, 10, 20].find((step) => span / step <= 16);
    const ticks = [];
    for (let at = 0; at <= span; at += every) {
      const tick = element("span", { textContent: `${at} s` });
      tick.style.left = `${(100 * at) / span}%`;
      ticks.push(tick);
    }
    byId("ruler").replaceChildren(...ticks);
  }
}

/** Plays frames as they come in, round and round; waits where they come too slowly. */
export class Player {
  constructor(draw) {
    this.draw = draw;
    this.frames = [];
  }

  start({ fps, frames }) {
    this.fps = fps;
    this.total = frames;
    let next = 0;
    let due = performance.now();
    const tick = (now) => {
      if (now >= due && next < this.frames.length) {
        this.draw(this.frames[next], next / fps);
        // The last look stays for a moment before all begins anew.
        due = Math.max(due + 1000 / fps, now) + (next === frames - 1 ? 500 : 0);
        next = (next + 1) % frames;
      }
      this.handle = requestAnimationFrame(tick);
    };
    this.handle = requestAnimationFrame(tick);
  }

  stop() {
    cancelAnimationFrame(this.handle);
    for (const { bitmap } of this.frames) bitmap.close();
  }
}
