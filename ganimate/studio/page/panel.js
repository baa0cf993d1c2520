// The sliders, the expressions, and what says which muscle moves.

import { drawMuscle, GROUPS } from "./muscles.js";

const SIDES = [["", "Both sides"], ["R", "Right"], ["L", "Left"]];

const byId = (id) => document.getElementById(id);

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A choice of one: options are [value, label]; returns a function that sets it. */
export function choice(box, name, options, chosen) {
  for (const [value, label, title] of options) {
    const input = element("input", { type: "radio", name, value });
    input.addEventListener("change", () => chosen(value));
    box.append(element("label", { title: title ?? "" }, input, label));
  }
  return (value) => {
    for (const input of box.querySelectorAll("input")) input.checked = input.value === value;
  };
}

export function fill(slider, value) {
  slider.value = value;
  slider.style.setProperty("--share", slider.value / slider.max);
}

export class Panel {
  constructor(model, facts) {
    this.model = model;
    this.rows = new Map();
    const units = Object.fromEntries(facts.units.map((unit) => [unit.number, unit]));
    for (const [title, numbers] of GROUPS) {
      const rows = numbers.map((number) => this.row(units[number]));
      byId("sliders").append(
        element("fieldset", {}, element("legend", { textContent: title }), ...rows),
      );
    }
    this.chips = facts.expressions.map((one) => this.chip(one));
    byId("names").append(...this.chips);
    this.setSide = choice(byId("side"), "side", SIDES, (side) => {
      model.side = side;
      this.show();
    });
    const strength = byId("strength");
    strength.addEventListener("input", () => model.strengthen(+strength.value, false));
    strength.addEventListener("change", () => model.strengthen(+strength.value, true));
    drawMuscle(byId("drawing"), null);
    this.show();
  }

  row(unit) {
    const id = `au${unit.number}`;
    const slider = element("input", {
      id, type: "range", min: 0, max: 1, step: 0.01, title: `${unit.muscle}; double-click resets`,
    });
    const output = element("output", { htmlFor: id });
    const own = element("i");
    const box = element(
      "div",
      { className: "unit" },
      element("b", { textContent: unit.number }),
      element("label", { htmlFor: id, textContent: unit.name }),
      element("div", { className: "rail" }, slider, own),
      output,
    );
    slider.setAttribute("aria-describedby", "hint-muscle");
    slider.addEventListener("input", () => this.model.set(unit.number, +slider.value, false));
    slider.addEventListener("change", () => this.model.set(unit.number, +slider.value, true));
    slider.addEventListener("mousedown", ({ detail }) => {
      if (detail === 1) this.model.mark();
    });
    box.addEventListener("dblclick", () => {
      this.model.forget(); // what the two clicks set on their way
      this.model.unset(unit.number);
    });
    slider.addEventListener("keydown", (event) => {
      if (event.key !== "Delete" && event.key !== "Backspace") return;
      event.preventDefault();
      this.model.unset(unit.number);
    });
    for (const event of ["pointerenter", "focusin"]) {
      box.addEventListener(event, () => this.explain(unit));
    }
    this.rows.set(unit.number, { box, slider, output, own });
    return box;
  }

  chip(one) {
    const words = one.name.replaceAll("-", " ");
    const button = element("button", {
      type: "button",
      textContent: words,
      className: words.length > 16 ? "wide" : "",
      title: one.note ? `${one.source}. ${one.note}` : one.source,
    });
    button.dataset.name = one.name;
    button.addEventListener("click", () => this.model.express(one.name));
    return button;
  }

  explain(unit) {
    byId("hint-name").textContent = `${unit.number} ${unit.name}`;
    byId("hint-muscle").textContent = unit.muscle;
    drawMuscle(byId("drawing"), unit.number);
  }

  show() {
    const { model } = this;
    const open = model.photo !== null;
    for (const [number, { box, slider, output, own }] of this.rows) {
      const value = open ? model.value(number) : 0;
      slider.disabled = !open;
      fill(slider, value.toFixed(2));
      output.value = open ? value.toFixed(2) : "";
      box.classList.toggle("changed", open && model.isChanged(number));
      const [right, left] = (open && model.currents[model.face][number]) || [0, 0];
      const shown = (right + left) / 2;
      own.style.setProperty("--own-share", shown < 0.02 ? 0 : shown);
    }
    for (const chip of this.chips) {
      chip.disabled = !open;
      chip.setAttribute("aria-pressed", open && model.look.expression === chip.dataset.name);
    }
    const strength = byId("strength");
    strength.disabled = !open || !model.look.expression;
    fill(strength, open ? model.look.strength : 1);
    byId("strength-value").value = (+strength.value).toFixed(2);
    this.setSide(model.side);
  }
}
