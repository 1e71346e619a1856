// <nightlight-player>: one camera, live, with the viewer's mark over it.
// Invariants: what it shows is now, or it says that it is not; an end is told with its reason; no ticket is ever in an
// address; a view whose mark was taken off is closed.
// Source: W3C Media Source Extensions 2 (ManagedMediaSource), RFC 6455, RFC 8216bis.

const EDGE_S = 0.12, CATCH_UP_S = 0.35, SEEK_S = 1.2, KEEP_S = 12, STALL_MS = 2000, GIVE_UP_MS = 6000;
const BACKOFF_MS = [400, 1000, 2000, 4000, 8000, 15000];
const AGAIN = new Set(["unavailable", "lease_changed", "stopping", "bad_ticket"]);
// Of each mark: they never lie over one another, and each half of the picture has one.
const PLACES = [[[4, 6], [46, 12], [12, 38], [34, 26]], [[8, 68], [55, 74], [40, 58], [22, 84]]];
const MARK_MS = 4000;

class Player extends HTMLElement {
  connectedCallback() {
    this.words = JSON.parse(this.getAttribute("words"));
    this.figures = { state: "", frames: 0, bytes: 0, seeks: 0, firstFrameMs: 0, lag: 0 };
    this.tries = 0;
    this.reason = "";
    const form = this.querySelector("form");
    if (form) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.reason = new FormData(form).get("reason");
        form.remove();
        this.build();
        this.start();
      });
    } else {
      this.build();
      this.start();
    }
    addEventListener("pagehide", () => this.close());
  }

  disconnectedCallback() { this.close(); }

  build() {
    this.frame = make("div", "live-frame");
    this.video = make("video");
    Object.assign(this.video, { muted: true, autoplay: true, playsInline: true, disablePictureInPicture: true, disableRemotePlayback: true });
    this.video.setAttribute("playsinline", "");
    this.marks = [make("div", "live-mark"), make("div", "live-mark second")];
    for (const mark of this.marks) mark.setAttribute("aria-hidden", "true");
    this.bar = make("div", "live-bar");
    this.said = make("span", "live-state");
    this.said.setAttribute("role", "status");
    this.wide = make("button", "", this.words.fullscreen);
    this.wide.type = "button";
    this.wide.addEventListener("click", () => this.fullscreen());
    this.bar.append(this.said, this.wide);
    this.curtain = make("div", "live-curtain");
    this.told = make("p");
    this.told.setAttribute("role", "alert");
    this.button = make("button", "", this.words.again);
    this.button.type = "button";
    this.button.addEventListener("click", () => { this.tries = 0; this.start(); });
    this.curtain.append(this.told, this.button);
    this.curtain.hidden = true;
    this.frame.append(this.video, ...this.marks, this.bar, this.curtain);
    this.append(this.frame);
    new ResizeObserver(() => this.move()).observe(this.frame);
    this.guard = new MutationObserver(() => this.checkMarks());
    this.guard.observe(this.frame, { childList: true, subtree: true, attributes: true, attributeFilter: ["hidden", "class"], characterData: true });
    document.addEventListener("fullscreenchange", () => {
      this.wide.textContent = document.fullscreenElement ? this.words.small : this.words.fullscreen;
      this.move();
    });
    if (this.video.requestVideoFrameCallback) {
      const seen = () => {
        this.presented();
        this.video.requestVideoFrameCallback(seen);
      };
      this.video.requestVideoFrameCallback(seen);
    } else {
      this.video.addEventListener("timeupdate", () => this.presented());
    }
    this.watching = setInterval(() => this.look(), 250);
    this.moving = setInterval(() => this.move(), MARK_MS);
  }

  async start() {
    clearTimeout(this.later);
    this.drop();
    this.curtain.hidden = true;
    this.state("connecting");
    this.began = performance.now();
    this.heardAt = this.began;
    this.shown = false;
    const mine = this.attempt = {};
    let answer;
    try {
      const body = new URLSearchParams({ reason: this.reason });
      const camera = encodeURIComponent(this.getAttribute("camera"));
      answer = await fetch(`/live/${camera}/tickets`, { method: "POST", body, redirect: "error" });
      if (mine !== this.attempt) return;
      if (answer.status === 401) return this.ended("session_over");
      if (answer.status === 404) return this.ended("not_found");
      const told = await answer.json();
      if (mine !== this.attempt) return;
      if (!answer.ok) return this.ended(told.reason || "unavailable", told.next_us);
      const source = self.ManagedMediaSource || self.MediaSource;
      if (source) this.overSocket(told.ticket, source);
      else if (this.video.canPlayType("application/vnd.apple.mpegurl")) await this.overHls(told.ticket);
      else this.close("unsupported");
    } catch {
      if (mine === this.attempt) this.retry("offline");
    }
  }

  overSocket(ticket, Source) {
    const socket = this.socket = new WebSocket(new URL(`${this.getAttribute("base")}ws`, location.href.replace(/^http/, "ws")).href.replace(/^http/, "ws"));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify({ ticket }));
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      this.heardAt = performance.now();
      if (typeof data !== "string") {
        this.figures.bytes += data.byteLength;
        this.queue.push(data);
        this.pump();
        return;
      }
      const told = JSON.parse(data);
      if (told.type === "view") this.mark(told);
      else if (told.type === "stream") this.open(told.codec, Source);
      else if (told.type === "ended") this.ended(told.reason, told.next_us);
    };
    socket.onclose = () => { if (socket === this.socket) this.retry("offline"); };
  }

  open(codec, Source) {
    const kind = `video/mp4; codecs="${codec}"`;
    if (!Source.isTypeSupported(kind)) return this.close("unsupported");
    this.queue = [];
    this.buffer = null;
    const source = this.source = new Source();
    this.release();
    this.url = this.video.src = URL.createObjectURL(source);
    source.addEventListener("sourceopen", () => {
      if (source !== this.source) return;
      this.buffer = source.addSourceBuffer(kind);
      this.buffer.mode = "segments";
      this.buffer.addEventListener("updateend", () => this.appended());
      this.pump();
    });
    this.video.play().catch(() => {});
  }

  pump() {
    if (!this.buffer || this.buffer.updating || !this.queue.length || this.source.readyState !== "open") return;
    const parts = this.queue.splice(0);
    let all = parts[0];
    if (parts.length > 1) {
      all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
      let at = 0;
      for (const part of parts) {
        all.set(new Uint8Array(part), at);
        at += part.byteLength;
      }
    }
    try {
      this.buffer.appendBuffer(all);
    } catch {
      this.retry("stalled");
    }
  }

  appended() {
    if (!this.buffer) return; // the view ended meanwhile
    this.edge();
    const { buffered } = this.buffer;
    if (this.queue.length) return this.pump();
    if (buffered.length && this.video.currentTime - buffered.start(0) > 2 * KEEP_S) {
      this.buffer.remove(0, this.video.currentTime - KEEP_S);
    }
  }

  edge() {
    const { buffered } = this.video;
    if (!buffered.length || !this.buffer) return;
    const end = buffered.end(buffered.length - 1), lag = end - this.video.currentTime;
    this.figures.lag = lag;
    if (lag > SEEK_S || lag < 0 || !this.shown && lag > EDGE_S) {
      this.video.currentTime = Math.max(buffered.start(buffered.length - 1), end - EDGE_S / 2);
      this.figures.seeks += 1;
    } else {
      this.video.playbackRate = lag > CATCH_UP_S ? 1.15 : lag > EDGE_S * 1.5 ? 1.05 : 1;
    }
    if (this.video.paused) this.video.play().catch(() => {});
  }

  async overHls(ticket) {
    const base = new URL(this.getAttribute("base"), location.href);
    const answer = await fetch(new URL("hls", base), { method: "POST", body: ticket, credentials: "include" });
    const told = await answer.json();
    if (!answer.ok) return this.ended(told.reason || "unavailable", told.next_us);
    this.mark(told);
    this.overNative = true;
    this.video.src = new URL(told.playlist, base).href;
    this.video.onerror = () => this.retry("stalled");
    this.video.play().catch(() => {});
  }

  presented() {
    if (!this.url && !this.overNative) return;
    const now = performance.now();
    this.presentedAt = now;
    this.figures.frames += 1;
    if (!this.shown) {
      this.shown = true;
      this.figures.firstFrameMs = now - this.began;
    }
    this.tries = 0;
    if (this.figures.state !== "live") this.state("live");
  }

  look() {
    if (!["connecting", "live", "stalled"].includes(this.figures.state)) return;
    this.checkMarks();
    const now = performance.now(), since = this.shown ? this.presentedAt : this.began;
    if (this.figures.state === "live" && now - since > STALL_MS) this.state("stalled");
    if (this.figures.state === "stalled") {
      this.edge();
      if (now - Math.max(this.heardAt, since) > GIVE_UP_MS) this.retry("stalled");
    }
    if (this.figures.state === "connecting" && now - this.began > STALL_MS) this.said.textContent = this.words.waiting;
    if (this.figures.state === "connecting" && now - this.began > 5 * GIVE_UP_MS) this.retry("stalled");
  }

  mark({ mark, code }) {
    this.text = `${mark} · ${code}`;
    for (const one of this.marks) one.textContent = this.text;
    this.figures.code = code;
    this.move();
  }

  move() {
    // Within the picture itself, wherever it stands in its frame.
    const { clientWidth: width, clientHeight: height } = this.frame;
    const wide = this.video.videoWidth || 16, high = this.video.videoHeight || 9, scale = Math.min(width / wide, height / high);
    const left = (width - wide * scale) / 2, top = (height - high * scale) / 2;
    this.marks.forEach((mark, number) => {
      const places = PLACES[number], [x, y] = places[Math.floor(Math.random() * places.length)];
      // Whoever's name is long: the code at its end is never cut off.
      mark.style.left = `${left + Math.min(wide * scale * x / 100, wide * scale - mark.offsetWidth - 4)}px`;
      mark.style.top = `${top + high * scale * y / 100}px`;
    });
  }

  checkMarks() {
    const there = this.marks.every((mark) => {
      const seen = getComputedStyle(mark);
      const right = !this.text || mark.textContent === this.text;
      return mark.isConnected && right && seen.display !== "none" && seen.visibility === "visible" && Number(seen.opacity) > 0.3;
    });
    if (!there && this.isConnected) this.close("covered");
  }

  ended(reason, nextUs) {
    if (AGAIN.has(reason)) return this.retry("offline", this.words.ended[reason]);
    let text = this.words.ended[reason] || this.words.ended.unavailable;
    if (nextUs) {
      const time = new Date(nextUs / 1000).toLocaleString(document.documentElement.lang, { timeZone: this.getAttribute("zone"), dateStyle: "medium", timeStyle: "short" });
      text += this.words.gap + this.words.next.replace("{time}", time);
    }
    this.figures.reason = reason;
    this.drop();
    this.state("ended", text);
    if (reason === "blanked") this.later = setTimeout(() => this.start(), 30000 + 5000 * Math.random());
  }

  retry(state, text) {
    this.drop();
    const wait = BACKOFF_MS[Math.min(this.tries, BACKOFF_MS.length - 1)] * (0.8 + 0.4 * Math.random());
    this.tries += 1;
    this.state(state, text);
    clearTimeout(this.later);
    this.later = setTimeout(() => this.start(), wait);
  }

  close(state) {
    clearTimeout(this.later);
    this.attempt = null;
    if (!this.frame) return;
    this.drop();
    if (state) {
      this.guard.disconnect();
      this.state("ended", this.words[state]);
    } else {
      clearInterval(this.watching);
      clearInterval(this.moving);
    }
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    if (socket) socket.close();
    this.source = this.buffer = null;
    this.overNative = false;
    this.queue = [];
    this.release();
    this.video.onerror = null;
    this.video.removeAttribute("src");
    this.video.load();
  }

  release() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = "";
  }

  state(name, text) {
    this.figures.state = name;
    this.frame.dataset.state = name;
    const said = text || this.words[name] || "";
    this.said.textContent = said;
    this.curtain.hidden = name !== "ended";
    this.told.textContent = name === "ended" ? said : "";
  }

  fullscreen() {
    if (document.fullscreenElement) return document.exitFullscreen();
    if (this.frame.requestFullscreen) return this.frame.requestFullscreen();
    this.frame.classList.toggle("tall"); // phones that give whole screens to bare videos alone, which carry no mark
  }
}

function make(tag, name = "", text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}

customElements.define("nightlight-player", Player);
