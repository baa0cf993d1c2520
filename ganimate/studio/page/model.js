// What the person has set: a look for each face, and keyframes. With undo and redo.

export const emptyLook = () => ({ expression: "", strength: 1, changes: {} });

const SIDES = ["R", "L"];

/** {12: .8, "6L": .5} as pairs: {12: [.8, .8], 6: [0, .5]}; the subject's right, then left. */
export function pairs(intensities) {
  const found = {};
  for (const [name, value] of Object.entries(intensities)) {
    const number = parseInt(name, 10);
    const pair = (found[number] ??= [0, 0]);
    SIDES.forEach((side, row) => {
      if (!/[RL]$/.test(name) || name.endsWith(side)) pair[row] = value;
    });
  }
  return found;
}

/** A look in the words of the command line: "smile*0.8 12=0.5 45L=1"; "" changes nothing. */
export function lookText({ expression, strength, changes }, numbers) {
  const words = [];
  if (expression) words.push(strength < 1 ? `${expression}*${strength}` : expression);
  for (const number of numbers) {
    for (const side of ["", ...SIDES]) {
      const value = changes[`${number}${side}`];
      if (value !== undefined) words.push(`${number}${side}=${value}`);
    }
  }
  return words.join(" ");
}

export class Model {
  /** facts: the server's; changed: called after each change, with whether it is settled. */
  constructor(facts, changed) {
    this.units = facts.units;
    this.numbers = facts.units.map((unit) => unit.number);
    this.expressions = Object.fromEntries(
      facts.expressions.map((one) => [one.name, pairs(one.intensities)]),
    );
    this.changed = changed;
    this.photo = null;
    this.begin(null);
  }

  begin(photo) {
    this.photo = photo;
    this.currents = photo ? photo.faces.map((face) => pairs(face.current)) : [];
    this.rests = photo ? photo.faces.map((face) => pairs(face.rest)) : [];
    this.face = photo ? photo.largest : 0;
    this.state = { looks: photo ? photo.faces.map(emptyLook) : [], keys: [], blink: false };
    this.past = [];
    this.future = [];
    this.settled = JSON.stringify(this.state);
    this.selected = null; // the key that the sliders change, by its number
    this.side = "";
  }

  get look() {
    return this.state.looks[this.face];
  }

  get key() {
    return this.state.keys.find((key) => key.id === this.selected) ?? null;
  }

  text(face = this.face) {
    return lookText(this.state.looks[face], this.numbers);
  }

  /** What a slider shows: the intensity of an action unit, on the chosen side. */
  value(number) {
    const [right, left] = this.resolved(number);
    return this.side ? (this.side === "R" ? right : left) : (right + left) / 2;
  }

  resolved(number) {
    const { expression, strength, changes } = this.look;
    const start = this.currents[this.face][number] ?? [0, 0];
    const rest = this.rests[this.face][number] ?? [0, 0];
    const asked = (expression && this.expressions[expression][number]) || [0, 0];
    const end = rest.map((own, row) => own + (1 - own) * asked[row]);
    return SIDES.map((side, row) => {
      const mixed = (1 - strength) * start[row] + strength * end[row];
      return changes[`${number}${side}`] ?? changes[number] ?? (expression ? mixed : start[row]);
    });
  }

  isChanged(number) {
    return ["", ...SIDES].some((side) => `${number}${side}` in this.look.changes);
  }

  // Changes. Those that a hand is still making are not settled: undo skips them.

  set(number, value, settled) {
    const { changes } = this.look;
    if (!this.side) for (const side of SIDES) delete changes[`${number}${side}`];
    changes[`${number}${this.side}`] = value;
    this.touched(settled);
  }

  unset(number) {
    for (const side of ["", ...SIDES]) delete this.look.changes[`${number}${side}`];
    this.touched(true);
  }

  express(name) {
    const again = this.look.expression === name;
    this.state.looks[this.face] = again ? emptyLook() : { ...emptyLook(), expression: name };
    this.touched(true);
  }

  strengthen(strength, settled) {
    this.look.strength = strength;
    this.touched(settled);
  }

  reset() {
    this.state.looks[this.face] = emptyLook();
    this.touched(true);
  }

  touched(settled) {
    if (this.key) this.key.look = structuredClone(this.look);
    this.settle(settled);
  }

  settle(settled = true) {
    if (settled) {
      const now = JSON.stringify(this.state);
      if (now !== this.settled) {
        this.past.push(this.settled);
        this.future = [];
        this.settled = now;
      }
    }
    this.changed(settled);
  }

  /** From here on, steps can be taken out of the history again. */
  mark() {
    this.marked = { steps: this.past.length, settled: this.settled };
  }

  forget() {
    if (!this.marked) return;
    this.past.length = Math.min(this.past.length, this.marked.steps);
    this.settled = this.marked.settled;
    this.marked = null;
  }

  undo() {
    this.travel(this.past, this.future);
  }

  redo() {
    this.travel(this.future, this.past);
  }

  travel(from, to) {
    if (!from.length) return;
    to.push(this.settled);
    this.settled = from.pop();
    this.state = JSON.parse(this.settled);
    if (!this.key) this.selected = null;
    this.changed(true);
  }

  // Keyframes

  addKey(at) {
    this.state.keys = this.state.keys.filter((key) => Math.abs(key.at - at) >= 0.02);
    const id = Math.max(0, ...this.state.keys.map((key) => key.id)) + 1;
    this.state.keys.push({ id, at, look: structuredClone(this.look), easing: "" });
    this.sortKeys();
    this.settle();
  }

  moveKey(key, at, settled) {
    while (this.state.keys.some((one) => one !== key && Math.abs(one.at - at) < 0.02)) at += 0.05;
    key.at = Math.round(Math.max(0, at) * 100) / 100;
    this.sortKeys();
    this.settle(settled);
  }

  removeKey(key) {
    this.state.keys = this.state.keys.filter((one) => one !== key);
    this.selected = null;
    this.settle();
  }

  select(key) {
    this.selected = key ? key.id : null;
    if (key) this.state.looks[this.face] = structuredClone(key.look);
    this.settle();
  }

  sortKeys() {
    this.state.keys.sort((one, other) => one.at - other.at);
  }

  /** What the server is asked for. */
  film() {
    const keys = this.state.keys.map(({ at, look, easing }) => ({
      at,
      look: lookText(look, this.numbers) || "current",
      easing,
    }));
    return { face: this.face, keys, blink: this.state.blink };
  }

  looks() {
    const texts = this.state.looks.map((_, face) => [face, this.text(face)]);
    return Object.fromEntries(texts.filter(([, text]) => text));
  }
}
