// <nightlight-shown>: recorded pictures with the viewer's mark over them, also in full screen; one part after the other.
// Invariant: without its mark it shows nothing.

// Of each mark: they never lie over one another, and each half of the picture has one.
const PLACES = [[[4, 6], [46, 12], [12, 38], [34, 26]], [[8, 68], [55, 74], [40, 58], [22, 84]]];
const MOVE_MS = 4000;

class Shown extends HTMLElement {
  connectedCallback() {
    this.frame = this.querySelector(".live-frame");
    this.video = this.querySelector("video");
    this.text = this.getAttribute("mark");
    this.marks = ["live-mark", "live-mark second"].map((name) => {
      const mark = document.createElement("div");
      mark.className = name;
      mark.textContent = this.text;
      mark.setAttribute("aria-hidden", "true");
      this.frame.append(mark);
      return mark;
    });
    this.guard = new MutationObserver(() => this.check());
    this.guard.observe(this.frame, { childList: true, subtree: true, attributes: true, attributeFilter: ["hidden", "class"], characterData: true });
    this.moving = setInterval(() => this.move(), MOVE_MS);
    this.move();
    this.build();
    this.links = [...document.querySelectorAll("#parts a")];
    this.links.forEach((link) => link.addEventListener("click", (event) => {
      event.preventDefault();
      this.show(link);
    }));
    this.video.addEventListener("ended", () => {
      const next = this.links[this.links.findIndex((link) => link.hasAttribute("aria-current")) + 1];
      if (next) this.show(next);
    });
  }

  // Controls of our own: a browser's own would take the bare video to the full screen, without its mark.
  build() {
    const bar = document.createElement("div");
    bar.className = "live-bar";
    const button = document.createElement("button");
    button.type = "button";
    const at = document.createElement("input");
    Object.assign(at, { type: "range", min: 0, step: 0.1, value: 0 });
    at.setAttribute("aria-label", this.getAttribute("place"));
    const told = () => { button.textContent = this.getAttribute(this.video.paused ? "play" : "pause"); };
    button.addEventListener("click", () => (this.video.paused ? this.video.play().catch(() => {}) : this.video.pause()));
    for (const name of ["play", "pause"]) this.video.addEventListener(name, told);
    this.video.addEventListener("timeupdate", () => {
      at.max = this.video.duration || 0;
      at.value = this.video.currentTime;
    });
    at.addEventListener("input", () => { this.video.currentTime = at.value; });
    told();
    bar.append(button, at);
    this.frame.append(bar);
  }

  disconnectedCallback() { clearInterval(this.moving); }

  show(link) {
    for (const other of this.links) other.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    this.video.src = link.href;
    this.video.play().catch(() => {});
  }

  move() {
    this.check();
    this.marks.forEach((mark, number) => {
      const places = PLACES[number], [x, y] = places[Math.floor(Math.random() * places.length)];
      mark.style.left = `${x}%`;
      mark.style.top = `${y}%`;
    });
  }

  check() {
    const there = this.marks.every((mark) => {
      const seen = getComputedStyle(mark);
      return mark.isConnected && mark.textContent === this.text && seen.display !== "none" && seen.visibility === "visible" && Number(seen.opacity) > 0.3;
    });
    if (there) return;
    clearInterval(this.moving);
    this.guard.disconnect();
    this.video.removeAttribute("src");
    this.video.load();
    const told = document.createElement("p");
    told.setAttribute("role", "alert");
    told.textContent = this.getAttribute("covered");
    this.replaceChildren(told);
  }
}

customElements.define("nightlight-shown", Shown);
