// A face in lines, and for each action unit an arrow where the skin moves.

const NAMESPACE = "http://www.w3.org/2000/svg";

const FACE = [
  "M50 12C26 12 20 34 21 56c1 26 16 52 29 52s28-26 29-52C80 34 74 12 50 12Z",
  "M25 41c4-5 12-6 18-2M75 41c-4-5-12-6-18-2",
  "M26 51c4-5 11-5 15 0c-4 4-11 4-15 0ZM74 51c-4-5-11-5-15 0c4 4 11 4 15 0Z",
  "M50 50c-1 6-5 12-5 16c2 3 8 3 10 0",
  "M37 84c5-4 9-5 13-3c4-2 8-1 13 3c-6 6-20 6-26 0ZM37 84h26",
];

// On the right half of the drawing, tail to head; drawn on the left half, too.
const ARROWS = {
  1: [[56, 37, 55, 27]],
  2: [[75, 38, 78, 28]],
  4: [[66, 33, 56, 41]],
  5: [[67, 46, 67, 37]],
  6: [[74, 69, 72, 59]],
  7: [[67, 61, 67, 55]],
  9: [[57, 67, 56, 56]],
  10: [[57, 79, 59, 69]],
  12: [[63, 83, 73, 73]],
  14: [[77, 84, 66, 84]],
  15: [[64, 84, 68, 95]],
  17: [[54, 103, 53, 93]],
  20: [[63, 86, 76, 88]],
  23: [[72, 84, 64, 84], [54, 73, 53, 79]],
  25: [[53, 80, 53, 73], [53, 87, 53, 94]],
  26: [[55, 93, 55, 105]],
  45: [[67, 43, 67, 52]],
};

export const GROUPS = [
  ["Brow", [1, 2, 4]],
  ["Eye", [5, 6, 7, 45]],
  ["Nose", [9]],
  ["Mouth", [10, 12, 14, 15, 20, 23, 25]],
  ["Jaw", [17, 26]],
];

function path(d, name) {
  const line = document.createElementNS(NAMESPACE, "path");
  line.setAttribute("d", d);
  if (name) line.setAttribute("class", name);
  return line;
}

function arrow([x0, y0, x1, y1]) {
  const angle = Math.atan2(y1 - y0, x1 - x0);
  const barb = (turn) =>
    `M${x1} ${y1}L${x1 - 4 * Math.cos(angle + turn)} ${y1 - 4 * Math.sin(angle + turn)}`;
  return `M${x0} ${y0}L${x1} ${y1}${barb(0.6)}${barb(-0.6)}`;
}

/** Draw the face into an SVG, with the arrows of an action unit (or null). */
export function drawMuscle(svg, number) {
  const arrows = (ARROWS[number] ?? []).flatMap(([x0, y0, x1, y1]) => [
    path(arrow([x0, y0, x1, y1]), "arrow"),
    path(arrow([100 - x0, y0, 100 - x1, y1]), "arrow"),
  ]);
  svg.replaceChildren(...FACE.map((d) => path(d)), ...arrows);
}
