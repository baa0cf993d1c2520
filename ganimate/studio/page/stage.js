// The picture: the photo, the patches that are painted anew, and where the faces are.

const byId = (id) => document.getElementById(id);

export class Stage {
  /** chosen: called with the number of a face that was clicked. */
  constructor(chosen) {
    this.chosen = chosen;
    this.canvas = byId("canvas");
    this.photo = null;
    this.bitmap = null; // the photo itself
    this.patches = new Map(); // face -> the patch that shows it changed
    this.moment = null; // a patch of a film, in place of the others
    this.before = false;
    this.divided = false;
    this.zoomed = false;
    this.face = 0;
    this.onResize = () => {};
    new ResizeObserver(() => {
      this.draw();
      this.onResize();
    }).observe(this.canvas);
    const divider = byId("divider");
    divider.addEventListener("input", () => this.draw());
  }

  open(photo) {
    this.photo = photo;
    this.bitmap = null;
    this.moment = null;
    this.patches.clear();
    this.zoomed = false;
    this.face = photo.largest;
    const group = byId("faces");
    group.className = photo.faces.length === 1 ? "one" : "";
    group.replaceChildren(
      ...photo.faces.map((face) => {
        const button = document.createElement("button");
        button.type = "button";
        button.setAttribute("aria-label", `Face ${face.index + 1} of ${photo.faces.length}`);
        button.addEventListener("click", () => this.chosen(face.index));
        if (photo.faces.length > 1) {
          button.append(Object.assign(document.createElement("span"), { textContent: face.index }));
        }
        return button;
      }),
    );
  }

  /** The part of the photo that is shown, in photo pixels, and canvas pixels for one of them. */
  window() {
    const { width, height } = this.photo;
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [this.canvas.clientWidth * ratio, this.canvas.clientHeight * ratio];
    let [left, top, right, bottom] = [0, 0, width, height];
    if (this.zoomed) {
      const corners = this.photo.faces[this.face].corners;
      const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
      const margin = 0.12 * (Math.max(...xs) - Math.min(...xs));
      [left, right] = [Math.min(...xs) - margin, Math.max(...xs) + margin];
      [top, bottom] = [Math.min(...ys) - margin, Math.max(...ys) + margin];
    }
    const scale = Math.min(w / (right - left), h / (bottom - top));
    return {
      scale,
      x: w / 2 - (scale * (left + right)) / 2,
      y: h / 2 - (scale * (top + bottom)) / 2,
      w,
      h,
      ratio,
    };
  }

  /** Screen pixels for a photo pixel, in the steps of the server's views. */
  get scale() {
    return 2 ** (Math.ceil(4 * Math.log2(this.window().scale)) / 4);
  }

  draw() {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    if (!this.photo || !this.bitmap) return;
    const view = this.window();
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.setTransform(view.scale, 0, 0, view.scale, view.x, view.y);
    const { width, height } = this.photo;
    context.drawImage(this.bitmap, 0, 0, width, height);
    if (!this.before) this.drawPatches(context, view);
    this.placeFaces(view);
  }

  drawPatches(context, view) {
    const divider = byId("divider");
    const edge = this.divided ? divider.value * view.w : 0;
    byId("line").style.left = `${edge / view.ratio}px`;
    const clip = new Path2D();
    clip.rect((edge - view.x) / view.scale, -1e5, 2e5, 2e5);
    context.clip(clip);
    for (const { bitmap, box } of this.moment ? [this.moment] : this.patches.values()) {
      context.drawImage(bitmap, ...box);
    }
  }

  placeFaces(view) {
    [...byId("faces").children].forEach((button, index) => {
      const [[x0, y0], [x1, y1], , [x3, y3]] = this.photo.faces[index].corners.map(([x, y]) => [
        (x * view.scale + view.x) / view.ratio,
        (y * view.scale + view.y) / view.ratio,
      ]);
      Object.assign(button.style, {
        left: `${x0}px`,
        top: `${y0}px`,
        width: `${Math.hypot(x1 - x0, y1 - y0)}px`,
        height: `${Math.hypot(x3 - x0, y3 - y0)}px`,
        transformOrigin: "0 0",
        transform: `rotate(${Math.atan2(y1 - y0, x1 - x0)}rad)`,
      });
      button.setAttribute("aria-pressed", index === this.face);
    });
  }

  /** A small picture of the face as it is shown now, for a key of the film. */
  thumbnail(canvas, patch) {
    const corners = this.photo.faces[this.face].corners;
    const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    const side = Math.max(...xs) - left;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.setTransform(canvas.width / side, 0, 0, canvas.width / side,
      (-left * canvas.width) / side, (-top * canvas.width) / side);
    context.drawImage(this.bitmap, 0, 0, this.photo.width, this.photo.height);
    if (patch) context.drawImage(patch.bitmap, ...patch.box);
  }
}
