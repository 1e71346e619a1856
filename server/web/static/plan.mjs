// Dragging places and cameras on a floor plan: mouse, finger, pen and arrow keys. What is moved is told to the server by the
// same form fields as without this script; where that fails, everything goes back to where it was, and the page says so.

const STEP = 0.01; // of the plan, for one press of an arrow key
const NEAR = 0.12; // of the plan's width: how close to a place a found camera is let go
const WHOLE = 10_000;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class FloorPlan extends HTMLElement {
  connectedCallback() {
    this.svg = this.querySelector("svg.plan");
    this.said = this.querySelector("#plan-said");
    this.width = Number(this.svg.dataset.width);
    this.height = Number(this.svg.dataset.height);
    for (const marker of this.svg.querySelectorAll(".marker")) this.arm(marker);
    for (const loose of this.querySelectorAll(".loose")) this.armLoose(loose);
    this.classList.add("alive");
  }

  arm(marker) {
    marker.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      marker.focus();
      const before = marker.getAttribute("transform");
      marker.setPointerCapture(event.pointerId);
      marker.classList.add("held");
      let at = null;
      const move = (moved) => { at = this.point(moved); this.show(marker, at); };
      const end = (ended) => {
        marker.removeEventListener("pointermove", move);
        marker.classList.remove("held");
        if (ended.type === "pointercancel" || !at) { marker.setAttribute("transform", before); return; }
        this.keep(marker, at, before);
      };
      marker.addEventListener("pointermove", move);
      marker.addEventListener("pointerup", end, { once: true });
      marker.addEventListener("pointercancel", end, { once: true });
    });
    marker.addEventListener("keydown", (event) => {
      const way = KEYS[event.key];
      if (!way) return;
      event.preventDefault();
      const before = marker.getAttribute("transform");
      const [x, y] = before.match(/-?[\d.]+/g).map(Number);
      const far = event.shiftKey ? 5 : 1;
      const at = this.inside(x + way[0] * STEP * far * this.width, y + way[1] * STEP * far * this.width);
      this.show(marker, at);
      clearTimeout(marker.waiting);
      marker.waiting = setTimeout(() => this.keep(marker, at, before), 400);
    });
  }

  // Something that stands on no plan yet follows the pointer as a copy of its name, and stays where it was if let go outside.
  armLoose(loose) {
    loose.addEventListener("pointerdown", (event) => {
      if (event.button || event.target.closest("a, button")) return;
      // A finger on the rest of it scrolls the page.
      if (event.pointerType !== "mouse" && !event.target.closest(".grip")) return;
      event.preventDefault();
      const ghost = document.createElement("div");
      ghost.className = "ghost";
      ghost.textContent = loose.querySelector(".loose-name").textContent;
      let moved = false;
      const move = (now) => {
        if (!moved) { document.body.append(ghost); moved = true; }
        ghost.style.transform = `translate(${now.clientX + 12}px, ${now.clientY + 12}px)`;
        this.light(loose.dataset.kind === "found" ? this.near(this.point(now)) : null);
      };
      const end = (now) => {
        loose.removeEventListener("pointermove", move);
        ghost.remove();
        this.light(null);
        if (now.type === "pointercancel" || !moved || !this.isOver(now)) return;
        this.drop(loose, this.point(now));
      };
      loose.setPointerCapture(event.pointerId);
      loose.addEventListener("pointermove", move);
      loose.addEventListener("pointerup", end, { once: true });
      loose.addEventListener("pointercancel", end, { once: true });
    });
  }

  async drop(loose, at) {
    if (loose.dataset.kind !== "found") {
      const name = loose.querySelector(".loose-name").textContent;
      if (await this.tell(loose.dataset.kind, loose.dataset.id, at)) location.reload();
      else this.say(this.dataset.failed, name);
      return;
    }
    const place = this.near(at);
    if (!place) { this.said.textContent = this.dataset.choose; return; }
    const fields = { agent: loose.dataset.agent, discovery: loose.dataset.id, zone: place.dataset.id };
    location.assign(`${this.dataset.new}?${new URLSearchParams({ ...fields, plan: this.dataset.plan, ...this.parts(at) })}`);
  }

  async keep(marker, at, before) {
    const done = await this.tell(marker.dataset.kind, marker.dataset.id, at);
    if (!done) marker.setAttribute("transform", before);
    this.say(done ? this.dataset.moved : this.dataset.failed, marker.dataset.name);
  }

  async tell(kind, subject, at) {
    const body = new URLSearchParams({ plan: this.dataset.plan, kind, subject, ...this.parts(at) });
    try {
      return (await fetch(this.dataset.place, { method: "POST", body, signal: AbortSignal.timeout(10_000) })).ok;
    } catch {
      return false;
    }
  }

  say(words, name) { this.said.textContent = words.replace("{name}", name); }

  show(marker, [x, y]) { marker.setAttribute("transform", `translate(${Math.round(x)} ${Math.round(y)})`); }

  light(place) {
    for (const marker of this.svg.querySelectorAll(".marker.kind-zone")) marker.classList.toggle("lit", marker === place);
  }

  near([x, y]) {
    let best = null;
    let closest = NEAR * this.width;
    for (const marker of this.svg.querySelectorAll(".marker.kind-zone:not(.forbidden)")) {
      const [left, top] = marker.getAttribute("transform").match(/-?[\d.]+/g).map(Number);
      const away = Math.hypot(left - x, top - y);
      if (away < closest) { closest = away; best = marker; }
    }
    return best;
  }

  isOver(event) {
    const box = this.svg.getBoundingClientRect();
    return event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  }

  point(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return this.inside(at.x, at.y);
  }

  inside(x, y) { return [Math.min(Math.max(x, 0), this.width), Math.min(Math.max(y, 0), this.height)]; }

  parts([x, y]) {
    return { x: Math.round((x / this.width) * WHOLE), y: Math.round((y / this.height) * WHOLE) };
  }
}

customElements.define("floor-plan", FloorPlan);
