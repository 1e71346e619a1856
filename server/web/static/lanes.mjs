// A drawing that is looked into: a click on a lane leads to the minute, or the day, under the pointer, whose time is shown.
// Without this script the same is reached by the links and the form around it.

class NightLanes extends HTMLElement {
  connectedCallback() {
    const { start, end, zone, minute, first, days, to } = this.dataset;
    if (!minute && !to) return;
    this.told = document.createElement("output");
    this.told.className = "lanes-told";
    this.told.hidden = true;
    this.append(this.told);
    const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone || "UTC" });
    this.find = (event) => {
      const lane = event.target.closest?.(".lane-day");
      if (!lane) return null;
      const box = lane.getBoundingClientRect();
      const share = Math.min(0.999999, Math.max(0, (event.clientX - box.left) / box.width));
      if (to) {
        const day = new Date(`${first}T00:00:00Z`);
        day.setUTCDate(day.getUTCDate() + Math.floor(share * Number(days)));
        const name = day.toISOString().slice(0, 10);
        return { words: name, address: to + name };
      }
      const at = Math.floor((Number(start) + share * (Number(end) - Number(start))) / 6e7) * 6e7;
      const camera = lane.closest("[data-camera]").dataset.camera;
      return { words: clock.format(at / 1000), address: `${minute}${camera}?at=${at}` };
    };
    this.addEventListener("pointermove", (event) => this.tell(event));
    this.addEventListener("pointerleave", () => { this.told.hidden = true; });
    this.addEventListener("click", (event) => {
      const found = this.find(event);
      if (found) location.assign(found.address);
    });
  }

  tell(event) {
    const found = this.find(event);
    this.told.hidden = !found;
    if (!found) return;
    const box = this.getBoundingClientRect();
    this.told.textContent = found.words;
    this.told.style.left = `${Math.min(box.width - 70, event.clientX - box.left + 10)}px`;
    this.told.style.top = `${event.clientY - box.top - 34}px`;
  }
}

customElements.define("night-lanes", NightLanes);
